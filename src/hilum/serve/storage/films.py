"""Films as rows: what is known of each, and lists of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Update, bindparam, case, select, update

from hilum.serve.storage import audit
from hilum.serve.storage.errors import NotFoundError
from hilum.serve.storage.inserting import insert_new
from hilum.serve.storage.tables import films

__all__ = [
    "Film",
    "add_film",
    "film_of",
    "film_with",
    "new_id",
    "note_facts",
    "priors_of",
    "same_uid",
]


def new_id() -> str:
    """Return a name that can neither be guessed nor counted: 128 random bits in hexadecimal."""
    return secrets.token_hex(16)


@dataclass(frozen=True, slots=True, kw_only=True)
class Film:
    """A film that is kept. What a DICOM header claims is text to show, never to trust.

    Args:
        seq: Its place in the order of arrival.
        id: What the outside world calls it.
        sha256: Hash of its bytes.
        bytes: How many.
        format: "png", "jpeg", "webp" or "dicom", by its first bytes.
        name: As the sender called it.
        source: "page", "api" or "dicom".
        sent_by: Who sent it.
        received_at: When, UTC.
        sop_uid: SOP Instance UID; None where there is no header.
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        patient_id: As the header says.
        patient_name: As the header says.
        accession: Accession number.
        study_date: YYYYMMDD.
        view: "PA", "AP" ...
        facts: What the reader found: size, depth, spacing, warnings.
        conflict_with: Id of an earlier film with the same UID and other pixels.
        removed_at: When retention deleted its bytes.
    """

    seq: int
    id: str
    sha256: str
    bytes: int
    format: str
    name: str
    source: str
    sent_by: str
    received_at: datetime
    sop_uid: str | None = None
    study_uid: str | None = None
    series_uid: str | None = None
    patient_id: str | None = None
    patient_name: str | None = None
    accession: str | None = None
    study_date: str | None = None
    view: str | None = None
    facts: Mapping[str, Any] | None = None
    conflict_with: str | None = None
    removed_at: datetime | None = None


def add_film(
    connection: Connection,
    *,
    sha256: str,
    size: int,
    format: str,  # noqa: A002
    name: str,
    source: str,
    sent_by: str,
    now: datetime,
) -> tuple[Film, bool]:
    """Keep a film; return it, and whether it is new. The same bytes twice are one film.

    One that is sent again counts as received now, so that retention keeps it as long as a new one.
    """
    values: dict[str, Any] = {
        "id": new_id(), "sha256": sha256, "bytes": size, "format": format, "name": name,
        "source": source, "sent_by": sent_by, "received_at": now,
    }  # fmt: skip
    audit.lock(connection)  # nobody deletes these bytes before this transaction has ended
    key = insert_new(connection, films, values)
    if key is not None:
        return Film(seq=key.seq, **values), True
    same = films.c.sha256 == sha256  # they are here, perhaps again after retention took the name
    known = case((films.c.name == "", name), else_=films.c.name)
    again = update(films).where(same).values(received_at=now, removed_at=None, name=known)
    connection.execute(again)
    return _one(connection, same), False


def film_of(connection: Connection, film: str) -> Film:
    """Return a film by its id.

    Raises:
        NotFoundError: If there is none.
    """
    return _one(connection, films.c.id == film)


def film_with(connection: Connection, sha256: str) -> Film:
    """Return a film by the hash of its bytes.

    Raises:
        NotFoundError: If there is none.
    """
    return _one(connection, films.c.sha256 == sha256)


def note_facts(connection: Connection, film: str, facts: Mapping[str, Any]) -> None:
    """Keep what reading the film found; names of columns go there, the rest into `facts`.

    A header may claim more than a column holds; the rest is cut off.
    """
    named = {
        name: value[:most] if isinstance(value, str) else value
        for name, most in _COLUMNS.items()
        if (value := facts.get(name)) is not None
    }
    rest = {name: value for name, value in facts.items() if name not in _COLUMNS}
    connection.execute(_noting(tuple(named)), {**named, "facts": rest, "film": film})


@cache
def _noting(names: tuple[str, ...]) -> Update:
    """Return the statement that sets these columns: building it takes longer than it does."""
    values: dict[str, Any] = {name: bindparam(name) for name in (*names, "facts")}
    return update(films).where(films.c.id == bindparam("film")).values(values)


_COLUMNS: dict[str, int] = {
    **dict.fromkeys(("sop_uid", "study_uid", "series_uid"), 128),
    **dict.fromkeys(("patient_id", "patient_name", "accession"), 256),
    "study_date": 16,
    "view": 32,
    "conflict_with": 32,
}
"""Columns that facts go into, and how many characters each holds."""


def same_uid(connection: Connection, film: Film, sop_uid: str) -> str | None:
    """Return the id of the first film with this UID and other bytes, if there is one."""
    return connection.execute(
        select(films.c.id)
        .where(
            films.c.sop_uid == sop_uid[: _COLUMNS["sop_uid"]],
            films.c.id != film.id,
            films.c.seq < film.seq,
        )
        .order_by(films.c.seq)
        .limit(1)
    ).scalar()


def priors_of(connection: Connection, film: Film, *, limit: int = 20) -> list[Film]:
    """Return other films of the same patient number, the newest first."""
    if not film.patient_id:
        return []
    rows = connection.execute(
        select(films)
        .where(films.c.patient_id == film.patient_id, films.c.id != film.id)
        .order_by(films.c.study_date.desc(), films.c.seq.desc())
        .limit(limit)
    ).mappings()
    return [Film(**row) for row in rows]


def _one(connection: Connection, condition: ColumnElement[bool]) -> Film:
    row = connection.execute(select(films).where(condition)).mappings().first()
    if row is None:
        raise NotFoundError("There is no such film.")
    return Film(**row)
