"""What the facts can say to one item, and the words for it.

Four answers and no more: reported, partly (what is there and what is missing), not reported, not
applicable. An answer never says more than the facts it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = [
    "STATUSES",
    "Answer",
    "Facts",
    "Status",
    "inapplicable",
    "listed",
    "look",
    "not_reported",
    "partly",
    "reported",
    "sentence",
]

Facts = Mapping[str, Any]
"""What `gather_facts` returns: plain values, JSON-able."""

Status = Literal["reported", "partly", "not reported", "not applicable"]
STATUSES: tuple[Status, ...] = ("reported", "partly", "not reported", "not applicable")


@dataclass(frozen=True, slots=True)
class Answer:
    """What the facts say to one item."""

    status: Status
    text: str = ""
    """What is known; for "not applicable" why. Every number stands with its n."""

    missing: str = ""
    """What a person must still write."""


def reported(text: str) -> Answer:
    """Return an answer that leaves nothing open."""
    return Answer("reported", text)


def partly(text: str, missing: str) -> Answer:
    """Return what is known beside what is missing."""
    return Answer("partly", text, missing)


def not_reported(missing: str = "") -> Answer:
    """Return that nothing is known, and what would help."""
    return Answer("not reported", "", missing)


def inapplicable(why: str) -> Answer:
    """Return that there is nothing to report, and why."""
    return Answer("not applicable", why)


def look(facts: Facts, path: str) -> Any:
    """Return the fact at a dotted path, None where anything on the way is missing.

    >>> look({"model": {"classes": ["a", "b"]}}, "model.classes")
    ['a', 'b']
    """
    value: Any = facts
    for key in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def listed(words: list[str] | tuple[str, ...]) -> str:
    """Return words as a phrase.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def sentence(*parts: str) -> str:
    """Join what is not empty, each part ending in a stop."""
    kept = [part.strip() for part in parts if part.strip()]
    return " ".join(part if part[-1] in ".!?:" else f"{part}." for part in kept)
