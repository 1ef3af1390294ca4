"""`hilum data ...`: the public data sets and the manifests made of them, one file a command."""

from __future__ import annotations

from collections.abc import Callable

import typer

from hilum.cli.data.baseline import baseline
from hilum.cli.data.build import build
from hilum.cli.data.dedupe import dedupe
from hilum.cli.data.describe import describe
from hilum.cli.data.fetch import fetch
from hilum.cli.data.lint import lint
from hilum.cli.data.list import list_
from hilum.cli.data.merge import merge
from hilum.cli.data.split import split

__all__ = ["data"]

data = typer.Typer(
    help="Get, build, check, describe, mend, merge and split data sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

COMMANDS: dict[str, tuple[Callable[..., None], str]] = {
    "list": (list_, "List the public data sets: what each is, and how to have it."),
    "fetch": (fetch, "Fetch a data set, or print the steps where a login is needed."),
    "build": (build, "Make the manifest of a data set from what was downloaded."),
    "lint": (lint, "Find what is wrong with a data set, and what would falsify a result."),
    "baseline": (baseline, "Score rules that never look at a picture."),
    "describe": (describe, "Describe a data set on one page: numbers, pictures, films."),
    "dedupe": (dedupe, "Keep one file of every film."),
    "merge": (merge, "Make one manifest of several."),
    "split": (split, "Part a manifest into train, validation and test by patient."),
}
for name, (command, summary) in COMMANDS.items():
    data.command(name, short_help=summary)(command)
