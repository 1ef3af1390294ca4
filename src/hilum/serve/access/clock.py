"""Comparing moments when clocks jump.

Two servers' clocks differ, and one clock is set back or forth. A minute either way changes nothing
here. What lies further in the future than that was written by a clock that was wrong, and is not
believed: a session of tomorrow would outlive its limit.
"""

from __future__ import annotations

from datetime import datetime, timedelta

__all__ = ["LEEWAY", "age", "has_passed", "is_from_the_future"]

LEEWAY = timedelta(seconds=60)
"""By how much two clocks may differ."""


def age(then: datetime, now: datetime) -> timedelta:
    """Return how long ago something was; never negative."""
    return max(now - then, timedelta())


def has_passed(limit: datetime, now: datetime) -> bool:
    """Return whether a moment is over, by more than two clocks may differ."""
    return now > limit + LEEWAY


def is_from_the_future(then: datetime, now: datetime) -> bool:
    """Return whether a moment that was written down cannot have been."""
    return then > now + LEEWAY
