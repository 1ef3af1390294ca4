"""`hilum data baseline`: what rules score that never look at a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option, echo

from hilum.cli.console import print_json

if TYPE_CHECKING:
    from hilum.evaluation.record import Estimate
    from hilum.evaluation.zero_pixel import BlindRule, ZeroPixel


def baseline(
    manifest: Annotated[Path, Argument(help="Manifest (.csv, .parquet) or class folders.")],
    *,
    column: Annotated[
        list[str] | None,
        Option(metavar="NAME", help="What a rule looks at; repeatable; default all metadata."),
    ] = None,
    positive: Annotated[
        str | None, Option(metavar="LABEL", help="Score this label against all others.")
    ] = None,
    split: Annotated[
        str | None, Option(metavar="NAME", help="Where to test; default test, else val.")
    ] = None,
    resamples: Annotated[int, Option(min=0, help="Of patients, for the intervals.")] = 1000,
    seed: Annotated[int, Option(min=0, help="Of the resampling and the parts.")] = 0,
    encoding: Annotated[str, Option(help="Of a CSV file.")] = "utf-8",
    json: Annotated[bool, Option("--json", help="Print every figure as JSON.")] = False,
) -> None:
    """Score rules that never look at a picture: the commonest label of each source, size, age ...

    Needs no image. They learn from the train split and are tested on the test split; without
    splits they are cross-validated by patient. Any score of a network belongs beside these.
    """
    from hilum.data.manifest import Manifest
    from hilum.evaluation.zero_pixel import zero_pixel

    images = Manifest.read(
        manifest, check_files=False, labelled=False, leaks=True, encoding=encoding
    )
    found = zero_pixel(
        images, columns=column, positive=positive, split=split, resamples=resamples, seed=seed
    )
    print_json({"manifest": str(manifest), **found.to_dict()}) if json else echo(_in_words(found))


def _in_words(found: ZeroPixel) -> str:
    counts = ", ".join(f"{label} {count:,}" for label, count in found.class_counts.items())
    where = "all images" if found.where == "cross-validated" else f"split {found.where}"
    lines = [
        f"Tested on {where}: {found.images:,} images of {found.patients:,} patients ({counts}).",
        f"Learnt from {found.learnt_from}. Intervals: 95 %, patients resampled.",
        *found.notes,
        "",
        *_table(found),
        "",
        found.sentence,
        "Research use only.",
    ]
    return "\n".join(lines)


def _table(found: ZeroPixel) -> list[str]:
    """Draw a row a rule; of two classes sensitivity and specificity, else a row a class too."""
    two = len(found.classes) == 2
    heads = ["looks only at", "accuracy", "balanced accuracy", "AUROC" if two else "mean AUROC"]
    heads += [f"sensitivity, {found.classes[1]}", "specificity"] if two else []
    rows = [heads, *(_cells(rule, found) for rule in found.rules)]
    lines = _aligned(rows)
    first = next((rule for rule in found.rules if rule.groups > 1), None)
    if not two and first is not None:
        per_class = [[f"by {first.looks_at}, each label", "sensitivity", "specificity", "AUROC"]]
        per_class += [
            [label, *(_figure(row[name]) for name in ("recall", "specificity", "auroc"))]
            for label, row in first.per_class.items()
        ]
        lines += ["", *_aligned(per_class)]
    guessed = [f"{rule.looks_at} {rule.guessed:,}" for rule in found.rules if rule.guessed]
    if guessed:
        lines += ["", f"unknown or unseen, guessed as the commonest label: {', '.join(guessed)}"]
    return lines


def _cells(rule: BlindRule, found: ZeroPixel) -> list[str]:
    cells = [rule.looks_at, *(_figure(value) for value in rule.metrics.values())]
    if len(found.classes) == 2:
        positive = rule.per_class[found.classes[1]]
        cells += [_figure(positive["recall"]), _figure(positive["specificity"])]
    return cells


def _figure(value: Estimate) -> str:
    return value.text().replace(" to ", "-")


def _aligned(rows: list[list[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
