"""A PostgreSQL connection that does not wait for ever.

A server that is stopped, or cut off, neither answers nor closes its connections; the driver would
wait with it. Timeouts of the server's own do not help then, since nobody is there to keep them.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg

__all__ = ["PatientConnection"]


class PatientConnection(psycopg.Connection[Any]):
    """A connection that is given up when it has been silent for too long."""

    patience_s: float = 20.0
    """Seconds without a byte from the server after which it is given up."""

    def wait(  # type: ignore[override]  # later versions have more to say
        self, gen: Generator[Any, Any, Any], interval: float = 0.1, **more: Any
    ) -> Any:
        """Wait for an exchange with the server; what else is given goes to psycopg.

        Raises:
            psycopg.OperationalError: If the server has been silent for too long.
        """
        return super().wait(self._bounded(gen), interval, **more)

    def _bounded(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        heard = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                now = time.monotonic()
                if ready:
                    heard = now
                elif now - heard > self.patience_s:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(
                        f"the database has not answered for {self.patience_s:g} s"
                    )
                wanted = gen.send(ready)
        except StopIteration as end:
            return end.value
