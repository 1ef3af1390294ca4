"""How many requests one may make: token buckets, in memory.

A bucket fills at a steady rate up to a burst; a request takes one from it, or is told how long to
wait. Buckets are few: when there are too many, the one that was asked longest ago goes, so that
an attacker with many addresses cannot fill the memory. They time by a clock that never jumps.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from hilum.serve.access.errors import TooManyError

__all__ = ["RATES", "Kind", "Limiter", "Rate"]

Kind = Literal["login", "upload", "api"]
"""What is limited, each for itself."""


@dataclass(frozen=True, slots=True)
class Rate:
    """How often.

    Args:
        a_second: Requests a second in the long run, more than 0.
        burst: Requests at once, at least 1.
    """

    a_second: float
    burst: float

    def __post_init__(self) -> None:
        """Refuse what would never let anyone in."""
        if not (self.a_second > 0 and self.burst >= 1):
            raise ValueError(
                f"expected a rate above 0 and a burst of at least 1, got {self.a_second} "
                f"and {self.burst}"
            )


RATES: Mapping[Kind, Rate] = MappingProxyType(
    {
        "login": Rate(a_second=0.5, burst=20),
        "upload": Rate(a_second=200, burst=2_000),
        "api": Rate(a_second=500, burst=5_000),
    }
)
"""Far above what one hospital sends, far below what stops a server."""


@dataclass(slots=True)
class _Bucket:
    level: float
    at: float


class Limiter:
    """Count requests by who makes them and where from.

    Args:
        rates: How often each kind of request may be made by one.
        most: Buckets that are kept.
        clock: Seconds that never go back.
    """

    def __init__(
        self,
        rates: Mapping[Kind, Rate] = RATES,
        *,
        most: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rates = rates
        self._most = most
        self._clock = clock
        self._buckets: OrderedDict[tuple[Kind, str], _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        """Return how many buckets there are."""
        return len(self._buckets)

    def take(self, kind: Kind, who: str) -> None:
        """Count a request.

        Args:
            kind: What is asked for.
            who: A principal's name or an address.

        Raises:
            TooManyError: If there were too many; says when to come again.
        """
        rate = self._rates[kind]
        with self._lock:
            bucket = self._bucket((kind, who), rate)
            if bucket.level >= 1:
                bucket.level -= 1
                return
            wait = (1 - bucket.level) / rate.a_second
        raise TooManyError(wait, f"Expected at most {rate.a_second:g} requests a second.")

    def _bucket(self, key: tuple[Kind, str], rate: Rate) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(rate.burst, now)
            if len(self._buckets) > self._most:
                self._buckets.popitem(last=False)
            return bucket
        self._buckets.move_to_end(key)
        bucket.level = min(rate.burst, bucket.level + (now - bucket.at) * rate.a_second)
        bucket.at = now
        return bucket
