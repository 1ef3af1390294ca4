"""What commands print with: results to standard output, everything else to standard error."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

__all__ = ["command_words", "note", "print_json", "progress_bar"]

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def note(message: str) -> None:
    """Print a line that is not a result, to standard error."""
    typer.echo(message, err=True)


def print_json(value: Any) -> None:
    """Print a result for machines: strict JSON, no NaN, UTF-8."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False))


def command_words() -> tuple[str, ...]:
    """Return the words of this command as a person types them, for a record.

    However it was started: `python -m hilum` and an installed script have a path for a first word.
    """
    return ("hilum", *sys.argv[1:])


def _silent(_done: int, _total: int) -> None:
    """Draw nothing."""


@contextmanager
def progress_bar(description: str, *, shown: bool = True) -> Iterator[Progress]:
    """Yield a callback (done, total) that draws a bar on standard error if it is a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield _silent
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars:
        task = bars.add_task(description, total=None)
        yield lambda done, total: bars.update(task, completed=done, total=total)
