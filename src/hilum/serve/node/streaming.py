"""Data sets of C-STORE go to a file as they arrive, not into memory."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.pdu_primitives import P_DATA

from hilum.data.reading.dicom_values import DICOM_ERRORS, text
from hilum.serve.node.arrival import Arrival, ArrivalLimits
from hilum.serve.node.uids import is_valid_uid

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import DimsePrimitiveType

__all__ = ["StreamingProvider"]

_log = logging.getLogger(__name__)
_MAX_COMMAND = 2**16
"""Bytes of a command set; real ones have some hundred."""
_MAX_QUERY = 4 * 2**20
"""Bytes of a data set that does not belong to C-STORE; Storage Commitment needs 200 an object."""
_MAX_WAITING = 8
"""Messages not answered yet; no more than one at a time was negotiated."""
_INVALID = "Evt19"
"""pynetdicom's name for "an invalid unit was received": it aborts the association."""
_ENDLESS = 4
"""An object that goes on past so many times the largest size ends the association."""


class StreamingProvider(DIMSEServiceProvider):
    """Collect messages: of C-STORE in an `Arrival`, of others in memory, with ceilings.

    Args:
        association: Whose messages.
        limits: Where objects arrive.
    """

    def __init__(self, association: Association, limits: ArrivalLimits) -> None:
        super().__init__(association)
        self._limits = limits
        self._arriving: Arrival | None = None
        self._collected = 0
        self._broken = False
        self._sending = threading.Lock()

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take fragments one by one, since the command that says where they go may be among them.

        A peer that sends more than any honest one would, or damaged messages, is disconnected.
        """
        if self._broken:
            return
        try:
            for context_id, fragment in primitive.presentation_data_value_list:
                self._take(context_id, fragment)
        except DICOM_ERRORS as error:
            _log.warning("association with %r ended: %s", self.assoc.remote["ae_title"], error)
            self._end()

    def send_msg(self, primitive: DimsePrimitiveType, context_id: int) -> None:
        """Send a message, unless the association is being ended."""
        with self._sending:
            if not self._broken:
                super().send_msg(primitive, context_id)

    def _end(self) -> None:
        """Have the association aborted, with nothing of ours still on its way."""
        with self._sending:
            self._broken = True
            while not self.dul.to_provider_queue.empty():
                self.dul.to_provider_queue.get_nowait()
        self.drop()
        self.dul.event_queue.put(_INVALID)

    def _take(self, context_id: int, fragment: bytes) -> None:
        self._check(fragment)
        if self.message is not None and not fragment[0] & 1:
            self._direct(context_id)
        one = P_DATA()
        pair: Any = [context_id, fragment]  # declared a tuple, but only a list is taken
        one.presentation_data_value_list = [pair]
        super().receive_primitive(one)
        if self.message is None:  # the message is complete
            self._arriving, self._collected = None, 0

    def _check(self, fragment: bytes) -> None:
        """Count what is collected in memory, or beyond reason."""
        if not fragment:
            raise ValueError("expected a fragment with a control header, got an empty one")
        if self.msg_queue.qsize() > _MAX_WAITING:
            raise ValueError("messages were sent without waiting for answers")
        if self._arriving is not None:
            if self._arriving.received > _ENDLESS * self._limits.max_bytes:
                raise ValueError("an object does not end")
            return
        self._collected += len(fragment)
        if self._collected > (_MAX_COMMAND if fragment[0] & 1 else _MAX_QUERY):
            raise ValueError(f"a message of {self._collected} bytes is not collected in memory")

    def _direct(self, context_id: int) -> None:
        """Send the data set of a C-STORE to a file."""
        message = self.message
        if not isinstance(message, C_STORE_RQ) or isinstance(message.data_set, Arrival):
            return
        accepted = {context.context_id: context for context in self.assoc.accepted_contexts}
        if context_id not in accepted:
            raise ValueError(f"presentation context {context_id} was not accepted")
        self._arriving = Arrival(
            self._limits,
            sop_class=_uid(message, "AffectedSOPClassUID"),
            sop_uid=_uid(message, "AffectedSOPInstanceUID"),
            syntax=str(accepted[context_id].transfer_syntax[0]),
        )
        message.data_set = self._arriving

    def drop(self) -> None:
        """Remove what arrived of an object whose rest will not come."""
        if self._arriving is not None:
            self._arriving.discard()
            self._arriving = None


def _uid(message: C_STORE_RQ, keyword: str) -> str:
    """Return a UID of the command; one that is none is refused later, and written nowhere."""
    uid = text(message.command_set, keyword)
    return uid if is_valid_uid(uid) else "0"
