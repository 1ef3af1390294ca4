"""What time it is.

Clocks jump, back as well as forth. So nothing here is ordered or timed by this one: rows are
ordered by the number the database gives them, and durations are taken from `time.monotonic`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["Clock", "utc_now"]

Clock = Callable[[], datetime]
"""Returns the moment it is, with its zone."""


def utc_now() -> datetime:
    """Return the moment it is, in UTC."""
    return datetime.now(UTC)
