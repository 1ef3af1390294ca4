"""Taking films in, having them read, keeping the answers.

What is acknowledged is kept: the film's bytes are flushed to the disk and the film, its job and the
audit entry are committed in one transaction before anyone is told. From then on a crash of any
process, the server's included, only delays the answer.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from hilum.errors import BundleError, HilumError
from hilum.screening.bundle import Bundle
from hilum.screening.default import default_bundle
from hilum.serve.clock import Clock, utc_now
from hilum.serve.formats import recognised
from hilum.serve.metrics import Metrics
from hilum.serve.owner import Owner
from hilum.serve.settings import ServeSettings
from hilum.serve.storage import answers, audit, films, jobs, requests
from hilum.serve.storage.blobs import BlobStore, Incoming
from hilum.serve.storage.database import Database
from hilum.serve.storage.errors import (
    FullError,
    NotFoundError,
    UnavailableError,
    UnwritableError,
)
from hilum.serve.storage.films import Film
from hilum.serve.storage.jobs import Job, Region
from hilum.serve.storage.objects import remove_old_objects
from hilum.serve.storage.retention import SteadyClock, remove_old, remove_orphans
from hilum.serve.storage.together import Together
from hilum.serve.workers.pool import Pool
from hilum.serve.workers.tasks import Draw, Failed, Look, Reply, Seen, Show

__all__ = ["Accepted", "BusyError", "Ended", "RemovedError", "Service"]

_ROUND_S = 5.0
_ORPHANS_S = 600.0
_PROBE_S = 3.0
_KEYS_DAYS = 7
_CROWD, _CROWDED_S = 4, 0.03
"""With so many films in line for each process, a film may wait a little longer to be written."""
_LATER = (UnavailableError, FullError, BundleError)
"""What keeps an answer from being had or kept now, but not for good."""

logger = logging.getLogger(__name__)


class BusyError(HilumError):
    """Too many films wait to be read; come back later.

    Args:
        waiting: How many wait.
        retry_s: Seconds after which it is worth trying again.
    """

    def __init__(self, waiting: int, retry_s: int) -> None:
        self.retry_s = retry_s
        super().__init__(
            f"{waiting:,} films wait to be read. Nothing was kept; send it again in {retry_s} s."
        )


class RemovedError(NotFoundError):
    """The film was deleted when its time had come; what was said of it remains."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A film that was taken in.

    Args:
        film: What is known of it.
        job: Who reads it, and how far that is.
        new: Whether it had not been there before.
    """

    film: Film
    job: Job
    new: bool


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that has been done, as it was written down.

    Args:
        job: How it ended.
        answer: What came of it; None if it failed.
        cams: The answer's maps, shape (classes, h, w).
    """

    job: Job
    answer: answers.Answer | None
    cams: NDArray[np.float32] | None


class Service:
    """A data folder, a database, a bundle, and processes that look at films.

    Args:
        settings: How it is set up.
        clock: What time it is.

    Raises:
        BundleError: If the bundle cannot be used.
        ConfigError: If the database's URL cannot be understood.
        SchemaError: If the database belongs to another version of hilum.
        UnavailableError: If the database cannot be reached.
    """

    def __init__(self, settings: ServeSettings, *, clock: Clock = utc_now) -> None:
        self.settings, self.clock = settings, clock
        self.bundle = Bundle.load(settings.bundle or default_bundle())
        settings.data.mkdir(parents=True, exist_ok=True)
        self.database = Database(settings.url)
        self.database.prepare()
        self.together = Together(self.database, pause_s=self._pause_s)
        self.owner = Owner(settings.data)
        self.owner.sweep()
        self.blobs = BlobStore(settings.data, self.owner, reserve_bytes=settings.reserve_bytes)
        self.pool = Pool(
            self.bundle.folder, self.bundle.id, settings.processes, limits=settings.film_limits
        )
        self.metrics = Metrics(self)
        self._steady = SteadyClock(clock)
        self._pending: dict[str, Future[Ended | None]] = {}
        self._lock = threading.Lock()
        self._probe = ThreadPoolExecutor(1, thread_name_prefix="hilum-probe")
        self._stop = threading.Event()
        self._rounds = threading.Thread(target=self._go_round, name="hilum-rounds", daemon=True)
        self._adopt()
        self._rounds.start()

    @property
    def label(self) -> str:
        """The class that matters: the threshold's, or the last that is not called normal."""
        record = self.bundle.record
        _, threshold = record.threshold()
        if threshold.label:
            return threshold.label
        return next(name for name in reversed(record.classes) if name.lower() != "normal")

    def prevalence(self, label: str) -> float | None:
        """Return how common a class was where the bundle was calibrated; None if it is unknown."""
        counts = self.bundle.record.training.get("counts", {})
        found = {name: counts.get(f"val/{name}") for name in self.bundle.record.classes}
        known = [value for value in found.values() if isinstance(value, int)]
        share = found.get(label)
        if len(known) < len(found) or not share or share == sum(known):
            return None
        return float(share / sum(known))

    # Taking in

    def incoming(self) -> Incoming:
        """Return a place for a film that arrives.

        Raises:
            BusyError: If too many wait already.
            FullError: If the disk is nearly full.
        """
        waiting = self.waiting
        if waiting >= self.settings.waiting:
            raise BusyError(waiting, retry_s=5)
        return self.blobs.incoming(self.settings.upload_bytes)

    def accept(
        self, incoming: Incoming, *, name: str, source: str, who: str, key: str | None = None
    ) -> Accepted:
        """Keep a film that has arrived whole, and have it read.

        Args:
            incoming: All of its bytes.
            name: As the sender calls it; text to show.
            source: "page", "api" or "dicom".
            who: Who sends it.
            key: An idempotency key of the sender's.

        Raises:
            ConflictError: If the key was used with other bytes.
            FullError: If there is no room.
            UnavailableError: If the database cannot be reached.
            UnknownFormatError: If it is no kind of file that can hold a film.
        """
        kind = recognised(incoming.head, incoming.size)
        kept, now = incoming.keep(), self.clock()

        def write(connection: Connection) -> tuple[Film, Job, bool, bool]:
            film, new = films.add_film(
                connection, sha256=kept.sha256, size=kept.size, format=kind, name=name,
                source=source, sent_by=who, now=now,
            )  # fmt: skip
            if key is not None:
                requests.remember_request(
                    connection, who=who, key=key, digest=kept.sha256, film=film.id, now=now
                )
            job, fresh = jobs.add_job(
                connection, film=film, bundle=self.bundle.id, asked_by=who,
                owner=self.owner.id, now=now,
            )  # fmt: skip
            if job.state == "done" and film.facts is None:  # retention took away what was found
                job = jobs.ask_again(connection, job, self.owner.id)
                fresh = True
            audit.record(
                connection, actor=who, action="send film", object=film.id, now=now,
                bundle=self.bundle.id, detail={"sha256": kept.sha256, "new": new},
            )  # fmt: skip
            return film, job, new, fresh

        film, job, new, fresh = self.together.write(write)
        incoming.settle()
        self.metrics.taken(source, kept.size, new=new)
        if fresh:
            self.begin(job)
        return Accepted(film, job, new)

    def read_again(self, film: str, struck: Sequence[Region], *, who: str) -> Job:
        """Have a film read with regions struck out, or with the bundle that is in use now.

        Raises:
            NotFoundError: If there is no such film.
            RemovedError: If its bytes are gone.
        """
        now = self.clock()
        with self.database.write() as connection:
            audit.lock(connection)
            kept = self._present(films.film_of(connection, film))
            job, fresh = jobs.add_job(
                connection, film=kept, bundle=self.bundle.id, asked_by=who, owner=self.owner.id,
                now=now, struck=struck,
            )  # fmt: skip
            audit.record(
                connection, actor=who, action="strike out", object=film, now=now,
                bundle=self.bundle.id, detail={"regions": [list(each) for each in struck]},
            )  # fmt: skip
        if fresh:
            self.begin(job, urgency=0)
        return job

    def _pause_s(self) -> float:
        return _CROWDED_S if self.waiting >= _CROWD * self.settings.processes else 0.0

    @property
    def waiting(self) -> int:
        """How many films wait to be read, or are being read, by this process."""
        return len(self._pending)

    def pending(self, job: str) -> Future[Ended | None] | None:
        """Return what ends when a job of this process ends; None if it is not at work on it."""
        return self._pending.get(job)

    # Looking

    def shown(self, film: Film, *, longest: int = 2048) -> Future[Reply]:
        """Ask for a film's grey levels.

        Raises:
            RemovedError: If its bytes are gone.
        """
        return self.pool.submit(Show(path=self._path(film), longest=longest), urgency=0)

    def drawn(self, film: Film, answer: answers.Answer, label: str) -> Future[Reply]:
        """Ask for the film with the evidence for one class drawn on it.

        Raises:
            NotFoundError: If the answer has no maps, or the bundle no such class.
            RemovedError: If the film's bytes are gone.
        """
        with self.database.read() as connection:
            cams = answers.cams_of(connection, answer.id)
        if cams is None or answer.answer["probabilities"] is None:
            raise NotFoundError("This answer has no evidence maps: the film was refused.")
        if label not in answer.answer["probabilities"]:
            known = ", ".join(answer.answer["probabilities"])
            raise NotFoundError(f"The bundle has no such class; it has {known}.")
        if answer.bundle != self.bundle.id:
            raise NotFoundError("The bundle that gave this answer is not in use any more.")
        task = Draw(path=self._path(film), told=answer.answer, cams=cams, label=label)
        return self.pool.submit(task, urgency=0)

    def _path(self, film: Film) -> str:
        return str(self.blobs.path(self._present(film).sha256))

    @staticmethod
    def _present(film: Film) -> Film:
        if film.removed_at is not None:
            raise RemovedError(f"The film was deleted on {film.removed_at:%Y-%m-%d}, as set up.")
        return film

    # Reading

    def begin(self, job: Job, *, urgency: int = 1) -> None:
        """Have a job done that is written down; its end shows in `pending`.

        Args:
            job: Of this process.
            urgency: 0 for someone who waits in front of a screen, 1 for what is read in turn.
        """
        with self._lock:
            if job.id in self._pending:
                return
            done: Future[Ended | None] = Future()
            self._pending[job.id] = done
        task = Look(path=str(self.blobs.path(job.sha256)), struck=job.struck)
        self.pool.submit(task, urgency=urgency).add_done_callback(
            lambda future: self._read_ended(job, future)
        )

    def _read_ended(self, job: Job, future: Future[Reply]) -> None:
        """Have kept what came of a job; what cannot be now is tried again in the next round."""
        error = future.exception()
        if error is not None:
            self._ended(job, None, error)
            return
        reply = future.result()

        def kept(keeping: Future[Ended | None]) -> None:
            error = keeping.exception()
            if error is None or isinstance(error, _LATER):
                self._ended(job, None if error else keeping.result(), error)
                return
            logger.error("The answer of job %s cannot be kept", job.id, exc_info=error)
            failed = Failed("Its answer could not be kept; the server's log says why.")
            self.together.submit(
                lambda connection: self._keep(connection, job, failed)
            ).add_done_callback(lambda last: self._ended(job, None, last.exception()))

        self.together.submit(
            lambda connection: self._keep(connection, job, reply)
        ).add_done_callback(kept)

    def _ended(self, job: Job, ended: Ended | None, error: BaseException | None) -> None:
        if error is not None:
            logger.error("The answer of job %s was not kept: %s", job.id, error)
        with self._lock:
            pending = self._pending.pop(job.id)
        pending.set_result(ended)

    def _keep(self, connection: Connection, job: Job, reply: Reply) -> Ended | None:
        """Write down what came of a job; return None if someone else has done so already."""
        now, why = self.clock(), _problem(job, reply)
        deaths = reply.deaths if isinstance(reply, Failed) else 0
        if not jobs.finish(connection, job.id, now=now, why=why, deaths=deaths):
            return None
        if isinstance(reply, Seen) and reply.facts and not job.struck:
            self._note(connection, job, reply.facts)
        answer = None
        if why is None and isinstance(reply, Seen):
            answer = answers.add_answer(
                connection, job, reply.told, cams=reply.cams, region=reply.region, now=now
            )
        audit.record(
            connection, actor="hilum", action="read film" if why is None else "fail to read",
            object=job.film, now=now, bundle=job.bundle, detail={"job": job.id},
        )  # fmt: skip
        self.metrics.read(reply, why)
        cams = reply.cams if isinstance(reply, Seen) else None
        state = "done" if why is None else "failed"
        return Ended(replace(job, state=state, error=why, deaths=deaths), answer, cams)

    @staticmethod
    def _note(connection: Connection, job: Job, facts: dict[str, Any]) -> None:
        uid = facts.get("sop_uid")
        if uid:
            film = films.film_of(connection, job.film)
            facts = {**facts, "conflict_with": films.same_uid(connection, film, uid)}
        films.note_facts(connection, job.film, facts)

    # Going round

    def _go_round(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            try:
                self._adopt()
                self._forget()
                if time.monotonic() >= due:
                    remove_orphans(self.database, self.blobs)
                    due = time.monotonic() + _ORPHANS_S
            except Exception as error:  # noqa: BLE001  (the next round must come)
                logger.warning("A round was left out: %s", error)
            self._stop.wait(_ROUND_S)

    def _adopt(self) -> None:
        """Take over what dead processes left, and what this one could not keep."""
        with self._lock:
            busy = set(self._pending)
        with self.database.read() as connection:
            found = jobs.waiting(connection, self.owner.id, besides=busy)
            others = jobs.has_others(connection, self.owner.id)
        if others:
            now = self.clock()
            with self.database.write() as connection:
                audit.lock(connection)
                left = jobs.adopt(connection, self.owner.id, self.owner.alive)
                mine = [jobs.hand_over(connection, job, self.bundle.id, now=now) for job in left]
            found += [job for job in mine if job is not None]
        for job in found:
            self.begin(job)

    def _forget(self) -> None:
        """Delete films whose time has come, and old idempotency keys."""
        now = self.clock()
        if self._steady.has_jumped():
            logger.warning("The clock has jumped; nothing is deleted until it is right again.")
            return
        with self.database.write() as connection:
            requests.forget_requests(connection, before=now - timedelta(days=_KEYS_DAYS))
        if self.settings.keep_days is not None:
            before = now - timedelta(days=self.settings.keep_days)
            remove_old(self.database, self.blobs, before=before, now=now)
            remove_old_objects(self.database, self.blobs, before=before, now=now)

    # Health

    def problems(self) -> list[str]:
        """Return what keeps the server from taking films; nothing if all is well."""
        found = []
        try:
            self._probe.submit(self._ask_database).result(_PROBE_S)
        except (UnavailableError, FullError) as error:
            found.append(str(error))
        except TimeoutError:
            found.append(f"The database has not answered for {_PROBE_S:g} s.")
        try:
            self.blobs.check_room()
        except (FullError, UnwritableError) as error:
            found.append(str(error))
        if self.pool.problem:
            found.append(self.pool.problem)
        return found

    def _ask_database(self) -> None:
        with self.database.read() as connection:
            jobs.count_waiting(connection)

    def close(self, timeout_s: float = 8.0) -> None:
        """Finish what is at hand, and leave the rest to whoever comes next."""
        end = time.monotonic() + timeout_s
        self._stop.set()
        self._probe.shutdown(wait=False)
        self.pool.close(timeout_s)
        self.together.close(max(0.0, end - time.monotonic()))
        self._rounds.join(max(0.0, end - time.monotonic()))
        self.owner.close()
        self.database.close()


def _problem(job: Job, reply: Reply) -> str | None:
    """Return why a reply is no answer; None if it is one."""
    if isinstance(reply, Failed):
        return reply.reason
    if not isinstance(reply, Seen):
        return "The reply was of another kind than what was asked."
    if reply.told["error"]:
        return str(reply.told["error"])
    if reply.told["bundle"] != job.bundle:
        return "It was read with another bundle than the one that was asked."
    if reply.told["sha256"] != job.sha256:
        return "The film's bytes are not those that were taken in: the disk has changed them."
    return None
