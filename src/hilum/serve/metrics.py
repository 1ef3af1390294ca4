"""Figures for those who keep the server running, in Prometheus's format."""

from __future__ import annotations

from typing import Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from hilum.serve.workers.tasks import Reply, Seen

__all__ = ["Metrics"]


class _Pool(Protocol):
    @property
    def alive(self) -> int: ...
    @property
    def deaths(self) -> int: ...


class _Counted(Protocol):
    @property
    def waiting(self) -> int: ...
    @property
    def pool(self) -> _Pool: ...


class Metrics:
    """Counters of one server.

    Args:
        service: Whose figures they are.
    """

    def __init__(self, service: _Counted) -> None:
        self._registry = CollectorRegistry()
        to = self._registry
        self._films = Counter("hilum_films", "Films taken in", ["source", "new"], registry=to)
        self._bytes = Counter("hilum_film_bytes", "Bytes of films taken in", registry=to)
        self._read = Counter(
            "hilum_films_read", "What came of reading films", ["outcome"], registry=to
        )
        self._seconds = Histogram(
            "hilum_read_seconds",
            "From a film's bytes to its answer",
            buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
            registry=to,
        )
        waiting = Gauge("hilum_films_waiting", "Films that wait to be read", registry=to)
        waiting.set_function(lambda: service.waiting)
        alive = Gauge("hilum_workers_alive", "Processes that look at films", registry=to)
        alive.set_function(lambda: service.pool.alive)
        deaths = Gauge("hilum_worker_deaths", "Processes that films have killed", registry=to)
        deaths.set_function(lambda: service.pool.deaths)

    def taken(self, source: str, size: int, *, new: bool) -> None:
        """Count a film that was taken in."""
        self._films.labels(source, str(new).lower()).inc()
        self._bytes.inc(size)

    def read(self, reply: Reply, problem: str | None) -> None:
        """Count what came of reading a film."""
        if problem is not None or not isinstance(reply, Seen):
            self._read.labels("failed").inc()
            return
        self._read.labels("answered" if reply.told["accepted"] else "refused").inc()
        self._seconds.observe(reply.told["seconds"])

    def text(self) -> str:
        """Return all figures."""
        return generate_latest(self._registry).decode()
