"""Connections that are slow on purpose, or too many.

uvicorn waits for a request's head for as long as it takes and takes as much of it as comes. Here a
head must be complete within ten seconds and 64 KiB, and one address may hold so many connections.
Bodies are watched where they are read; one that nobody reads any more, since the answer has been
given, may go on for five seconds, so that its sender comes to hear the answer.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["GuardedProtocol"]


class GuardedProtocol(HttpToolsProtocol):
    """One connection, guarded."""

    head_s: ClassVar[float] = 10.0
    head_bytes: ClassVar[int] = 64 * 1024
    linger_s: ClassVar[float] = 5.0
    per_address: ClassVar[int] = 600
    _open: ClassVar[Counter[str]] = Counter()

    _timer: asyncio.TimerHandle | None = None
    _head = _fields = 0
    _in_head = True
    _address = ""

    def connection_made(self, transport: Any) -> None:
        """Count the connection, and give it ten seconds for its first request's head."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._open[self._address] += 1
        if self._open[self._address] > self.per_address:
            transport.abort()
            return
        self._begin_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._end_timer()
        self._open[self._address] -= 1
        if self._open[self._address] <= 0:
            del self._open[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; end the connection if a head grows too long."""
        if self._in_head:
            if self._head == 0 and self._timer is None:
                self._begin_head()  # the next request of a connection that was kept
            self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > self.head_bytes:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; a head that came in one piece is weighed here."""
        self._fields += len(name) + len(value)
        if self._fields > self.head_bytes:
            self._refuse(b"431 Request Header Fields Too Large")
            raise ValueError("the head is too long")
        super().on_header(name, value)

    def send_400_response(self, msg: str) -> None:
        """Say that a request could not be understood, unless it has been answered."""
        if not self.transport.is_closing():
            super().send_400_response(msg)

    def on_headers_complete(self) -> None:
        """Start answering."""
        self._in_head = False
        self._fields = 0
        self._end_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Expect the next head."""
        self._end_timer()
        super().on_message_complete()
        self._in_head, self._head = True, 0

    def on_response_complete(self) -> None:
        """Give a request that was answered before it had all come a little time to end."""
        super().on_response_complete()
        if not self._in_head and not self.transport.is_closing():
            self._end_timer()
            self._timer = self.loop.call_later(self.linger_s, self.transport.close)

    def _begin_head(self) -> None:
        self._in_head, self._head = True, 0
        self._timer = self.loop.call_later(self.head_s, self._refuse, b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self._end_timer()
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
