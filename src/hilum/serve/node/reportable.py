"""Whether there is anything to report of a film; the archive holds what is known, and no more."""

from __future__ import annotations

import math

from hilum.screening.result import Screening

__all__ = ["refusal_to_report"]


def refusal_to_report(screening: Screening) -> str | None:
    """Return why there is nothing to report, or None if there is something.

    A refusal by the gate is reported. A failure, or a probability that is no number in [0, 1], is
    not: an empty report would be read as a negative one.
    """
    if screening.failed:
        return f"it failed: {screening.error}"
    if not screening.accepted:
        return None if screening.reasons else "it was refused without a reason"
    if not screening.probabilities or screening.decision is None:
        return "it has no probabilities"
    odd = [name for name, p in screening.probabilities.items() if not _is_probability(p)]
    return f"its probabilities of {odd} are not in [0, 1]" if odd else None


def _is_probability(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and 0 <= value <= 1
