"""`hilum segment ...`: the lung segmenter, trained, measured and put to work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from typer import Argument, Option, echo

from hilum.cli.console import command_words, note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.screening.lungs_measure import SourceScore
    from hilum.screening.lungs_write import WrittenMasks

__all__ = ["segment"]

_SHOWN = 20

segment = typer.Typer(
    help="Find the lungs on films: train, measure and use the lung segmenter.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@segment.command("train", short_help="Fit a segmenter to outlined films and phantoms.")
def train(
    *,
    manifest: Annotated[Path, Option(help="Films with columns lung_mask and split.")],
    out: Annotated[Path, Option(help="Folder of the segmenter.")],
    phantoms: Annotated[int, Option(min=0, help="Phantoms to learn from, too.")] = 200,
    epochs: Annotated[int, Option(min=1, help="Times 320 films are shown.")] = 48,
    size: Annotated[int, Option(help="Side of the square the network sees, in pixels.")] = 192,
    seed: Annotated[int, Option(min=0, help="Of everything random.")] = 0,
    name: Annotated[str, Option(help="What to call it.")] = "lungs",
    licence: Annotated[str, Option(help="Terms for the weights.")] = "not stated",
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a segmenter.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit a lung segmenter to the outlined train films of a manifest, and to phantoms.

    Validation films say what a good mask looks like; test films are only measured.
    """
    from hilum.data.manifest import Manifest
    from hilum.training import SegmentSettings, train_segmenter

    settings = SegmentSettings(size=size, epochs=epochs, phantoms=phantoms, seed=seed)
    films = Manifest.read(manifest, labelled=False)
    with progress_bar("training") as progress:
        bundle = train_segmenter(
            films,
            out,
            settings,
            name=name,
            licence=licence,
            command=command_words(),
            overwrite=overwrite,
            progress=progress,
        )
    if json:
        values = {"folder": str(out), "id": bundle.id, "measured": bundle.record.measured}
        print_json({"use": bundle.record.intended_use, **values})
        return
    for source, row in bundle.record.measured["dice_by_source"].items():
        echo(f"{source}: Dice {row['dice']['value']:.3f} on {row['films']} films")
    echo(f"The segmenter is in {out}; its README.md says what was measured. Research use only.")


@segment.command("measure", short_help="Compare masks with those people drew.")
def measure(
    folder: Annotated[
        Path | None, Argument(help="The segmenter's folder; default the one in hilum.")
    ] = None,
    *,
    manifest: Annotated[Path, Option(help="Films with a column lung_mask.")],
    split: Annotated[str, Option(help="Split to measure on, or `all`.")] = "test",
    films: Annotated[bool, Option("--films", help="List every film, the worst first.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare a segmenter's masks with those that people drew: Dice and IoU by source."""
    from hilum.data.manifest import Manifest
    from hilum.evaluation.record import RESEARCH_USE
    from hilum.screening.lungs import LungSegmenter
    from hilum.screening.lungs_measure import score_films, summarise
    from hilum.screening.lungs_truth import films_with_masks

    segmenter = LungSegmenter.load(folder)
    images = Manifest.read(manifest, labelled=False)
    if split != "test":
        note("A segmenter knows the films it was trained on; only others say how good it is.")
    drawn = list(films_with_masks(images, None if split == "all" else split))
    with progress_bar("measuring") as progress:
        scores = score_films(segmenter, drawn, progress)
    rows, worst = summarise(scores), sorted(scores, key=lambda score: score.dice)
    if json:
        listed = {"films": [score.to_dict() for score in worst]} if films else {}
        about = {"use": RESEARCH_USE, "segmenter": segmenter.id, "split": split}
        print_json({**about, "by_source": [row.to_dict() for row in rows], **listed})
        return
    for row in rows:
        echo(_in_words(row))
    for score in worst if films else ():
        echo(f"{score.dice:.3f}  {score.path}  {'; '.join(score.reasons) or 'called good'}")
    echo(RESEARCH_USE)


def _in_words(row: SourceScore) -> str:
    return (
        f"{row.source}: Dice {row.dice.text()}, IoU {row.iou.text()}, worst Dice "
        f"{row.least_dice:.3f}; {row.films} films of {row.patients} patients, {row.called_poor} "
        f"called poor; Dice of the others {row.dice_of_good.text()}"
    )


@segment.command("masks", short_help="Write the masks of films that have none.")
def masks(
    *,
    manifest: Annotated[Path, Option(help="Films; those with a lung_mask are passed over.")],
    out: Annotated[Path, Option(help="Folder for masks/*.png and lung_masks.csv.")],
    segmenter: Annotated[
        Path | None, Option(help="The segmenter's folder; default the one in hilum.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Find the lungs of every film without a drawn mask; write good masks, and a table of all.

    A poor mask is listed with the reasons and not written.

    Exit code 3: some films could not be read; the others are there.
    """
    from hilum.data.manifest import Manifest
    from hilum.screening.lungs import LungSegmenter
    from hilum.screening.lungs_write import write_masks

    found = LungSegmenter.load(segmenter)
    images = Manifest.read(manifest, check_files=False, labelled=False)
    with progress_bar("finding lungs") as progress:
        written = write_masks(images, out, found, progress=progress)
    if json:
        print_json({"out": str(out), "segmenter": found.id, **written.to_dict()})
    else:
        _show(written, out)
    for path, reason in written.failed[:_SHOWN]:
        note(f"could not read {path}: {reason}")
    if written.failed:
        raise typer.Exit(3)


def _show(written: WrittenMasks, out: Path) -> None:
    for source in sorted({*written.good, *written.poor}):
        good, poor = written.good.get(source, 0), written.poor.get(source, 0)
        echo(f"{source}: {good} good masks, {poor} poor (not written)")
    passed = f"; {written.drawn} films have a drawn mask" if written.drawn else ""
    echo(f"{out}: {len(written.failed)} films could not be read{passed}. Research use only.")


@segment.command("apply", short_help="Write films of which only the lungs, or all else, is seen.")
def apply(
    *,
    manifest: Annotated[Path, Option(help="Films.")],
    out: Annotated[Path, Option(help="Folder for films/*.png and manifest.csv.")],
    show: Annotated[
        Literal["crop", "lungs", "outside"],
        Option(help="The square around the lungs; lungs on black; or all else, the lungs black."),
    ],
    segmenter: Annotated[
        Path | None, Option(help="The segmenter's folder; default the one in hilum.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write every film with only part of it shown, to find out what a network goes by.

    Exit code 3: some films could not be read; the others are there.
    """
    from hilum.data.manifest import Manifest
    from hilum.screening.lungs import LungSegmenter
    from hilum.screening.lungs_apply import apply_masks

    found = LungSegmenter.load(segmenter)
    images = Manifest.read(manifest, check_files=False, labelled=False)
    with progress_bar("finding lungs") as progress:
        done = apply_masks(images, out, found, show, progress=progress)
    if json:
        print_json({"out": str(out), "segmenter": found.id, **done.to_dict()})
    else:
        echo(
            f"{out}: {done.good} films with a good mask, {done.poor} with a poor one; "
            f"{done.without} without lungs and {len(done.failed)} unread were left out. "
            "Research use only."
        )
    for path, reason in done.failed[:_SHOWN]:
        note(f"could not read {path}: {reason}")
    if done.failed:
        raise typer.Exit(3)
