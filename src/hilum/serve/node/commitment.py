"""Storage Commitment, push model: the sender asks what is safely kept, before it deletes its own.

The report goes out on the association that asked, if it is still open, else on a new one to the
peer of that AE title in the settings; an address that the request came from is never called back
unasked. References: DICOM PS3.4 annex J.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pynetdicom import AE, build_role

from hilum.data.reading.boundary import quiet_decoders
from hilum.data.reading.dicom_values import DICOM_ERRORS, text
from hilum.serve.node.contexts import COMMITMENT
from hilum.serve.node.seams import Intake
from hilum.serve.node.settings import Destination, NodeSettings
from hilum.serve.node.uids import is_valid_uid

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.events import Event

__all__ = ["Commitment"]

_log = logging.getLogger(__name__)
_WELL_KNOWN = "1.2.840.10008.1.20.1.1"
_ALL_KEPT, _SOME_MISSING = 1, 2
_NO_SUCH_OBJECT = 0x0112
_WAITING = 256
_TRIES, _PAUSE_S = 3, 2.0


@dataclass(frozen=True, slots=True)
class _Request:
    association: Association
    title: str
    transaction: str
    asked: tuple[tuple[str, str], ...]
    """(SOP class, SOP instance) pairs."""


class Commitment:
    """Answer requests for storage commitment from what an intake holds.

    Args:
        settings: Own title, and the peers to report to.
        intake: Knows what is kept.
    """

    def __init__(self, settings: NodeSettings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self._requests: queue.Queue[_Request | None] = queue.Queue(_WAITING)
        self._peers = {peer.title: peer for peer in settings.peers}

    def start(self) -> None:
        """Report in a thread of its own: the requestor waits for its response meanwhile."""
        threading.Thread(target=self._run, name="hilum-commitment", daemon=True).start()

    def stop(self) -> None:
        """End after the reports that wait."""
        self._requests.put(None)

    def on_action(self, event: Event) -> tuple[int, None]:
        """Take a request, if it makes sense; the report follows."""
        if event.action_type != 1:
            return 0x0123, None  # no such action
        try:
            with quiet_decoders():
                request = _parse(event)
        except DICOM_ERRORS as error:
            _log.warning("a request for storage commitment was refused: %s", error)
            return 0x0115, None  # invalid argument value
        try:
            self._requests.put_nowait(request)
        except queue.Full:
            return 0x0213, None  # resource limitation
        return 0x0000, None

    def _run(self) -> None:
        while (request := self._requests.get()) is not None:
            try:
                self._report(request)
            except (OSError, RuntimeError, ValueError):
                _log.exception("a report of storage commitment could not be sent")

    def _report(self, request: _Request) -> None:
        time.sleep(0.05)  # the response to the request goes first
        information = self._information(request)
        if _send(request.association, information):
            return
        peer = self._peers.get(request.title)
        if peer is None:
            _log.warning("no peer named %r to send a commitment report to", request.title)
            return
        for attempt in range(_TRIES):
            time.sleep(_PAUSE_S * attempt)
            if self._call(peer, information):
                return
        _log.error("%r did not take a commitment report", request.title)

    def _information(self, request: _Request) -> Dataset:
        uids = {uid for _, uid in request.asked}
        kept = set(self._intake.holds(uids))
        information = Dataset()
        information.TransactionUID = request.transaction
        information.ReferencedSOPSequence = [
            _reference(*one) for one in request.asked if one[1] in kept
        ]
        missing = [_reference(*one) for one in request.asked if one[1] not in kept]
        for item in missing:
            item.FailureReason = _NO_SUCH_OBJECT
        if missing:
            information.FailedSOPSequence = missing
        if not information.ReferencedSOPSequence:
            del information.ReferencedSOPSequence
        return information

    def _call(self, peer: Destination, information: Dataset) -> bool:
        application = AE(self._settings.title)
        application.acse_timeout = self._settings.acse_timeout_s
        application.connection_timeout = self._settings.acse_timeout_s
        application.dimse_timeout = application.network_timeout = self._settings.network_timeout_s
        application.add_requested_context(COMMITMENT)
        association = application.associate(
            peer.host,
            peer.port,
            ae_title=peer.title,
            ext_neg=[build_role(COMMITMENT, scp_role=True)],
        )
        if not association.is_established:
            return False
        done = _send(association, information)
        association.release()
        return done


def _parse(event: Event) -> _Request:
    """Read a request.

    Raises:
        ValueError: If it names no transaction or no objects.
    """
    information = event.action_information
    transaction = text(information, "TransactionUID")
    asked = tuple(
        (text(item, "ReferencedSOPClassUID"), text(item, "ReferencedSOPInstanceUID"))
        for item in information.ReferencedSOPSequence
    )
    if not asked or not all(map(is_valid_uid, (transaction, *sum(asked, ())))):
        raise ValueError("expected a transaction UID and references to objects")
    title = event.assoc.requestor.ae_title
    return _Request(event.assoc, title, transaction, asked)


def _reference(sop_class: str, sop_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = sop_class
    item.ReferencedSOPInstanceUID = sop_uid
    return item


def _send(association: Association, information: Dataset) -> bool:
    """Send the report on an association; return whether it was taken."""
    if not association.is_established:
        return False
    kind = _SOME_MISSING if "FailedSOPSequence" in information else _ALL_KEPT
    try:
        status, _ = association.send_n_event_report(information, kind, COMMITMENT, _WELL_KNOWN)
    except (RuntimeError, ValueError):  # it has ended, or does not agree to the role
        return False
    return bool(status) and status.Status == 0x0000
