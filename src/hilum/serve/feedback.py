"""What readers said, as a manifest that training, calibration and evaluation take as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Literal

from sqlalchemy import Connection, select

from hilum.serve.storage.blobs import BlobStore
from hilum.serve.storage.opinions import Opinion, last_opinions
from hilum.serve.storage.tables import films

__all__ = ["Agreed", "feedback_rows", "feedback_table"]

Agreed = Literal["unanimous", "first", "second"]
"""Whose label counts: one that all who gave one share, the first reader's, or the second's."""

_COLUMNS = ("path", "patient_id", "source", "label", "study_id", "view", "readers", "film")
_FORMULA = ("=", "+", "-", "@")


def feedback_rows(
    connection: Connection, blobs: BlobStore, *, agreed: Agreed
) -> list[dict[str, str]]:
    """Return one row a film that has a label, in the order they came.

    Args:
        connection: Any.
        blobs: Where films lie.
        agreed: Whose label counts.
    """
    by_film: dict[str, list[Opinion]] = {}
    for opinion in last_opinions(connection):
        if opinion.label is not None and opinion.quality != "unreadable":
            by_film.setdefault(opinion.film, []).append(opinion)
    rows = []
    for film in connection.execute(select(films).order_by(films.c.seq)).mappings():
        label = _label(by_film.get(film["id"], ()), agreed)
        if label is None or film["removed_at"] is not None:
            continue
        rows.append(
            {
                "path": str(blobs.path(film["sha256"]).absolute()),
                "patient_id": film["patient_id"] or film["id"],
                "source": "hilum-serve",
                "label": label,
                "study_id": film["study_uid"] or "",
                "view": film["view"] or "",
                "readers": str(len(by_film[film["id"]])),
                "film": film["id"],
            }
        )
    return rows


def _label(given: Sequence[Opinion], agreed: Agreed) -> str | None:
    if agreed != "unanimous":
        place = 1 if agreed == "first" else 2
        given = [each for each in given if each.place == place]
    labels = {each.label for each in given}
    return labels.pop() if len(labels) == 1 else None


def feedback_table(rows: Sequence[dict[str, str]]) -> str:
    """Return rows as CSV whose cells no spreadsheet takes for a formula."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _safe(value) for name, value in row.items()})
    return out.getvalue()


def _safe(value: str) -> str:
    shown = "".join(c for c in value if c.isprintable())  # a bare CR would begin a row of its own
    return f"'{shown}" if shown.startswith(_FORMULA) else shown
