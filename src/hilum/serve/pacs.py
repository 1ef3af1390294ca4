"""Between the node and what is kept: objects in, answers out as results, deliveries.

A film from the archive takes the same way as one from the page: its bytes, its job and the audit
entry are committed before the sender is told, and a child process reads it. When its answer is
there, the node makes result objects of it and sends them.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import Connection, insert, select, update

from hilum.data.file_hash import file_sha256
from hilum.serve.node.seams import (
    Delivery,
    FilmToRead,
    Kind,
    Outcome,
    Reading,
    ReceivedObject,
    ResultFile,
)
from hilum.serve.recalled import recalled
from hilum.serve.service import Service
from hilum.serve.storage import answers, audit, films, jobs
from hilum.serve.storage.database import Database
from hilum.serve.storage.errors import FullError, UnavailableError
from hilum.serve.storage.films import new_id
from hilum.serve.storage.jobs import Job
from hilum.serve.storage.objects import add_object
from hilum.serve.storage.tables import answers as answer_rows
from hilum.serve.storage.tables import deliveries, received
from hilum.serve.storage.tables import films as film_rows
from hilum.serve.workers.tasks import Drawn

__all__ = ["KeptFilms", "KeptOutbox", "queue_again"]

_KINDS = {Kind.CANDIDATE: "film", Kind.ASIDE: "aside", Kind.OWN: "own"}
_NOWHERE = ""
"""The destination of a delivery that only says that nothing can be sent."""

logger = logging.getLogger(__name__)


class KeptFilms:
    """Keeps what arrives, and says which films have an answer that was not sent yet.

    Args:
        service: Where films are kept and read.
        destinations: Names of where results go.
    """

    def __init__(self, service: Service, destinations: Collection[str] = ()) -> None:
        self._service = service
        self._destinations = tuple(destinations)

    # Intake

    def receive(self, part: Path, facts: ReceivedObject) -> Outcome:
        """Keep an object, and have it read if it is a film."""
        try:
            return self._received(part, facts)
        except FullError as error:
            logger.warning("%s", error)
            return Outcome.NO_SPACE
        except UnavailableError as error:
            logger.warning("%s", error)
            return Outcome.UNAVAILABLE

    def _received(self, part: Path, facts: ReceivedObject) -> Outcome:
        service, who = self._service, f"AE {facts.calling}"
        service.blobs.check_room()
        with service.database.read() as connection:
            known = _known(connection, facts.sop_uid)
        if known is not None:
            return self._again(known, facts, who)
        sha256 = file_sha256(part)
        service.blobs.keep(part, sha256)
        now, job = service.clock(), None
        with service.database.write() as connection:
            audit.lock(connection)  # two associations may bring one UID at one moment
            raced = _known(connection, facts.sop_uid)
            film = None
            if raced is None:
                if facts.kind is Kind.CANDIDATE:
                    film, job = self._film(connection, facts, sha256, who, now)
                else:
                    kind: Literal["aside", "own"] = "own" if facts.kind is Kind.OWN else "aside"
                    add_object(connection, sha256, kind, now=now)
                _note(connection, facts, blob=sha256, film=film, conflict=False, now=now)
                audit.record(
                    connection, actor=who, action="send object", object=film or sha256, now=now,
                    detail={"kind": _KINDS[facts.kind], "sha256": sha256},
                )  # fmt: skip
        if raced is not None:
            return self._again(raced, facts, who)
        service.blobs.keep(part, sha256)  # retention may have taken it meanwhile
        if job is not None:
            service.begin(job)
        return Outcome.STORED

    def _film(
        self, connection: Connection, facts: ReceivedObject, sha256: str, who: str, now: datetime
    ) -> tuple[str, Job | None]:
        service = self._service
        film, _ = films.add_film(
            connection, sha256=sha256, size=facts.size, format="dicom", name="", source="dicom",
            sent_by=who, now=now,
        )  # fmt: skip
        job, fresh = jobs.add_job(
            connection, film=film, bundle=service.bundle.id, asked_by=who,
            owner=service.owner.id, now=now,
        )  # fmt: skip
        return film.id, job if fresh else None

    def _again(self, known: Mapping[Any, Any], facts: ReceivedObject, who: str) -> Outcome:
        """Answer for a UID that is known: the same bytes are welcome, others are flagged."""
        if known["sha256"] == facts.sha256:
            return Outcome.DUPLICATE
        service, now = self._service, self._service.clock()
        with service.database.write() as connection:
            seen = select(received.c.seq).where(
                received.c.sop_uid == facts.sop_uid, received.c.sha256 == facts.sha256
            )
            if connection.execute(seen).first() is None:
                _note(connection, facts, blob="", film=known["film"], conflict=True, now=now)
                audit.record(
                    connection, actor=who, action="send conflict", object=known["film"] or "",
                    now=now, detail={"sha256": facts.sha256},
                )  # fmt: skip
        return Outcome.CONFLICT

    def holds(self, uids: Collection[str]) -> Collection[str]:
        """Return those UIDs whose objects are safely kept."""
        asked = (
            select(received.c.sop_uid, received.c.blob)
            .outerjoin(film_rows, film_rows.c.id == received.c.film)
            .where(received.c.sop_uid.in_(list(uids)), received.c.conflict.is_(False))
            .where(film_rows.c.removed_at.is_(None))
        )
        with self._service.database.read() as connection:
            rows = connection.execute(asked).all()
        return {row.sop_uid for row in rows if self._service.blobs.path(row.blob).is_file()}

    # Queue of answers to send

    def waiting(self, limit: int) -> Sequence[FilmToRead]:
        """Return films whose answer has not been made into results yet, oldest first."""
        if not self._destinations:
            return []
        asked = (
            select(film_rows.c.id, film_rows.c.sha256, film_rows.c.sent_by)
            .join(answer_rows, answer_rows.c.film == film_rows.c.id)
            .outerjoin(deliveries, deliveries.c.answer == answer_rows.c.id)
            .where(film_rows.c.source == "dicom", film_rows.c.removed_at.is_(None))
            .where(answer_rows.c.bundle == self._service.bundle.id, answer_rows.c.variant == "")
            .where(deliveries.c.seq.is_(None))
            .order_by(film_rows.c.seq)
            .limit(limit)
        )
        with self._service.database.read() as connection:
            rows = connection.execute(asked).all()
        blobs = self._service.blobs
        return [FilmToRead(id=row.id, path=blobs.path(row.sha256)) for row in rows]

    def answered(self, film: FilmToRead, reading: Reading, results: Sequence[ResultFile]) -> None:  # noqa: ARG002
        """Keep result files, and queue them for every destination."""
        files = [(self._kept(result.path), result.path) for result in results]
        names = [name for name, _ in files]
        with self._service.database.write() as connection:
            answer = _answer(connection, film.id, self._service.bundle.id)
            now = self._service.clock()
            for name in names:
                add_object(connection, name, "result", now=now)
            for destination in self._destinations:
                connection.execute(
                    insert(deliveries).values(
                        id=new_id(), film=film.id, answer=answer.id, destination=destination,
                        files=names, state="waiting", tries=0, next_try=now, created_at=now,
                    )
                )  # fmt: skip
            audit.record(
                connection, actor="hilum", action="queue results", object=film.id, now=now,
                bundle=answer.bundle, detail={"objects": [r.sop_uid for r in results]},
            )  # fmt: skip
        for name, path in files:  # a sweep may have found the file before the row
            self._service.blobs.keep(path, name)

    def failed(self, film: FilmToRead, why: str) -> None:
        """Note that no result can be made of an answer, so that it is not tried for ever."""
        with self._service.database.write() as connection:
            answer = _answer(connection, film.id, self._service.bundle.id)
            now = self._service.clock()
            connection.execute(
                insert(deliveries).values(
                    id=new_id(), film=film.id, answer=answer.id, destination=_NOWHERE, files=[],
                    state="dead", tries=0, next_try=now, problem=why, created_at=now,
                    finished_at=now,
                )
            )  # fmt: skip

    def _kept(self, path: Path) -> str:
        sha256 = file_sha256(path)
        self._service.blobs.keep(path, sha256)
        return sha256

    # Reader

    def read(self, path: Path) -> Reading:
        """Return the answer that is kept for a film, with the evidence drawn on it."""
        service = self._service
        with service.database.read() as connection:
            film = films.film_with(connection, path.name)
            answer = _answer(connection, film.id, service.bundle.id)
            cams = answers.cams_of(connection, answer.id)
        record, screening = service.bundle.record, recalled(answer.answer, path=film.id, cams=cams)
        overlay: NDArray[np.uint8] | None = None
        if answer.accepted and answer.decision is not None and cams is not None:
            drawn = service.drawn(film, answer, answer.decision).result()
            overlay = _pixels(drawn.png) if isinstance(drawn, Drawn) else None
        return Reading(
            screening=screening, overlay=overlay, overlay_class=answer.decision or "",
            temperature=record.temperature, bundle_version=record.hilum_version,
        )  # fmt: skip


class KeptOutbox:
    """Deliveries in the database.

    Args:
        service: Where they are kept.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def due(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """Return deliveries whose next try is not after a moment, oldest first."""
        asked = (
            select(deliveries)
            .where(deliveries.c.state == "waiting", deliveries.c.next_try <= now)
            .order_by(deliveries.c.seq)
            .limit(limit)
        )
        with self._service.database.read() as connection:
            rows = connection.execute(asked).mappings().all()
        path = self._service.blobs.path
        return [
            Delivery(
                id=row["id"],
                destination=row["destination"],
                paths=tuple(path(name) for name in row["files"]),
                attempts=row["tries"],
                created=row["created_at"],
            )
            for row in rows
        ]

    def sent(self, id: str) -> None:  # noqa: A002
        """Note that the destination confirmed every file."""
        self._end(id, "sent", None)

    def failed(self, id: str, why: str, next_try: datetime) -> None:  # noqa: A002
        """Note a failure that may pass; count the attempt."""
        with self._service.database.write() as connection:
            connection.execute(
                update(deliveries)
                .where(deliveries.c.id == id)
                .values(tries=deliveries.c.tries + 1, next_try=next_try, problem=why)
            )

    def dead(self, id: str, why: str) -> None:  # noqa: A002
        """Note that it is given up; a person may queue it again."""
        self._end(id, "dead", why)

    def _end(self, delivery: str, state: str, why: str | None) -> None:
        now = self._service.clock()
        with self._service.database.write() as connection:
            connection.execute(
                update(deliveries)
                .where(deliveries.c.id == delivery)
                .values(
                    state=state, problem=why, finished_at=now, tries=deliveries.c.tries + 1
                )
            )  # fmt: skip
            audit.record(
                connection, actor="hilum", object=delivery, now=now,
                action="send results" if state == "sent" else "give results up",
            )  # fmt: skip


def queue_again(database: Database, *, who: str, now: datetime) -> int:
    """Queue deliveries anew that were given up; return how many."""
    with database.write() as connection:
        found = connection.execute(
            update(deliveries)
            .where(deliveries.c.state == "dead", deliveries.c.destination != _NOWHERE)
            .values(state="waiting", tries=0, next_try=now, created_at=now, finished_at=None)
        ).rowcount
        audit.record(
            connection, actor=who, action="send again", object=f"{found} deliveries", now=now
        )
    return found


def _known(connection: Connection, sop_uid: str) -> Mapping[Any, Any] | None:
    """Return the first object with a UID that was kept."""
    asked = select(received).where(received.c.sop_uid == sop_uid, received.c.conflict.is_(False))
    return connection.execute(asked.order_by(received.c.seq)).mappings().first()


def _note(
    connection: Connection,
    facts: ReceivedObject,
    *,
    blob: str,
    film: str | None,
    conflict: bool,
    now: datetime,
) -> None:
    connection.execute(
        insert(received).values(
            id=new_id(), sop_uid=facts.sop_uid, sop_class=facts.sop_class,
            study_uid=facts.study_uid, sha256=facts.sha256, blob=blob, kind=_KINDS[facts.kind],
            film=film, calling=facts.calling, address=facts.peer, conflict=conflict, at=now,
        )
    )  # fmt: skip


def _answer(connection: Connection, film: str, bundle: str) -> answers.Answer:
    found = [
        each
        for each in answers.answers_of(connection, film)
        if each.bundle == bundle and each.variant == ""
    ]
    return found[-1]


def _pixels(png: bytes) -> NDArray[np.uint8]:
    with Image.open(BytesIO(png)) as picture:
        return np.asarray(picture.convert("RGB"), np.uint8)
