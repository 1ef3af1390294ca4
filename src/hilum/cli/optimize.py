"""`hilum optimize`: a faster engine, if it says the same on the user's own films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, BadParameter, Exit, Option, echo

from hilum.cli.console import note, print_json, progress_bar


def optimize(
    bundle: Annotated[Path, Argument(help="The bundle; it is left as it is.")],
    *,
    manifest: Annotated[Path, Option(help="Films with labels, as many as you have.")],
    out: Annotated[Path, Option(help="The new bundle's folder.")],
    precision: Annotated[
        Literal["auto", "fp32", "bf16", "int8"],
        Option(help="auto: all, and the fastest that passes."),
    ] = "auto",
    split: Annotated[
        str | None,
        Option(help="Split to measure on: test where there is one, else patients at random."),
    ] = None,
    calibration: Annotated[int, Option(min=20, help="Films to set int8 by, at most.")] = 1000,
    films: Annotated[int, Option(min=200, help="Films to measure on, at most.")] = 2000,
    threads: Annotated[
        int | None, Option(min=1, help="Of one inference; default one a core.")
    ] = None,
    least_speed: Annotated[
        float, Option(min=0, help="Write nothing that is not so many times as fast.")
    ] = 1.05,
    report: Annotated[Path | None, Option(help="Write what was measured as JSON.")] = None,
    seed: Annotated[int, Option(min=0, help="Of the drawing and the resampling.")] = 0,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a bundle.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Make a bundle with a faster engine, if it passes on your films. Research use only.

    An engine passes if it decides alike on at least 99.5 % of the films and loses at most 0.002 of
    the AUROC. Exit code 4: none passes, nothing was written.
    """
    from hilum.cli.evaluate import labelled_images
    from hilum.screening.bundle import Bundle
    from hilum.screening.optimize import optimize_bundle
    from hilum.screening.optimize_report import report_text, write_report

    if out.resolve() == bundle.resolve():
        raise BadParameter("it would replace the bundle; name another folder", param_hint="--out")
    opened = Bundle.load(bundle)
    images, _ = labelled_images(bundle, manifest)
    if images is None:
        raise BadParameter("needed", param_hint="--manifest")
    with progress_bar("reading") as progress:
        found = optimize_bundle(
            opened, images, out, precision=precision, split=split, calibrate=calibration,
            most=films, threads=threads, least_speed=least_speed, seed=seed,
            overwrite=overwrite, say=note, progress=progress,
        )  # fmt: skip
    if report is not None:
        write_report(report, found.report)
    if json:
        print_json({**found.report, "bundle": None if found.bundle is None else found.bundle.id})
    else:
        echo(report_text(found.report))
    if found.bundle is None:
        raise Exit(4)
    note(f"Bundle {found.bundle.id[:12]} in {out}.")
