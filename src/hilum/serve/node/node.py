"""The node as a whole: what comes in is kept, films are read, results go out."""

from __future__ import annotations

import logging
from collections.abc import Collection
from pathlib import Path
from typing import Self

from hilum.errors import MissingExtraError

try:
    import highdicom as _highdicom  # noqa: F401
    import pynetdicom as _pynetdicom  # noqa: F401
except ImportError as error:
    raise MissingExtraError(error.name or "pynetdicom", "dicom") from error

from hilum.serve.node.listener import Listener
from hilum.serve.node.reading import Desk
from hilum.serve.node.seams import FilmQueue, Intake, Kind, Outbox, Outcome, Reader, ReceivedObject
from hilum.serve.node.sender import Sender
from hilum.serve.node.settings import NodeSettings

__all__ = ["Node"]

_log = logging.getLogger(__name__)


class _Bell:
    """An intake that rings when a film has come."""

    def __init__(self, intake: Intake, desk: Desk | None) -> None:
        self._intake = intake
        self._desk = desk

    def receive(self, part: Path, facts: ReceivedObject) -> Outcome:
        outcome = self._intake.receive(part, facts)
        if outcome is Outcome.STORED and facts.kind is Kind.CANDIDATE and self._desk is not None:
            self._desk.wake()
        return outcome

    def holds(self, uids: Collection[str]) -> Collection[str]:
        return self._intake.holds(uids)


class Node:
    """Films in, results out. For research use only.

    Args:
        settings: How to listen, whom to believe, where results go.
        intake: Keeps what arrives.
        outbox: Keeps what is to be sent; None sends nothing.
        queue: Knows what is to be read; None where something else reads.
        reader: Reads; needed with `queue`.

    Raises:
        ValueError: If there is a queue without a reader, or the other way round.
    """

    def __init__(
        self,
        settings: NodeSettings,
        *,
        intake: Intake,
        outbox: Outbox | None = None,
        queue: FilmQueue | None = None,
        reader: Reader | None = None,
    ) -> None:
        if (queue is None) != (reader is None):
            raise ValueError("give both queue and reader, or neither")
        self._sender = None if outbox is None else Sender(settings, outbox)
        self._desk: Desk | None = None
        if queue is not None and reader is not None:
            self._desk = Desk(queue, reader, settings.arrivals, done=self.send_now)
        self._listener = Listener(settings, _Bell(intake, self._desk))

    @property
    def address(self) -> tuple[str, int]:
        """Address and port it listens on."""
        return self._listener.address

    def send_now(self) -> None:
        """Say that something new is due in the outbox."""
        if self._sender is not None:
            self._sender.wake()

    def start(self) -> None:
        """Listen, read and send, in threads.

        Raises:
            OSError: If the port is taken or the folder for arrivals cannot be made.
        """
        self._listener.start()
        if self._desk is not None:
            self._desk.start()
        if self._sender is not None:
            self._sender.start()
        _log.info("listening on %s port %d", *self.address)

    def stop(self, patience_s: float = 20.0) -> None:
        """Take nothing new, finish what is under way, and end.

        Args:
            patience_s: Longest wait for each part.
        """
        self._listener.stop(patience_s)
        if self._desk is not None:
            self._desk.stop(patience_s)
        if self._sender is not None:
            self._sender.stop(patience_s)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()
