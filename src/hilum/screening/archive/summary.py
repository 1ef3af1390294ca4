"""What came of an archive, counted from its shards, one shard in memory at a time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hilum.screening.archive.shards import read_shard

__all__ = ["Summary", "kind_of", "summarise"]

_KINDS = 200
_SHOWN = 8
_OTHER = "other reasons"
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")


@dataclass(slots=True)
class Summary:
    """Counts of a whole run, all its sessions together.

    Args:
        films: Rows in all shards.
        accepted: Films with an answer.
        refused: Films that the gate refused.
        failed: Films without an answer because something went wrong.
        decisions: Class to films decided for it.
        refusals: First reason, numbers left out, to films.
        failures: The same of errors.
        shards: Files.
        screened_now: Films of this session.
        seconds: Its length.
        complete: Whether every film that was found has its row.
    """

    films: int = 0
    accepted: int = 0
    refused: int = 0
    failed: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    shards: int = 0
    screened_now: int = 0
    seconds: float = 0.0
    complete: bool = True

    @property
    def films_per_second(self) -> float:
        """Rate of this session."""
        return self.screened_now / self.seconds if self.seconds > 0 else 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values for JSON."""
        return {
            "complete": self.complete,
            "films": self.films,
            "accepted": self.accepted,
            "refused": self.refused,
            "failed": self.failed,
            "decisions": dict(self.decisions.most_common()),
            "refused_by_reason": dict(self.refusals.most_common()),
            "failed_by_reason": dict(self.failures.most_common()),
            "shards": self.shards,
            "screened_in_last_session": self.screened_now,
            "seconds_of_last_session": round(self.seconds, 1),
            "films_per_second": round(self.films_per_second, 2),
            "notice": "Research use only",
        }

    def text(self) -> str:
        """Return the counts for a person; ends with "Research use only"."""
        lines = [
            f"{self.films:,} films; shards: {self.shards:,}.",
            f"  accepted {self.accepted:,}; refused {self.refused:,}; failed {self.failed:,}",
            *_listed("decided", self.decisions),
            *_listed("refused", self.refusals),
            *_listed("failed", self.failures),
            f"This session: {self.screened_now:,} films in {self.seconds:,.1f} s.",
            f"  {self.films_per_second:.1f} films/s, the start of the workers included",
            "Research use only.",
        ]
        return "\n".join(lines)


def summarise(shards: Iterable[Path]) -> Summary:
    """Count what shards hold.

    Raises:
        DataError: If one cannot be read.
    """
    found = Summary()
    columns = ["accepted", "reasons", "decision", "error"]
    for path in shards:
        table = read_shard(path, columns)
        found.shards += 1
        found.films += table.height
        answered = table["accepted"]
        found.accepted += int(answered.sum() or 0)
        found.failed += int(answered.null_count())
        found.decisions.update(table["decision"].drop_nulls().to_list())
        _tally(found.failures, table["error"].drop_nulls().to_list())
        reasons = table["reasons"].to_list()
        _tally(found.refusals, [listed[0] for listed in reasons if listed])
    found.refused = found.films - found.accepted - found.failed
    return found


def kind_of(reason: str) -> str:
    """Return a reason without what differs from film to film, so that it can be counted.

    >>> kind_of("The picture is too small: 12 x 80 pixels.")
    'The picture is too small: N x N pixels.'
    """
    line = reason.partition("\n")[0]
    return _NUMBER.sub("N", _QUOTED.sub("'...'", line))[:200]


def _tally(counts: Counter[str], reasons: Iterable[str]) -> None:
    for reason in reasons:
        kind = kind_of(reason)
        counts[kind if kind in counts or len(counts) < _KINDS else _OTHER] += 1


def _listed(word: str, counts: Counter[str]) -> list[str]:
    lines = [f"  {word} {count:>9,}  {kind}" for kind, count in counts.most_common(_SHOWN)]
    rest = len(counts) - _SHOWN
    return [*lines, f"  {word}: and {rest} further kinds"] if rest > 0 else lines
