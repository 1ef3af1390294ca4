"""`hilum generate ...`: variational autoencoders and what they draw, one file a command."""

from __future__ import annotations

from collections.abc import Callable

import typer

from hilum.cli.generate.copies import copies
from hilum.cli.generate.helps import helps
from hilum.cli.generate.interpolate import interpolate
from hilum.cli.generate.reconstruct import reconstruct
from hilum.cli.generate.sample import sample
from hilum.cli.generate.train import train

__all__ = ["generate"]

generate = typer.Typer(
    help="Fit variational autoencoders, draw films, and find out what those are worth.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "train": (train, "Fit a variational autoencoder as a recipe says."),
    "sample": (sample, "Draw new films, with a manifest to train on."),
    "reconstruct": (reconstruct, "Show held-out films beside what is drawn of them."),
    "interpolate": (interpolate, "Walk from one film to another."),
    "copies": (copies, "Find out whether drawn films are copies."),
    "helps": (helps, "Find out whether a classifier learns more with drawn films."),
}
for name, (command, summary) in COMMANDS.items():
    generate.command(name, short_help=summary)(command)
