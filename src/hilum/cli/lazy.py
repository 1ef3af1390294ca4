"""A group of commands that imports and builds a command when it is asked for.

Typer reads the signature of every command of an application before it runs one of them: 60 ms for
two dozen. Here a command is a name and a summary until someone types it.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, ClassVar

import typer
from typer.core import TyperCommand, TyperGroup

__all__ = ["LazyGroup"]


class LazyGroup(TyperGroup):
    """Show `summaries`; find the command `check-table` in `check_table.py` of `package`."""

    package: ClassVar[str]
    summaries: ClassVar[Mapping[str, str]]

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        for name, summary in self.summaries.items():
            self.add_command(TyperCommand(name, short_help=summary, rich_markup_mode=None))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return what typer does, with the real command in place of its name and summary."""
        name, found, rest = super().resolve_command(ctx, args)
        return name, found if name is None else self._built(name), rest

    def _built(self, name: str) -> Any:
        word = name.replace("-", "_")
        found = getattr(import_module(f"{self.package}.{word}"), word)
        if isinstance(found, typer.Typer):
            return typer.main.get_group(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(name, short_help=self.summaries[name])(found)
        return typer.main.get_command(alone)
