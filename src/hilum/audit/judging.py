"""From an effect to a verdict: the rules that checks share, on limits and never on bare values."""

from __future__ import annotations

from hilum.audit.effect import CHANCE, Effect
from hilum.audit.record import Verdict
from hilum.evaluation.compare import Compared
from hilum.evaluation.record import Estimate

__all__ = [
    "SEVERITY",
    "fell",
    "half_lost",
    "has_score",
    "held",
    "lowest",
    "nothing_left",
    "way_left",
    "worse",
]

_FELL, _FELL_FAR = -0.03, -0.10
SEVERITY: tuple[Verdict, ...] = ("not run", "pass", "warn", "fail")
"""Worst last; a check that was not run says nothing."""


def worse(*verdicts: Verdict) -> Verdict:
    """Return the worst verdict; one that was not run counts for nothing beside another.

    >>> worse("pass", "not run")
    'pass'
    """
    return max(verdicts, key=SEVERITY.index)


def lowest(value: Estimate) -> float:
    """Return the lower limit; 0 where there is none, as nothing is shown then."""
    return 0.0 if value.low is None else value.low


def fell(pair: Compared) -> float:
    """Return the upper limit of a difference; where there is none nothing varied: the value."""
    gap = pair.difference
    return gap.high if gap.high is not None else gap.estimate or 0.0


def has_score(found: Effect) -> bool:
    """Return whether there is a score to explain: above chance on the films as they are."""
    return lowest(found.score.b) > CHANCE


def way_left(left: Estimate, whole: Estimate) -> float:
    """Return how much of the way from chance to the whole score is left, at least.

    Below 0 where chance is not ruled out. A score below chance counts as one as far above it:
    answers the wrong way round tell the classes apart, too.
    """
    if left.low is None or left.high is None or whole.estimate is None or whole.estimate <= CHANCE:
        return 0.0
    return max(left.low - CHANCE, CHANCE - left.high) / (whole.estimate - CHANCE)


def nothing_left(found: Effect) -> Verdict:
    """Judge a score that should be chance, as the films show nothing of the disease.

    Fails above chance if it is not shown to be below the whole score, or if more than half of the
    way to that is left, of one class or of all; warns at a quarter. Passes if it is below the
    whole score.
    """
    if not has_score(found) or found.score.a.low is None:
        return "not run"
    lower = fell(found.score) < 0
    left = way_left(found.score.a, found.score.b)
    far = max(left, *(way_left(pair.a, pair.b) for pair in found.per_class.values()))
    if far > 0.5 or (left > 0 and not lower):
        return "fail"
    if not lower:
        return "not run"
    return "warn" if far > 0.25 else "pass"


def held(found: Effect) -> Verdict:
    """Judge a score that should hold: fails if it fell by more than 0.10, warns if by 0.03."""
    if not has_score(found) or found.score.difference.estimate is None:
        return "not run"
    by = fell(found.score)
    if by < _FELL_FAR:
        return "fail"
    return "warn" if by < _FELL else "pass"


def half_lost(found: Effect) -> Verdict:
    """Warn where less than half of the way from chance to the whole score is left, at most."""
    left, whole = found.score.a, found.score.b
    if not has_score(found) or left.estimate is None or whole.estimate is None:
        return "not run"
    most = left.estimate if left.high is None else left.high
    return "warn" if most < CHANCE + (whole.estimate - CHANCE) / 2 else "pass"
