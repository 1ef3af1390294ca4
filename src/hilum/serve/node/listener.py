"""The node's ear: C-ECHO, C-STORE and Storage Commitment.

Whatever a peer does, the answer says the truth: success is sent after the storage has confirmed
that the object would survive a power cut, and never before.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, Any, cast

from pynetdicom import AE, evt
from pynetdicom.pdu_primitives import SOPClassCommonExtendedNegotiation

from hilum.data.reading.boundary import quiet_decoders
from hilum.serve.node.arrival import Arrival, ArrivalLimits, remove_orphans
from hilum.serve.node.commitment import Commitment
from hilum.serve.node.contexts import VERIFICATION, agreed_contexts, is_storage
from hilum.serve.node.guard import Door
from hilum.serve.node.headers import Headers, read_headers
from hilum.serve.node.own import kind_of
from hilum.serve.node.seams import Intake, Outcome, ReceivedObject
from hilum.serve.node.settings import NodeSettings
from hilum.serve.node.statuses import STATUS_OF, Status
from hilum.serve.node.streaming import StreamingProvider
from hilum.serve.node.uids import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION, is_valid_uid

if TYPE_CHECKING:
    from pynetdicom.association import Association
    from pynetdicom.dimse_primitives import C_STORE
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import A_ASSOCIATE

__all__ = ["Listener"]

_log = logging.getLogger(__name__)
_STORAGE_SERVICE = "1.2.840.10008.4.2"


class Listener:
    """Take objects from the network and hand them to an intake.

    Args:
        settings: How to listen, and whom to believe.
        intake: Keeps what arrives.
    """

    def __init__(self, settings: NodeSettings, intake: Intake) -> None:
        self._settings = settings
        self._intake = intake
        self._commitment = Commitment(settings, intake)
        self._door: Door | None = None
        self._limits = ArrivalLimits(
            folder=settings.arrivals,
            max_bytes=settings.max_object_bytes,
            free_bytes=settings.free_disk_bytes,
        )

    @property
    def address(self) -> tuple[str, int]:
        """Address and port it listens on."""
        if self._door is None:
            raise RuntimeError("the listener has not been started; call start() first")
        host, port = self._door.server_address[:2]
        return str(host), int(port)

    def start(self) -> None:
        """Listen, in a thread of its own.

        Raises:
            OSError: If the port is taken or the folder cannot be made.
        """
        settings = self._settings
        settings.arrivals.mkdir(parents=True, exist_ok=True)
        orphans = remove_orphans(settings.arrivals)
        if orphans:
            _log.warning("removed %d objects, half arrived when the node last ended", orphans)
        if settings.any_caller:
            _log.warning("ANY AE TITLE MAY SEND: whoever reaches port %d is let in", settings.port)
        door = self._application().make_server(
            (settings.host, settings.port),
            evt_handlers=self._handlers(),
            server_class=Door,
            limits=self._limits,
            max_pdu=settings.max_pdu_bytes,
            per_address=settings.connections_per_address,
            altogether=settings.connections,
        )
        self._door = cast("Door", door)  # pynetdicom declares its own class for any
        self._commitment.start()
        threading.Thread(
            target=door.serve_forever, args=(0.2,), name="hilum-listener", daemon=True
        ).start()

    def stop(self, patience_s: float = 20.0) -> None:
        """Let nobody in any more, wait for transfers under way, then end them.

        Args:
            patience_s: Longest wait for associations to end by themselves.
        """
        door, self._door = self._door, None
        if door is None:
            return
        door.shutdown()
        end = time.monotonic() + patience_s
        while door.active_associations and time.monotonic() < end:
            time.sleep(0.05)
        for association in door.active_associations:
            association.abort()
        self._commitment.stop()

    def _application(self) -> AE:
        settings = self._settings
        application = AE(settings.title)
        application.implementation_class_uid = IMPLEMENTATION_UID
        application.implementation_version_name = IMPLEMENTATION_VERSION
        application.require_called_aet = True
        application.require_calling_aet = [] if settings.any_caller else list(settings.callers)
        application.maximum_associations = settings.connections + 1
        application.maximum_pdu_size = min(settings.max_pdu_bytes - 6, 2**18)
        application.acse_timeout = settings.acse_timeout_s
        application.network_timeout = settings.network_timeout_s
        application.dimse_timeout = settings.network_timeout_s
        application.add_supported_context(VERIFICATION)
        return application

    def _handlers(self) -> list[Any]:
        return [
            (evt.EVT_REQUESTED, self._on_request),
            (evt.EVT_SOP_COMMON, _on_common),
            (evt.EVT_C_ECHO, _on_echo),
            (evt.EVT_C_STORE, self._on_store),
            (evt.EVT_N_ACTION, self._commitment.on_action),
            (evt.EVT_CONN_CLOSE, _on_close),
            (evt.EVT_ABORTED, _on_close),
        ]

    def _on_request(self, event: Event) -> None:
        """Agree to the storage classes that are asked for."""
        association: Association = event.assoc
        title = cast("A_ASSOCIATE", association.requestor.primitive).calling_ae_title
        if self._settings.any_caller or title in self._settings.callers:
            association.acceptor.supported_contexts = agreed_contexts(_asked(association))
            return
        address = association.requestor.address
        _log.warning("rejected %r at %s: it is not among the known callers", title, address)

    def _on_store(self, event: Event) -> int:
        arrival = cast("C_STORE", event.request).DataSet
        if not isinstance(arrival, Arrival):  # the command announced no data set
            return Status.CANNOT_UNDERSTAND
        try:
            with quiet_decoders():
                status = self._store(event, arrival)
        finally:
            arrival.discard()
        if status != Status.SUCCESS:
            _log.warning(
                "object from %r refused: %s", event.assoc.requestor.ae_title, status.name.lower()
            )
        return status

    def _store(self, event: Event, arrival: Arrival) -> Status:
        """Check what arrived, and hand it over."""
        request = cast("C_STORE", event.request)
        named = str(request.AffectedSOPClassUID or ""), str(request.AffectedSOPInstanceUID or "")
        if not all(map(is_valid_uid, named)):
            return Status.INVALID_UID
        if arrival.refused is not None:
            return arrival.refused
        try:
            size, sha256 = arrival.complete()
        except OSError:
            _log.exception("an arrived object could not be written")
            return Status.OUT_OF_RESOURCES
        try:
            headers = read_headers(arrival.path)
        except ValueError:
            return Status.CANNOT_UNDERSTAND
        refused = _contradiction(headers, named)
        if refused is not None:
            return refused
        return STATUS_OF[self._handed_over(arrival, _facts(event, headers, size, sha256))]

    def _handed_over(self, arrival: Arrival, facts: ReceivedObject) -> Outcome:
        try:
            return self._intake.receive(arrival.path, facts)
        except OSError:
            _log.exception("the storage failed")
            return Outcome.UNAVAILABLE


def _contradiction(headers: Headers, named: tuple[str, str]) -> Status | None:
    """Return why a data set is refused that is not what the command (class, UID) says it is."""
    if (headers.sop_class, headers.sop_uid) != named:
        return Status.UID_MISMATCH
    if not (is_valid_uid(headers.study_uid) and is_valid_uid(headers.series_uid)):
        return Status.CANNOT_UNDERSTAND
    return None


def _facts(event: Event, headers: Headers, size: int, sha256: str) -> ReceivedObject:
    requestor = event.assoc.requestor
    return ReceivedObject(
        sop_class=headers.sop_class,
        sop_uid=headers.sop_uid,
        study_uid=headers.study_uid,
        series_uid=headers.series_uid,
        transfer_syntax=str(event.context.transfer_syntax),
        calling=requestor.ae_title,
        peer=requestor.address,
        kind=kind_of(headers.sop_class, headers.sop_uid, manufacturer=headers.manufacturer),
        size=size,
        sha256=sha256,
    )


def _asked(association: Association) -> list[str]:
    request = cast("A_ASSOCIATE", association.requestor.primitive)
    contexts = request.presentation_context_definition_list
    return [str(context.abstract_syntax) for context in contexts]


def _on_common(event: Event) -> dict[str, SOPClassCommonExtendedNegotiation]:
    """Say what belongs to the storage service; pynetdicom knows no retired or private classes."""
    known = {}
    for uid in _asked(event.assoc):
        if is_storage(uid):
            item = SOPClassCommonExtendedNegotiation()
            item.sop_class_uid = uid
            item.service_class_uid = _STORAGE_SERVICE
            known[uid] = item
    return known


def _on_echo(_event: Event) -> int:
    return Status.SUCCESS


def _on_close(event: Event) -> None:
    """Remove what arrived of an object whose rest will not come."""
    provider = event.assoc.dimse
    if isinstance(provider, StreamingProvider):
        provider.drop()
