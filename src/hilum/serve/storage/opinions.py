"""What readers said of films: only ever added, never changed.

A reader who changes their mind gives another opinion; the last one of each reader counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, insert, select

from hilum.serve.storage.films import new_id
from hilum.serve.storage.tables import films, opinions

__all__ = ["Opinion", "Verdict", "add_opinion", "disagreements", "last_opinions", "opinions_of"]

Verdict = Literal["agree", "disagree", "other", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one reader said of one film at one moment.

    Args:
        film: The film's id.
        reader: The reader's name.
        place: 1 for a first reader; 2 for a second one, who had not seen the first one's.
        verdict: "agree" or "disagree" with the decision, "other" finding, or "unreadable".
        bundle: The bundle whose answer stood beside it.
        at: When, UTC.
        answer: The answer that was shown; None if the reader saw none.
        label: The class the reader gives the film; None where none fits.
        finding: Another finding, in the reader's words.
        quality: "good", "limited" or "unreadable".
        comment: Free text.
        pretest: What the reader held likely before, and what Bayes made of it.
        id: What the outside world calls it.
    """

    film: str
    reader: str
    place: int
    verdict: str
    bundle: str
    at: datetime
    answer: str | None = None
    label: str | None = None
    finding: str | None = None
    quality: str | None = None
    comment: str | None = None
    pretest: Mapping[str, Any] | None = None
    id: str = ""


def add_opinion(connection: Connection, opinion: Opinion) -> str:
    """Keep an opinion; return its id."""
    name = new_id()
    connection.execute(insert(opinions).values(**{**asdict(opinion), "id": name}))
    return name


def opinions_of(connection: Connection, film: str, *, reader: str | None = None) -> list[Opinion]:
    """Return what was said of a film, oldest first; by one reader only where one is named."""
    asked = select(opinions).where(opinions.c.film == film).order_by(opinions.c.seq)
    if reader is not None:
        asked = asked.where(opinions.c.reader == reader)
    return [_opinion(row) for row in connection.execute(asked).mappings()]


def last_opinions(connection: Connection) -> list[Opinion]:
    """Return the last opinion of each reader about each film that is still kept."""
    asked = (
        select(opinions)
        .join(films, films.c.id == opinions.c.film)
        .where(films.c.removed_at.is_(None))
        .order_by(opinions.c.seq)
    )
    last: dict[tuple[str, str], Opinion] = {}
    for row in connection.execute(asked).mappings():
        opinion = _opinion(row)
        last[opinion.film, opinion.reader] = opinion
    return list(last.values())


def disagreements(given: Sequence[Opinion]) -> dict[str, list[Opinion]]:
    """Return, by film, opinions that contradict each other or the bundle.

    Args:
        given: The last opinion of each reader.
    """
    by_film: dict[str, list[Opinion]] = {}
    for opinion in given:
        by_film.setdefault(opinion.film, []).append(opinion)
    return {
        film: those
        for film, those in by_film.items()
        if any(each.verdict in {"disagree", "other"} for each in those)
        or len({each.label for each in those}) > 1
    }


def _opinion(row: Mapping[Any, Any]) -> Opinion:
    return Opinion(**{name: value for name, value in row.items() if name != "seq"})
