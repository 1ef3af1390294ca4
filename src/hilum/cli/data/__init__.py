"""`hilum data ...`: the public data sets and the manifests made of them, one file a command."""

from __future__ import annotations

from collections.abc import Callable

import typer

from hilum.cli.data.build import build
from hilum.cli.data.list import list_

__all__ = ["data"]

data = typer.Typer(
    help="Get, build, check, describe, merge and split data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "list": (list_, "List the public data sets: what each is, and how to have it."),
    "build": (build, "Make the manifest of a data set from what was downloaded."),
}
for name, (command, summary) in COMMANDS.items():
    data.command(name, short_help=summary)(command)
