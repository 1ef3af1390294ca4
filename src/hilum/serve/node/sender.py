"""The outbox: results are sent until they are taken, too old, or refused for good."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from hilum.serve.node.dimse import store_by_dimse
from hilum.serve.node.rounds import Rounds
from hilum.serve.node.seams import Delivery, Outbox
from hilum.serve.node.settings import NodeSettings, WebDestination
from hilum.serve.node.stow import RefusedError, UnreachableError, store_on_web

__all__ = ["Sender", "backoff_s"]

_log = logging.getLogger(__name__)
_BATCH = 16


def backoff_s(attempts: int, *, first_s: float, most_s: float, share: float) -> float:
    """Return how long to wait before the next try.

    Twice as long after each failure up to a ceiling, of which the second half is left to chance,
    so that a PACS that comes back is not met by everyone at once.

    Args:
        attempts: Failures so far, at least 1.
        first_s: Wait after the first.
        most_s: The ceiling.
        share: Chance, in [0, 1).

    >>> [backoff_s(n, first_s=10, most_s=60, share=0) for n in (1, 2, 3, 4, 5)]
    [5.0, 10.0, 20.0, 30.0, 30.0]
    """
    whole = min(first_s * 2.0 ** min(attempts - 1, 30), most_s)
    return whole / 2 * (1 + share)


class Sender(Rounds):
    """Send what is due, one delivery after the other, in a thread of its own.

    A delivery goes to a destination of the settings; nothing that a film says is ever an address.

    Args:
        settings: Destinations, and how patient to be.
        outbox: What is to be sent.
        chance: Returns a number in [0, 1) for the jitter.
    """

    def __init__(
        self, settings: NodeSettings, outbox: Outbox, *, chance: Callable[[], float] | None = None
    ) -> None:
        super().__init__(self.send_due, name="hilum-sender", trouble="the outbox does not answer")
        self._settings = settings
        self._outbox = outbox
        self._chance = random.SystemRandom().random if chance is None else chance

    def send_due(self, now: datetime | None = None) -> int:
        """Try every delivery that is due, once; return how many that were."""
        moment = now or datetime.now(UTC)
        deliveries = self._outbox.due(moment, _BATCH)
        tried = 0
        for delivery in deliveries:
            if self.stopping:
                break
            self._try(delivery, moment)
            tried += 1
        return tried

    def _try(self, delivery: Delivery, now: datetime) -> None:
        try:
            self._send(delivery)
        except UnreachableError as error:
            self._put_off(delivery, str(error), now)
        except RefusedError as error:
            _log.error("results are not taken: %s", error)
            self._outbox.dead(delivery.id, str(error))
        except FileNotFoundError as error:
            self._outbox.dead(delivery.id, f"its files are gone: {error}")
        except OSError as error:
            self._put_off(delivery, f"its files cannot be read: {error}", now)
        else:
            self._outbox.sent(delivery.id)

    def _send(self, delivery: Delivery) -> None:
        settings = self._settings
        destination = settings.destinations.get(delivery.destination)
        if destination is None:
            raise RefusedError(f"no destination is called {delivery.destination!r} any more")
        if isinstance(destination, WebDestination):
            store_on_web(destination, delivery.paths, timeout_s=settings.network_timeout_s)
        else:
            store_by_dimse(settings, destination, delivery.paths)

    def _put_off(self, delivery: Delivery, why: str, now: datetime) -> None:
        settings = self._settings
        # A clock that was set back makes a delivery younger, never a negative age.
        age_s = max((now - delivery.created).total_seconds(), 0.0)
        if age_s > settings.retry_age_s:
            self._outbox.dead(delivery.id, f"given up after {age_s / 3600:.0f} h: {why}")
            return
        wait_s = backoff_s(
            delivery.attempts + 1,
            first_s=settings.retry_first_s,
            most_s=settings.retry_most_s,
            share=self._chance(),
        )
        self._outbox.failed(delivery.id, why, now + timedelta(seconds=wait_s))
