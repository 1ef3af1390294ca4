"""`hilum audit`: is the score real?"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Exit, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.audit.record import Audit
    from hilum.screening.lungs import LungSegmenter


def audit(
    bundle: Annotated[Path, Argument(help="The model to audit, as `hilum export` wrote it.")],
    *,
    manifest: Annotated[Path, Option(help="Its films, with labels and all splits.")],
    out: Annotated[Path, Option(help="Folder for the page, audit.json and the answers kept.")],
    split: Annotated[str, Option(help="Split to audit.")] = "test",
    films: Annotated[
        int | None, Option(min=1, help="At most so many films of the split; default all.")
    ] = None,
    taught_films: Annotated[
        int, Option(min=0, help="At most so many films of the train split.")
    ] = 400,
    only: Annotated[list[str] | None, Option(help="A check to run; repeatable.")] = None,
    skip: Annotated[list[str] | None, Option(help="A check not to run; repeatable.")] = None,
    segmenter: Annotated[
        Path | None, Option(help="Folder of a lung segmenter; default the one that came along.")
    ] = None,
    resamples: Annotated[int, Option(min=0, help="Of patients, for the limits.")] = 1000,
    seed: Annotated[int, Option(min=0, help="Seed of everything random.")] = 0,
    gate: Annotated[bool, Option(help="Exit with 4 when a check fails.")] = False,
    json: Annotated[bool, Option("--json", help="Print every number as JSON.")] = False,
) -> None:
    """Ask of a model's score whether it is real: one page of checks, each pass, warn or fail.

    Repeating the command asks the network only what was not asked before. Exit code 4 under
    --gate: a check failed.
    """
    from hilum.audit.run import audit as run_audit
    from hilum.audit.subject import Settings
    from hilum.cli.evaluate import labelled_images
    from hilum.report.audit_page import write_audit_page
    from hilum.screening.bundle import Bundle

    if out.exists() and not out.is_dir():
        raise BadParameter(f"{out} is a file; name a folder", param_hint="--out")
    opened = Bundle.load(bundle)
    images, _ = labelled_images(bundle, manifest, leaks=True)
    if images is None:
        raise BadParameter("is needed", param_hint="--manifest")
    typed = ["hilum", "audit", str(bundle), "--manifest", str(manifest), "--out", str(out)]
    for name, value, usual in (
        ("split", split, "test"), ("films", films, None), ("taught-films", taught_films, 400),
        ("resamples", resamples, 1000), ("seed", seed, 0),
    ):  # fmt: skip
        typed += [] if value == usual else [f"--{name}", str(value)]
    typed += [part for name in only or [] for part in ("--only", name)]
    typed += [part for name in skip or [] for part in ("--skip", name)]
    with progress_bar("audit") as show:
        found = run_audit(
            opened,
            images,
            out,
            settings=Settings(
                split=split,
                films=films,
                taught_films=taught_films,
                resamples=resamples,
                seed=seed,
            ),
            only=only or (),
            skip=skip or (),
            segmenter=_segmenter(segmenter),
            about={"command": shlex.join(typed), "manifest": manifest.name},
            progress=lambda _, done, total: show(done, total),
        )
    page = write_audit_page(found.to_dict(), out)
    if json:
        note(f"The page is {page}.")
        print_json(found.to_dict())
    else:
        echo(f"{page}\n{_in_words(found)}")
    for path, why in found.about["unreadable"].items():
        note(f"left out: {path}: {why}")
    if gate and found.verdict == "fail":
        raise Exit(4)


def _segmenter(folder: Path | None) -> LungSegmenter:
    from hilum.screening.lungs import LungSegmenter

    return LungSegmenter.load(folder)


def _in_words(found: Audit) -> str:
    from hilum.audit.record import VERDICTS
    from hilum.evaluation.record import RESEARCH_USE

    lines = [f"{found.headline_name} {found.headline.text()} on {found.headline.n:,} films"]
    if found.baseline is not None:
        lines[0] += f"; a rule that only knows the source: {found.baseline.text()}"
    order = {verdict: number for number, verdict in enumerate(VERDICTS)}
    lines += [
        f"  {result.outcome.verdict.upper():8}{result.title}: {result.outcome.summary}"
        for result in sorted(found.results, key=lambda one: order[one.outcome.verdict])
    ]
    return "\n".join([*lines, RESEARCH_USE])
