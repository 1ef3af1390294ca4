"""Films that are to be read, and by which process.

A job is written in the transaction that takes the film in, so that whatever was acknowledged is
also going to be read. A process that dies leaves its jobs behind; another takes them over, and does
them with the bundle it has.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, func, select, update

from hilum.serve.storage.errors import NotFoundError
from hilum.serve.storage.films import Film, new_id
from hilum.serve.storage.inserting import insert_new
from hilum.serve.storage.tables import films, jobs

__all__ = [
    "Job",
    "Region",
    "add_job",
    "adopt",
    "ask_again",
    "count_waiting",
    "finish",
    "hand_over",
    "has_others",
    "job_of",
    "jobs_of",
    "variant_of",
    "waiting",
]

Region = tuple[float, float, float, float]
"""(top, left, height, width) of a rectangle, as shares of the film's height and width."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A film to be read with one bundle.

    Args:
        id: What the outside world calls it.
        film: The film's id.
        sha256: Hash of the film's bytes.
        bundle: Id of the bundle.
        variant: "" for the whole film, else the hash of what was struck out.
        struck: Regions that the network must not see.
        asked_by: Who asked.
        state: "queued", "done" or "failed".
        deaths: Processes that died over it.
        error: Why it failed.
    """

    id: str
    film: str
    sha256: str
    bundle: str
    variant: str
    struck: tuple[Region, ...]
    asked_by: str
    state: str
    deaths: int
    error: str | None


def variant_of(struck: Sequence[Region]) -> str:
    """Return what names a set of struck-out regions: "" for none, else a hash."""
    if not struck:
        return ""
    told = sorted([round(value, 4) for value in region] for region in struck)
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def add_job(
    connection: Connection,
    *,
    film: Film,
    bundle: str,
    asked_by: str,
    owner: str,
    now: datetime,
    struck: Sequence[Region] = (),
) -> tuple[Job, bool]:
    """Ask for a film to be read; return the job, and whether it is new."""
    variant = variant_of(struck)
    values: dict[str, Any] = {
        "id": new_id(), "film": film.id, "bundle": bundle, "variant": variant,
        "struck": [list(region) for region in struck], "asked_by": asked_by, "state": "queued",
        "owner": owner, "deaths": 0, "created_at": now,
    }  # fmt: skip
    if insert_new(connection, jobs, values) is not None:
        for name in ("owner", "created_at"):
            del values[name]
        return Job(**{**values, "struck": tuple(struck)}, sha256=film.sha256, error=None), True
    found = (jobs.c.film == film.id) & (jobs.c.bundle == bundle) & (jobs.c.variant == variant)
    return _one(connection, found), False


def job_of(connection: Connection, job: str) -> Job:
    """Return a job by its id.

    Raises:
        NotFoundError: If there is none.
    """
    return _one(connection, jobs.c.id == job)


def jobs_of(connection: Connection, film: str) -> list[Job]:
    """Return the jobs of a film, oldest first."""
    rows = connection.execute(_SELECT.where(jobs.c.film == film).order_by(jobs.c.seq)).mappings()
    return [_job(row) for row in rows]


def waiting(
    connection: Connection, owner: str, *, besides: Collection[str] = frozenset()
) -> list[Job]:
    """Return what a process has still to do, oldest first.

    Args:
        connection: Any.
        owner: The process.
        besides: Ids of jobs that it is at work on.
    """
    ids = connection.execute(
        select(jobs.c.id).where(jobs.c.state == "queued", jobs.c.owner == owner)
    ).scalars()
    return _several(connection, [job for job in ids if job not in besides])


def count_waiting(connection: Connection) -> int:
    """Return how many jobs of all processes are not done."""
    count = select(func.count()).select_from(jobs).where(jobs.c.state == "queued")
    return connection.execute(count).scalar_one()


def has_others(connection: Connection, owner: str) -> bool:
    """Return whether other processes have something to do, or had before they died."""
    condition = (jobs.c.state == "queued") & (jobs.c.owner != owner)
    return connection.execute(select(jobs.c.id).where(condition).limit(1)).first() is not None


def adopt(connection: Connection, owner: str, alive: Callable[[str], bool]) -> list[Job]:
    """Take over the jobs of processes that have died; return them."""
    owners = connection.execute(
        select(jobs.c.owner).where(jobs.c.state == "queued", jobs.c.owner != owner).distinct()
    ).scalars()
    found: list[Job] = []
    for dead in [each for each in owners if not alive(each)]:
        condition = (jobs.c.state == "queued") & (jobs.c.owner == dead)
        taken = update(jobs).where(condition).values(owner=owner).returning(jobs.c.id)
        found += _several(connection, connection.execute(taken).scalars().all())
    return found


def hand_over(connection: Connection, job: Job, bundle: str, *, now: datetime) -> Job | None:
    """Have a job done with another bundle than it was asked of, and return it.

    Where the film has such a job already, this one ends, and None is returned.

    Args:
        connection: In a writing transaction.
        job: Queued, and this process's.
        bundle: Id of the bundle in use.
        now: When.
    """
    if job.bundle == bundle:
        return job
    other = jobs.alias()
    same = (other.c.film == job.film, other.c.bundle == bundle, other.c.variant == job.variant)
    free = ~select(other.c.id).where(*same).exists()
    asked = update(jobs).where(jobs.c.id == job.id, free).values(bundle=bundle)
    if connection.execute(asked).rowcount == 1:
        return replace(job, bundle=bundle)
    finish(connection, job.id, now=now, why=_ANOTHER)
    return None


_ANOTHER = "The server went on with another bundle, and the film is read with that one."


def ask_again(connection: Connection, job: Job, owner: str) -> Job:
    """Queue a job that has ended once more; return it."""
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job.id)
        .values(state="queued", owner=owner, error=None, finished_at=None)
    )
    return replace(job, state="queued", error=None)


def finish(
    connection: Connection, job: str, *, now: datetime, why: str | None = None, deaths: int = 0
) -> bool:
    """End a job; return False if it has ended already: someone who took it over was faster.

    Args:
        connection: In a writing transaction, that of what came of the job.
        job: Its id.
        now: When.
        why: Why it cannot be done; None if it was.
        deaths: Processes that died over it.
    """
    state = "done" if why is None else "failed"
    values = {"state": state, "error": why, "finished_at": now, "deaths": deaths, "job": job}
    return connection.execute(_FINISH, values).rowcount == 1


_FINISH = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.state == "queued")
    .values({name: bindparam(name) for name in ("state", "error", "finished_at", "deaths")})
)

_SELECT = select(
    *(jobs.c[name] for name in ("id", "film", "bundle", "variant", "struck", "asked_by")),
    *(jobs.c[name] for name in ("state", "deaths", "error")),
    films.c.sha256,
).join(films, films.c.id == jobs.c.film)


def _several(connection: Connection, ids: Sequence[str]) -> list[Job]:
    found: list[Job] = []
    for first in range(0, len(ids), _AT_ONCE):
        some = jobs.c.id.in_(ids[first : first + _AT_ONCE])
        rows = connection.execute(_SELECT.where(some).order_by(jobs.c.seq)).mappings()
        found += [_job(row) for row in rows]
    return found


def _one(connection: Connection, condition: ColumnElement[bool]) -> Job:
    row = connection.execute(_SELECT.where(condition)).mappings().first()
    if row is None:
        raise NotFoundError("There is no such job.")
    return _job(row)


def _job(row: Mapping[Any, Any]) -> Job:
    values = dict(row)
    values["struck"] = tuple(tuple(region) for region in values["struck"])
    return Job(**values)
