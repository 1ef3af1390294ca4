"""H701 to H703: did the list of held-out patients hold them out?

Splits of public sets are often made from ids typed into a script. An id that matches nobody holds
nobody out, in silence; a forgotten comma makes two ids into one that matches nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hilum.data.lint.record import Finding
from hilum.data.lint.table import Table, counted, examples, plain, row_numbers
from hilum.data.manifest import RawTable
from hilum.errors import DataError

__all__ = ["HeldOut", "held_out_findings", "read_held_out"]

_QUOTED = re.compile(r"'((?:[^'\\\n]|\\.)*)'|\"((?:[^\"\\\n]|\\.)*)\"")
_COMMENT = re.compile(r"#[^\n]*")


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One id of the list, and where it stands."""

    patient_id: str
    line: int


def read_held_out(path: Path) -> list[HeldOut]:
    """Read the ids of a split rule: one a line, parted by commas, or a Python or JSON list.

    In quoted text, neighbours without a comma between them are joined, as Python does.

    Raises:
        DataError: If the file cannot be read as UTF-8 text, or holds no id.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read as a list of ids in UTF-8: {error}") from error
    found = [*_quoted(text)] if _QUOTED.search(_without_comments(text)) else [*_bare(text)]
    if not found:
        raise DataError(f"{path} holds no id; expected one a line, or a Python or JSON list.")
    return found


def _without_comments(text: str) -> str:
    """Blank comments out, outside quotes, keeping every line where it is."""
    parts, place = [], 0
    for match in re.finditer(f"{_QUOTED.pattern}|{_COMMENT.pattern}", text):
        parts.append(text[place : match.start()])
        parts.append("" if match.group().startswith("#") else match.group())
        place = match.end()
    return "".join([*parts, text[place:]])


def _quoted(text: str) -> Iterator[HeldOut]:
    text = _without_comments(text)
    held: HeldOut | None = None
    end = 0
    for match in _QUOTED.finditer(text):
        value = match[1] if match[1] is not None else match[2]
        if held is not None and not text[end : match.start()].strip():
            held = HeldOut(held.patient_id + value, held.line)
        else:
            if held is not None:
                yield held
            held = HeldOut(value, text.count("\n", 0, match.start()) + 1)
        end = match.end()
    if held is not None:
        yield held


def _bare(text: str) -> Iterator[HeldOut]:
    for number, line in enumerate(_without_comments(text).splitlines(), 1):
        for part in line.strip().strip("[]()").split(","):
            if part.strip():
                yield HeldOut(part.strip(), number)


def held_out_findings(raw: RawTable, held: Sequence[HeldOut]) -> list[Finding]:
    """Check that every held-out id matches a patient, and that none of them is trained on.

    Args:
        raw: The manifest whose splits were made from the list.
        held: The list.
    """
    table = Table(raw)
    if not table.has("patient_id"):
        return []
    known = set(table.frame["patient_id"].drop_nulls().unique())
    absent = [one for one in held if one.patient_id not in known]
    glued = {one: parts for one in absent if (parts := _parts(one.patient_id, known))}
    rest = [one for one in absent if one not in glued]
    asked = {one.patient_id for one in held}
    asked |= {part for parts in glued.values() for part in parts}
    return [*_glued(table, glued), *_unmatched(rest, len(held)), *_trained_on(table, asked)]


def _parts(name: str, known: set[str]) -> tuple[str, str] | None:
    """Return two known ids that make up this one, the longest first part first."""
    for cut in range(len(name) - 1, 0, -1):
        if name[:cut] in known and name[cut:] in known:
            return name[:cut], name[cut:]
    return None


def _glued(table: Table, glued: dict[HeldOut, tuple[str, str]]) -> Iterator[Finding]:
    if glued:
        yield Finding(
            code="H701",
            severity="error",
            title=f"{counted(len(glued), 'held-out id')} made of two ids glued together",
            count=len(glued),
            examples=tuple(
                f"line {one.line}: {plain(one.patient_id)} is {plain(a)} and {plain(b)} "
                f"without a comma; they stand in {_where(table, a)} and {_where(table, b)}"
                for one, (a, b) in glued.items()
            ),
            why="Python joins neighbouring texts without a comma, so neither patient is held out.",
            cure="Put the comma in and make the split again.",
        )


def _where(table: Table, patient: str) -> str:
    if not table.has("split"):
        return "no split"
    rows = table.frame.filter(pl.col("patient_id") == patient)
    return "/".join(rows["split"].fill_null("no split").unique().sort().to_list())


def _unmatched(rest: Sequence[HeldOut], total: int) -> Iterator[Finding]:
    if rest:
        yield Finding(
            code="H702",
            severity="warning",
            title=f"{counted(len(rest), 'held-out id')} of {total:,} matching no patient",
            count=len(rest),
            examples=tuple(f"line {one.line}: {plain(one.patient_id)}" for one in rest[:20]),
            why="An id that matches nobody holds nobody out, in silence.",
            cure="Correct the ids, or take out those of patients who are no longer in the set.",
        )


def _trained_on(table: Table, asked: set[str]) -> Iterator[Finding]:
    if not table.has("split"):
        return
    held = pl.col("patient_id").is_in([*asked])
    rows = table.frame.filter(held & pl.col("split").is_in(["train", "val"]))
    if rows.height:
        people = rows["patient_id"].n_unique()
        columns = [name for name in ("patient_id", "source", "split") if name in rows.columns]
        yield Finding(
            code="H703",
            severity="error",
            title=f"{counted(people, 'held-out patient')} trained on ({rows.height:,} images)",
            count=people,
            examples=examples(rows, "patient " + ", ".join(["{}"] * len(columns)), *columns),
            why="They were meant for the test, and the network has seen them.",
            cure="Move them to the test split, unless an id means someone else in another source.",
            rows=row_numbers(rows),
        )
