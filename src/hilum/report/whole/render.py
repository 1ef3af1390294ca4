"""Templates for pages made of blocks, and the tables of a page as files."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment

from hilum.data.atomic import replacing
from hilum.report.destination import made_folder
from hilum.report.shell import environment
from hilum.report.whole.sheet import Sheet, slug
from hilum.report.whole.verdicts import ORDER

__all__ = ["block_environment", "stored", "write_tables"]


def block_environment() -> Environment:
    """Return the environment of one page: its figures get ids of their own."""
    made = environment({"slug": slug})
    counter = itertools.count(1)
    made.globals["unique"] = lambda begin: f"{begin}{next(counter)}"
    made.globals["verdicts"] = ORDER
    return made


def stored(path: Path, text: str) -> Path:
    """Write a file whole or not at all; lone surrogates, which no file may hold, become "?"."""
    with replacing(path) as file:
        file.write(text.encode(errors="replace"))
    return path


def write_tables(
    named: Iterable[tuple[str, Sheet]], folder: Path, before: Iterable[str] = ()
) -> list[dict[str, Any]]:
    """Write tables as CSV files, none under the name of another.

    Args:
        named: Section and table, in order.
        folder: Made if it does not exist.
        before: Names of files of an earlier report; those that are not written anew are removed.

    Returns:
        Of each: section, title, file, columns, notes and rows, for JSON.
    """
    made_folder(folder)
    records = []
    for file, section, sheet in _files(named):
        stored(folder / file, sheet.csv())
        records.append(_record(file, section, sheet))
    written = {record["file"] for record in records}
    for name in before:
        if name not in written and Path(name).name == name and name.endswith(".csv"):
            (folder / name).unlink(missing_ok=True)
    return records


def _files(named: Iterable[tuple[str, Sheet]]) -> Iterator[tuple[str, str, Sheet]]:
    taken: set[str] = set()
    for section, sheet in named:
        base = slug(f"{section} {sheet.title}")
        name = next(
            name
            for number in itertools.count(1)
            if (name := base if number == 1 else f"{base}-{number}") not in taken
        )
        taken.add(name)
        yield f"{name}.csv", section, sheet


def _record(file: str, section: str, sheet: Sheet) -> dict[str, Any]:
    return {
        "section": section,
        "title": sheet.title,
        "file": file,
        "columns": list(sheet.columns),
        "notes": list(sheet.notes),
        "rows": sheet.records(),
    }
