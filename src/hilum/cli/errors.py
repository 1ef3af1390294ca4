"""`hilum errors`: the films called wrongly, what they share, and what the network looked at."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, BadParameter, Exit, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.report.errors.write import Written
    from hilum.screening.bundle import Bundle

_NAMED = 5


def errors(
    what: Annotated[
        Path,
        Argument(metavar="PREDICTIONS.csv|RUN|BUNDLE", help="As for `hilum evaluate`."),
    ],
    *,
    manifest: Annotated[Path, Option(help="Images with labels and what is known of them.")],
    out: Annotated[
        Path, Option(help="Folder for index.html, errors.csv, errors.json and films.png.")
    ],
    split: Annotated[
        str | None, Option(help="Split to look at. Of a run or a bundle: test if not given.")
    ] = None,
    bundle: Annotated[
        Path | None, Option(help="Bundle whose maps explain the films of a table or a run.")
    ] = None,
    count: Annotated[int, Option(min=0, help="Films to show.")] = 24,
    positive: Annotated[str | None, Option(help="Of two classes, the positive one.")] = None,
    threshold: Annotated[
        float | None,
        Option(min=0, max=1, help="Call positive from this probability on; two classes."),
    ] = None,
    shuffles: Annotated[int, Option(min=100, help="Of patients, for each test.")] = 2000,
    seed: Annotated[int, Option(min=0, help="Seed of the shuffles.")] = 0,
    json: Annotated[bool, Option("--json", help="Print every number as JSON.")] = False,
) -> None:
    """Show the films most confidently wrong, with maps, and what the errors share.

    Exit code 3: some films could not be shown; the page names them.
    """
    from hilum.cli.evaluate import found_predictions, labelled_images, two_classes
    from hilum.evaluation.matching import match_manifest
    from hilum.report.drawing import can_draw
    from hilum.report.errors.write import write_errors

    if out.exists() and not out.is_dir():
        raise BadParameter(f"{out} is a file; name a folder", param_hint="--out")
    split = "test" if split is None and what.is_dir() else split
    explainer = _bundle(what, bundle)
    images, _ = labelled_images(what, manifest)
    if images is None:
        raise BadParameter("is needed", param_hint="--manifest")
    found = found_predictions(what, images, split, positive=positive, ignore=[])
    matched = match_manifest(two_classes(found, positive, threshold), images, split=split)
    typed = ["hilum", "errors", str(what), "--manifest", str(manifest), "--out", str(out)]
    for name, value in (
        ("split", split), ("bundle", bundle), ("count", count), ("positive", positive),
        ("threshold", threshold), ("shuffles", shuffles), ("seed", seed),
    ):  # fmt: skip
        typed += [] if value is None else [f"--{name}", str(value)]
    with progress_bar("Reading films") as progress:
        written = write_errors(
            matched,
            images,
            out,
            bundle=explainer,
            threshold=threshold,
            count=count,
            seed=seed,
            shuffles=shuffles,
            about={
                "scored": str(what),
                "split": split,
                "manifest": manifest.name,
                "command": shlex.join(typed),
            },
            progress=progress,
        )
    print_json(written.record) if json else echo(_in_words(written))
    if not can_draw():
        note("Without films.png: matplotlib is not installed (pip install 'hilum[figures]').")
    for path, reason in written.failed:
        note(f"could not show {path}: {reason}")
    if written.failed:
        raise Exit(3)


def _bundle(what: Path, named: Path | None) -> Bundle | None:
    """Return the bundle that explains: the one named, or the one scored."""
    place = what if named is None and (what / "bundle.json").is_file() else named
    if place is None:
        return None
    from hilum.screening.bundle import Bundle

    return Bundle.load(place)


def _in_words(written: Written) -> str:
    from hilum.report.errors.page import in_words

    record = written.record
    lines = [f"{written.page}", *in_words(record)]
    lines += [
        f"  {film['rank']}. {film['image']}: {film['true']} called {film['called']} "
        f"({film['probability_called']:.3f}, true class {film['probability_true']:.3f})"
        for film in record["films"][:_NAMED]
    ]
    return "\n".join([*lines, record["use"]])
