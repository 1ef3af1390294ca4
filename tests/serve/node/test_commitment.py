"""Storage Commitment: the truth about what is kept."""

from __future__ import annotations

import threading

import pytest
from pydicom.dataset import Dataset

pynetdicom = pytest.importorskip("pynetdicom")

from pynetdicom import AE, build_role, evt  # noqa: E402 - after the check that it is there

from hilum.serve.node.settings import Destination  # noqa: E402

DX = "1.2.840.10008.5.1.4.1.1.1.1"
COMMITMENT = "1.2.840.10008.1.20.1"
WELL_KNOWN = "1.2.840.10008.1.20.1.1"


class Reports:
    """Collects event reports."""

    def __init__(self) -> None:
        self.came = threading.Event()
        self.kind, self.information = None, None

    def handler(self, event):
        self.kind, self.information = event.event_type, event.event_information
        self.came.set()
        return 0x0000, None


def request(*uids, transaction="1.2.9"):
    asked = Dataset()
    asked.TransactionUID = transaction
    asked.ReferencedSOPSequence = []
    for uid in uids:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = DX, uid
        asked.ReferencedSOPSequence.append(item)
    return asked


def nothing_asked():
    asked = Dataset()
    asked.TransactionUID = "1.2.9"
    return asked


def ask(association, information, action=1):
    status, _ = association.send_n_action(information, action, COMMITMENT, WELL_KNOWN)
    return status.Status


def test_what_is_kept_and_what_is_not_is_reported_on_the_same_association(
    listen, connect, make_film
) -> None:
    reports = Reports()
    association = connect(
        listen(), DX, COMMITMENT, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.handler)]
    )
    association.send_c_store(make_film())
    assert ask(association, request("1.2.3.4", "9.9.9")) == 0x0000
    assert reports.came.wait(5)
    assert (reports.kind, reports.information.TransactionUID) == (2, "1.2.9")
    kept = [item.ReferencedSOPInstanceUID for item in reports.information.ReferencedSOPSequence]
    failed = reports.information.FailedSOPSequence
    assert kept == ["1.2.3.4"]
    assert [(i.ReferencedSOPInstanceUID, i.FailureReason) for i in failed] == [("9.9.9", 0x0112)]


def test_a_sender_that_has_hung_up_is_called_back_at_its_address_in_the_settings(
    listen, connect, make_film
) -> None:
    reports = Reports()
    entity = AE("SENDER")
    entity.add_supported_context(COMMITMENT, scu_role=True, scp_role=True)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_N_EVENT_REPORT, reports.handler)]
    )
    try:
        port = server.server_address[1]
        peer = Destination(title="SENDER", host="127.0.0.1", port=port)
        association = connect(listen(peers=(peer,)), DX, COMMITMENT)
        association.send_c_store(make_film())
        assert ask(association, request("1.2.3.4")) == 0x0000
        association.release()
        assert reports.came.wait(8)
        assert reports.kind == 1
        assert "FailedSOPSequence" not in reports.information
    finally:
        server.shutdown()


@pytest.mark.parametrize(
    ("information", "action", "status"),
    [(request("1.2.3.4"), 2, 0x0123), (request(), 1, 0x0115),
     (request("1.2.3.4", transaction=""), 1, 0x0115), (nothing_asked(), 1, 0x0115)],
)  # fmt: skip
def test_requests_that_make_no_sense_are_refused(
    listen, connect, *, information, action, status
) -> None:
    association = connect(listen(), COMMITMENT)
    assert ask(association, information, action) == status


def test_the_role_of_reporting_can_be_proposed(listen, connect) -> None:
    role = build_role(COMMITMENT, scu_role=True, scp_role=False)
    assert connect(listen(), COMMITMENT, ext_neg=[role]).is_established
