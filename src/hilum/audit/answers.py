"""What a network answered to a film, kept on disk so that nothing is ever asked twice.

One SQLite file in the audit's folder. A row is one network, one film by the hash of its bytes, and
one change by its key; an audit that was interrupted, or is repeated with more checks, asks only
what is missing. Every batch is committed: what was answered is never lost.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import DataError

__all__ = ["Answer", "AnswerStore"]

_VERSION = 1
_ASKED_AT_ONCE = 500
_TABLES = """
create table answers (
    network text not null, film text not null, change text not null,
    why_not text not null, probabilities blob, features blob, cams blob, cams_shape text not null,
    mask blob, mask_side integer not null,
    primary key (network, film, change)
) without rowid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One network's answer to one film under one change."""

    why_not: str = ""
    """Why there is no answer: no lungs were found, for example. Empty if there is one."""

    probabilities: NDArray[np.float64] | None = None
    """Calibrated, shape (classes,); None for a change that asks no network."""

    features: NDArray[np.float32] | None = None
    """What the head saw, averaged over the grid, shape (c,); None if the bundle gives none."""

    cams: NDArray[np.float32] | None = None
    """Evidence maps, shape (classes, h, w); kept of unchanged films only."""

    mask: NDArray[np.bool_] | None = None
    """The lungs or the lesion in the prepared square, shape (size, size)."""


class AnswerStore:
    """Answers in a file.

    Args:
        path: The file; made if it is not there.

    Raises:
        DataError: If the file is something else, or of another version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self._base = sqlite3.connect(self.path, isolation_level=None)
            self._base.execute("pragma journal_mode=wal")
            self._make_tables()
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"{self.path} cannot be used to keep answers in: {error}. Delete it to begin "
                "anew, or name another folder."
            ) from error

    def _make_tables(self) -> None:
        (version,) = self._base.execute("pragma user_version").fetchone()
        tables = self._base.execute("select count(*) from sqlite_master").fetchone()[0]
        if version == _VERSION:
            return
        if version or tables:
            raise DataError(
                f"{self.path} was written by another version of hilum. Delete it to begin anew, "
                "or name another folder."
            )
        self._base.execute("begin immediate")
        self._base.execute(_TABLES)
        self._base.execute(f"pragma user_version={_VERSION}")
        self._base.execute("commit")

    def close(self) -> None:
        """Close the file; everything is in it already."""
        self._base.close()

    def keep(self, network: str, rows: Iterable[tuple[str, str, Answer]]) -> None:
        """Store answers (film, change, answer), all or none of them."""
        self._base.execute("begin immediate")
        self._base.executemany(
            "insert or replace into answers values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(network, film, change, *_to_row(answer)) for film, change, answer in rows],
        )
        self._base.execute("commit")

    def known(self, network: str, change: str) -> set[str]:
        """Return the films answered under a change."""
        found = self._base.execute(
            "select film from answers where network = ? and change = ?", (network, change)
        )
        return {film for (film,) in found}

    def get(self, network: str, change: str, films: Sequence[str]) -> dict[str, Answer]:
        """Return the answers there are, by film."""
        found: dict[str, Answer] = {}
        for start in range(0, len(films), _ASKED_AT_ONCE):
            some = films[start : start + _ASKED_AT_ONCE]
            marks = ",".join("?" * len(some))
            rows = self._base.execute(
                "select film, why_not, probabilities, features, cams, cams_shape, mask, mask_side "  # noqa: S608 - only question marks are put in
                f"from answers where network = ? and change = ? and film in ({marks})",
                (network, change, *some),
            )
            found |= {film: _from_row(values) for film, *values in rows}
        return found


def _to_row(answer: Answer) -> tuple[Any, ...]:
    cams, mask = answer.cams, answer.mask
    return (
        answer.why_not,
        None if answer.probabilities is None else answer.probabilities.astype("<f8").tobytes(),
        None if answer.features is None else answer.features.astype("<f4").tobytes(),
        None if cams is None else cams.astype("<f4").tobytes(),
        "" if cams is None else ",".join(map(str, cams.shape)),
        None if mask is None else np.packbits(mask).tobytes(),
        0 if mask is None else mask.shape[0],
    )


def _from_row(values: Sequence[Any]) -> Answer:
    why_not, probabilities, features, cams, shape, mask, side = values
    return Answer(
        why_not=why_not,
        probabilities=None if probabilities is None else np.frombuffer(probabilities, "<f8"),
        features=None if features is None else np.frombuffer(features, "<f4"),
        cams=None
        if cams is None
        else np.frombuffer(cams, "<f4").reshape([int(part) for part in shape.split(",")]),
        mask=None
        if mask is None
        else np.unpackbits(np.frombuffer(mask, np.uint8), count=side * side)
        .reshape(side, side)
        .astype(bool),
    )
