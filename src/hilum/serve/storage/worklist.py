"""The worklist: films with how far they are and what was said of them, in the order of a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from sqlalchemy import ColumnElement, Connection, Select, and_, case, func, or_, select

from hilum.serve.storage.tables import answers, films, jobs, opinions, probabilities

__all__ = ["STATES", "Entry", "Order", "Page", "State", "Wish", "page_of"]

State = Literal["waiting", "read", "refused", "failed"]
"""Not yet read; answered; no chest radiograph, says the gate; could not be read."""

Order = Literal["probability", "newest", "oldest"]

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Which films are wanted, and in which order.

    Args:
        bundle: Id of the bundle whose answers count.
        label: The class whose probability is shown and sorted by.
        reader: Whose opinions count as "mine".
        state: Only films in this state.
        decision: Only films decided for this class.
        mine: True for films this reader has judged, False for those they have not.
        text: Part of a file's name, a patient's number or name.
        order: "probability" (greatest first, then those without), "newest" or "oldest".
        limit: How many at most.
        offset: How many to leave out first.
    """

    bundle: str
    label: str
    reader: str
    state: State | None = None
    decision: str | None = None
    mine: bool | None = None
    text: str = ""
    order: Order = "probability"
    limit: int = 50
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One film of the worklist.

    Args:
        film: Its id.
        name: As the sender called it.
        patient_id: As a DICOM header says.
        patient_name: As a DICOM header says.
        study_date: YYYYMMDD.
        view: "PA", "AP" ...
        source: "page", "api" or "dicom".
        received_at: When it came, UTC.
        state: How far it is.
        problem: Why it failed or was refused.
        answer: Id of the answer.
        decision: The class decided for.
        probability: Of the class asked for.
        mine: Whether this reader has judged it.
        conflict: Whether another film has its UID and other pixels.
    """

    film: str
    name: str
    patient_id: str | None
    patient_name: str | None
    study_date: str | None
    view: str | None
    source: str
    received_at: datetime
    state: State
    problem: str | None
    answer: str | None
    decision: str | None
    probability: float | None
    mine: bool
    conflict: bool


@dataclass(frozen=True, slots=True)
class Page:
    """Some films of a worklist.

    Args:
        entries: In the order wished for.
        total: How many films fit the wish.
        counts: How many films are in each state, whatever was wished.
    """

    entries: list[Entry]
    total: int
    counts: Mapping[str, int]


_state: ColumnElement[str] = case(
    (jobs.c.state == "queued", "waiting"),
    (jobs.c.state == "failed", "failed"),
    (answers.c.accepted.is_(False), "refused"),
    else_="read",
)


def page_of(connection: Connection, wish: Wish) -> Page:
    """Return the films that fit a wish."""
    mine = select(opinions.c.film).where(opinions.c.reader == wish.reader)
    judged = films.c.id.in_(mine)
    asked = _joined(
        select(
            *(films.c[name] for name in ("seq", "id", "name", "patient_id", "patient_name")),
            *(films.c[name] for name in ("study_date", "view", "source", "received_at")),
            films.c.conflict_with,
            _state.label("state"),
            jobs.c.error,
            answers.c.id.label("answer"),
            answers.c.decision,
            answers.c.answer.label("told"),
            probabilities.c.probability,
            judged.label("mine"),
        ),
        wish,
    ).where(*_conditions(wish, judged))
    total = connection.execute(select(func.count()).select_from(asked.subquery())).scalar_one()
    rows = connection.execute(
        asked.order_by(*_order(wish)).limit(wish.limit).offset(wish.offset)
    ).mappings()
    counted = _joined(select(_state.label("state"), func.count().label("n")), wish)
    counts = connection.execute(counted.group_by(_state)).all()
    return Page([_entry(row) for row in rows], total, {row.state: row.n for row in counts})


def _joined(asked: Select[*tuple[Any, ...]], wish: Wish) -> Select[*tuple[Any, ...]]:
    return (
        asked.select_from(films)
        .join(
            jobs,
            and_(
                jobs.c.film == films.c.id, jobs.c.bundle == wish.bundle, jobs.c.variant == ""
            ),
        )
        .outerjoin(answers, answers.c.job == jobs.c.id)
        .outerjoin(
            probabilities,
            and_(
                probabilities.c.answer == answers.c.id, probabilities.c.class_name == wish.label
            ),
        )
        .where(films.c.removed_at.is_(None))
    )  # fmt: skip


def _conditions(wish: Wish, judged: ColumnElement[bool]) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wish.state is not None:
        found.append(_state == wish.state)
    if wish.decision is not None:
        found.append(and_(answers.c.decision == wish.decision, answers.c.accepted))
    if wish.mine is not None:
        found.append(judged if wish.mine else ~judged)
    if wish.text:
        columns = (films.c.name, films.c.patient_id, films.c.patient_name)
        found.append(or_(*(column.icontains(wish.text, autoescape=True) for column in columns)))
    return found


def _order(wish: Wish) -> list[ColumnElement[Any]]:
    if wish.order == "oldest":
        return [films.c.seq.asc()]
    if wish.order == "newest":
        return [films.c.seq.desc()]
    return [probabilities.c.probability.desc().nulls_last(), films.c.seq.desc()]


def _entry(row: Mapping[Any, Any]) -> Entry:
    told = row["told"] or {}
    reasons = " ".join(told.get("reasons", ())) if row["state"] == "refused" else None
    refused = row["state"] != "read"
    return Entry(
        film=row["id"],
        name=row["name"],
        patient_id=row["patient_id"],
        patient_name=row["patient_name"],
        study_date=row["study_date"],
        view=row["view"],
        source=row["source"],
        received_at=row["received_at"],
        state=row["state"],
        problem=row["error"] or reasons,
        answer=row["answer"],
        decision=None if refused else row["decision"],
        probability=None if refused else row["probability"],
        mine=bool(row["mine"]),
        conflict=row["conflict_with"] is not None,
    )
