"""What bundles said of films. An answer is written once and never changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, select

from hilum.serve.storage.errors import NotFoundError
from hilum.serve.storage.films import new_id
from hilum.serve.storage.inserting import insert_new
from hilum.serve.storage.jobs import Job
from hilum.serve.storage.tables import answers, probabilities

__all__ = ["Answer", "add_answer", "answer_of", "answers_of", "cams_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What one bundle said of one film.

    Args:
        id: What the outside world calls it.
        film: The film's id.
        job: The job it came of.
        bundle: Id of the bundle.
        bundle_name: Its name.
        variant: "" for the whole film, else the hash of what was struck out.
        accepted: Whether the gate took it for a frontal chest radiograph.
        decision: The class decided for.
        answer: All of it, as `Screening.to_dict` gives it.
        region: What the network saw: (top, left, height, width) as shares of the film's.
        created_at: When, UTC.
    """

    id: str
    film: str
    job: str
    bundle: str
    bundle_name: str
    variant: str
    accepted: bool
    decision: str | None
    answer: Mapping[str, Any]
    region: tuple[float, float, float, float] | None
    created_at: datetime


def add_answer(
    connection: Connection,
    job: Job,
    told: Mapping[str, Any],
    *,
    cams: NDArray[np.float32] | None,
    region: tuple[float, float, float, float] | None,
    now: datetime,
) -> Answer:
    """Keep an answer, in the transaction that ends its job; return it as it is kept.

    An answer never changes: where the job has one already, that one stays.

    Args:
        connection: In a writing transaction.
        job: What was asked.
        told: `Screening.to_dict()`; without an error.
        cams: Maps of all classes, shape (classes, h, w).
        region: What the network saw, as shares of the film's height and width.
        now: When.
    """
    made = Answer(
        id=new_id(), film=job.film, job=job.id, bundle=job.bundle,
        bundle_name=told["bundle_name"], variant=job.variant, accepted=told["accepted"],
        decision=told["decision"], answer=dict(told), region=region, created_at=now,
    )  # fmt: skip
    values = {each.name: getattr(made, each.name) for each in fields(made)}
    values["region"] = None if region is None else list(region)
    values["cams"] = None if cams is None else cams.astype("<f4").tobytes()
    values["cams_shape"] = None if cams is None else list(cams.shape)
    if insert_new(connection, answers, values) is None:
        same = _SELECT.where(answers.c.job == job.id)
        return _answer(connection.execute(same).mappings().one())
    odds = told["probabilities"] or {}
    if odds and told["accepted"]:
        rows = [{"answer": made.id, "class_name": k, "probability": v} for k, v in odds.items()]
        connection.execute(_PROBABILITIES, rows)
    return made


def answers_of(connection: Connection, film: str) -> list[Answer]:
    """Return the answers about a film, oldest first."""
    rows = connection.execute(
        _SELECT.where(answers.c.film == film).order_by(answers.c.seq)
    ).mappings()
    return [_answer(row) for row in rows]


def answer_of(connection: Connection, answer: str) -> Answer:
    """Return an answer by its id.

    Raises:
        NotFoundError: If there is none.
    """
    row = connection.execute(_SELECT.where(answers.c.id == answer)).mappings().first()
    if row is None:
        raise NotFoundError("There is no such answer.")
    return _answer(row)


def cams_of(connection: Connection, answer: str) -> NDArray[np.float32] | None:
    """Return the maps of an answer, shape (classes, h, w); None if it has none."""
    row = connection.execute(
        select(answers.c.cams, answers.c.cams_shape).where(answers.c.id == answer)
    ).first()
    if row is None or row.cams is None:
        return None
    return np.frombuffer(row.cams, "<f4").reshape(row.cams_shape)


_PROBABILITIES = insert(probabilities)
_SELECT = select(
    *(answers.c[name] for name in ("id", "film", "job", "bundle", "bundle_name", "variant")),
    *(answers.c[name] for name in ("accepted", "decision", "answer", "region", "created_at")),
)


def _answer(row: Mapping[Any, Any]) -> Answer:
    values = dict(row)
    values["region"] = None if values["region"] is None else tuple(values["region"])
    return Answer(**values)
