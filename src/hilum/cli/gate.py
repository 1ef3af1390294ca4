"""`hilum gate ...`: what refuses pictures that a bundle should not answer."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option, echo

from hilum.cli.console import command_words, note, print_json, progress_bar

__all__ = ["gate"]

gate = typer.Typer(
    help="The input gate: fit it to a bundle, ask it about films, train its network.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@gate.command("check", short_help="Say of films whether the gate takes them, and why not.")
def check(
    films: Annotated[list[Path], Argument(help="Files, or folders of them.")],
    *,
    bundle: Annotated[Path | None, Option(help="Whose limits to use; default hilum's own.")] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say of FILMS whether they are frontal chest radiographs that lie right. No model is asked.

    Exit code 3: some could not be read. Exit code 4: some were refused.
    """
    from hilum.data.reading import read_radiograph
    from hilum.errors import ImageReadError
    from hilum.screening.bundle import Bundle
    from hilum.screening.films import find_films
    from hilum.screening.gate import Gate

    record = {} if bundle is None else Bundle.load(bundle, verify=False).record.gate
    judge = Gate.from_record(record)
    rows, failed = [], 0
    for path in find_films(films):
        try:
            found = judge.check(read_radiograph(path, smallest_side=224))
        except ImageReadError as error:
            note(f"could not read {path}: {error.reason}")
            failed += 1
            continue
        rows.append(
            {
                "path": str(path),
                "accepted": found.accepted,
                "reasons": list(found.reasons),
                "warnings": list(found.warnings),
                "measured": dict(found.measured),
            }
        )
        if not json:
            _say(path, found.reasons, found.warnings)
    if json:
        print_json({"use": "Research use only", "films": rows})
    if failed:
        raise typer.Exit(3)
    if any(not row["accepted"] for row in rows):
        raise typer.Exit(4)


def _say(path: Path, reasons: tuple[str, ...], warnings: tuple[str, ...]) -> None:
    echo(f"{path}: {'refused' if reasons else 'accepted'}")
    for sentence in reasons:
        echo(f"    {sentence}")
    for sentence in warnings:
        echo(f"    note: {sentence}")


@gate.command("fit", short_help="Let a bundle refuse films unlike those it was trained on.")
def fit(
    bundle: Annotated[Path, Argument(help="The bundle's folder; it is left as it is.")],
    *,
    manifest: Annotated[Path, Option(help="The films it was trained on, with a column split.")],
    out: Annotated[Path, Option(help="Folder of the new bundle.")],
    train: Annotated[str, Option(help="Split it was trained on.")] = "train",
    held_out: Annotated[str, Option(help="Split on which the limit is set.")] = "val",
    accepted: Annotated[float, Option(help="Share of those to accept.")] = 0.99,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a bundle.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Write BUNDLE again with the statistics of its own features over the films it was trained on.

    Screening then refuses films that lie too far from them. It costs no further inference.
    """
    from hilum.data.manifest import Manifest
    from hilum.screening.bundle import Bundle
    from hilum.screening.gate.fitting import fit_gate_of_bundle

    if not 0 < accepted < 1:
        raise typer.BadParameter(f"must lie between 0 and 1, got {accepted}",
                                 param_hint="--accepted")  # fmt: skip
    films = Manifest.read(manifest, labelled=False)
    with progress_bar("looking at films") as progress:
        found = fit_gate_of_bundle(
            Bundle.load(bundle),
            films,
            out,
            train=train,
            held_out=held_out,
            accepted=accepted,
            overwrite=overwrite,
            progress=progress,
        )
    if json:
        print_json(found.to_dict())
        return
    echo(
        f"Bundle {found.bundle.id[:12]} in {out}. Its gate refuses films farther than "
        f"{found.statistics.limit:.1f} from {found.statistics.about['films']} training films; "
        f"{found.accepted} of {found.held_out} held-out films lie within. Research use only."
    )


@gate.command("train", short_help="Fit the network that tells how a film lies.")
def train(
    *,
    manifest: Annotated[Path, Option(help="Upright frontal films, with a column split.")],
    out: Annotated[Path, Option(help="Folder of the network.")],
    steps: Annotated[int, Option(min=1, help="Batches shown.")] = 2400,
    left_out_steps: Annotated[
        int, Option(min=0, help="Batches for each network fitted without one source; 0 for none.")
    ] = 0,
    seed: Annotated[int, Option(min=0, help="Of everything random.")] = 0,
    licence: Annotated[str, Option(help="Terms for the weights.")] = "not stated",
    overwrite: Annotated[bool, Option("--overwrite", help="Replace such a network.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit the gate's own network to upright films, turned into wrong ones on the fly.

    Validation films set its limits; test films are only measured.
    """
    from hilum.data.manifest import Manifest
    from hilum.training import GateSettings, train_gate

    films = Manifest.read(manifest, labelled=False)
    with progress_bar("training") as progress:
        network = train_gate(
            films,
            out,
            GateSettings(steps=steps, seed=seed),
            left_out_steps=left_out_steps,
            licence=licence,
            command=command_words(),
            overwrite=overwrite,
            progress=progress,
        )
    record = network.record
    if json:
        print_json({"use": record["intended_use"], "folder": str(out), "id": network.id,
                    "limits": record["limits"], "measured": record["measured"]})  # fmt: skip
        return
    taken = record["measured"]["test"]["accepted"]["all"]
    echo(f"{taken['hits']} of {taken['n']} test films are accepted.")
    for name, row in record["measured"]["test"]["made_wrong"].items():
        echo(f"{name}: {row['hits']} of {row['n']} noticed")
    echo(f"The network is in {out}; gate.json says what was measured. Research use only.")
