"""`hilum compare`: two models on the same films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json


def compare(
    first: Annotated[Path, Argument(metavar="A.csv", help="Predictions of one model.")],
    second: Annotated[Path, Argument(metavar="B.csv", help="Predictions of the other.")],
    *,
    manifest: Annotated[
        Path | None, Option(help="Images with labels, to check both against.")
    ] = None,
    split: Annotated[str | None, Option(help="Compare on this split of the manifest only.")] = None,
    out: Annotated[
        Path | None, Option(help="Folder for comparison.json, comparison.csv and a picture.")
    ] = None,
    names: Annotated[
        tuple[str, str] | None, Option(help="What to call the two; their file names otherwise.")
    ] = None,
    interval: Annotated[
        Literal["auto", "percentile", "bca"], Option(help="How limits are found.")
    ] = "auto",
    resamples: Annotated[int, Option(min=0, help="Resamples of patients; 0: no limits.")] = 2000,
    seed: Annotated[int, Option(min=0, help="Seed of the resampling.")] = 0,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which of two models is better on the same films, if that can be said."""
    from hilum.evaluation.compare import compare as compared
    from hilum.evaluation.matching import match_manifest
    from hilum.evaluation.predictions import Predictions

    if split is not None and manifest is None:
        raise BadParameter("needs --manifest, which knows the splits", param_hint="--split")
    tables = [Predictions.read(path) for path in (first, second)]
    notes: list[str] = []
    if manifest is not None:
        from hilum.data.manifest import Manifest

        images = Manifest.read(manifest, check_files=False)
        matched = [match_manifest(table, images, split=split) for table in tables]
        tables = [match.predictions for match in matched]
        notes = list(dict.fromkeys(text for match in matched for text in match.notes))
    found = compared(
        tables[0],
        tables[1],
        names=names or _names(first, second),
        resamples=resamples,
        seed=seed,
        interval=interval,
        notes=notes,
    )
    if out is not None:
        from hilum.report.comparison_pages import write_comparison
        from hilum.report.drawing import NO_PICTURES, can_draw

        write_comparison(out, found, {"a_path": str(first), "b_path": str(second)})
        note(f"Written to {out}." if can_draw() else f"Written to {out}. {NO_PICTURES}")
    if json:
        print_json({"a_path": str(first), "b_path": str(second), **found.to_dict()})
        return
    from hilum.report.evidence_tables import comparison_text

    echo(comparison_text(found), nl=False)


def _names(first: Path, second: Path) -> tuple[str, str]:
    """Return the file names, or those of their folders, whichever differ."""
    one, two = first.absolute(), second.absolute()
    for names in ((one.stem, two.stem), (one.parent.name, two.parent.name)):
        if names[0] != names[1]:
            return names
    return "A", "B"
