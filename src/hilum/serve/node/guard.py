"""Sockets that do not believe what a peer claims, and a door that counts who is inside.

pynetdicom buffers whatever length a protocol data unit claims, before it knows who is calling, and
waits for ever for its rest. Here a claim over the ceiling ends the connection before one byte of it
is kept, every unit has a deadline, and each address has a limit of connections.
"""

from __future__ import annotations

import logging
import socket
import socketserver
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from pynetdicom.transport import AssociationSocket, RequestHandler, ThreadedAssociationServer

from hilum.serve.node.arrival import ArrivalLimits
from hilum.serve.node.streaming import StreamingProvider

if TYPE_CHECKING:
    from pynetdicom.association import Association

__all__ = ["Door", "GuardedSocket"]

_log = logging.getLogger(__name__)


class GuardedSocket(AssociationSocket):
    """Refuse units that claim too much or take too long."""

    max_pdu = 2**20
    """Largest unit taken, bytes."""

    deadline_s = 30.0
    """Longest time for the rest of a unit; also for anything sent."""

    def recv(self, nr_bytes: int) -> bytearray:
        """Return `nr_bytes` bytes, or fewer if the peer has hung up.

        Raises:
            OSError: If more is claimed than taken, or it does not come in time.
        """
        connection = self.socket
        if connection is None:
            raise OSError("the connection is closed")
        if nr_bytes > self.max_pdu:
            _log.warning("a peer claimed a unit of %d bytes; connection dropped", nr_bytes)
            raise OSError(f"a unit of {nr_bytes} bytes was claimed, at most {self.max_pdu} is read")
        received = bytearray()
        end = time.monotonic() + self._patience()
        try:
            while len(received) < nr_bytes:
                connection.settimeout(max(end - time.monotonic(), 0.001))
                chunk = connection.recv(min(nr_bytes - len(received), 2**16))
                if not chunk:
                    break
                received += chunk
        finally:
            if connection.fileno() != -1:
                connection.settimeout(self.deadline_s)
        return received

    def close(self) -> None:
        """Close the connection; pynetdicom leaves it open where the peer was quicker."""
        connection = self.socket
        super().close()
        if connection is not None:
            connection.close()

    def _patience(self) -> float:
        """Return how long a unit may take; before the peer has said who it is, less."""
        association = self.assoc
        limit = association.network_timeout if association.is_established else None
        return float(limit or association.acse_timeout or self.deadline_s)


class _Handler(RequestHandler):
    """Make associations whose socket and messages are guarded."""

    server: Door

    def _create_association(self) -> Association:
        connection: socket.socket = self.request
        connection.settimeout(GuardedSocket.deadline_s)
        association = super()._create_association()
        association.dul.event_queue.get_nowait()  # the new socket announces itself again
        guarded = GuardedSocket(association, client_socket=connection)
        guarded.max_pdu = self.server.max_pdu
        association.dul.socket = guarded
        association.dimse = StreamingProvider(association, self.server.limits)
        return association


class Door(ThreadedAssociationServer):
    """Listen, and let in at most so many connections, of each address and altogether.

    Args:
        limits: Where objects arrive.
        max_pdu: Largest protocol data unit taken, bytes.
        per_address: Connections from one address at a time.
        altogether: Connections at a time.
    """

    request_queue_size = 64
    daemon_threads = True
    block_on_close = False

    def __init__(
        self,
        *args: Any,
        limits: ArrivalLimits,
        max_pdu: int,
        per_address: int,
        altogether: int,
        **kwargs: Any,
    ) -> None:
        self.limits = limits
        self.max_pdu = max_pdu
        self._per_address = per_address
        self._altogether = altogether
        self._inside: dict[str, WeakSet[socket.socket]] = defaultdict(WeakSet)
        kwargs["request_handler"] = _Handler
        super().__init__(*args, **kwargs)

    def shutdown(self) -> None:
        """Stop listening; associations go on."""
        socketserver.BaseServer.shutdown(self)
        self.server_close()

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Say whether one more connection from this address is let in."""
        address = str(client_address[0])
        for known in list(self._inside):
            closed = [one for one in self._inside[known] if one.fileno() == -1]
            self._inside[known].difference_update(closed)
            if not self._inside[known]:
                del self._inside[known]
        inside = sum(map(len, self._inside.values()))
        if len(self._inside[address]) >= self._per_address or inside >= self._altogether:
            _log.warning("too many connections (%d in all); one from %s closed", inside, address)
            return False
        self._inside[address].add(request)
        return True
