"""A peer that speaks DIMSE by hand."""

from __future__ import annotations

import time
from io import BytesIO

from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pynetdicom.dimse_messages import C_STORE_RQ
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.pdu import P_DATA_TF


def encoded(film):
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, film)
    return buffer.getvalue()


def request(data, sop_class, sop_uid):
    store = C_STORE()
    store.MessageID, store.Priority = 1, 2
    store.AffectedSOPClassUID, store.AffectedSOPInstanceUID = sop_class, sop_uid
    store.DataSet = BytesIO(data)
    return store


def context_of(association, sop_class):
    return next(
        c.context_id for c in association.accepted_contexts if c.abstract_syntax == sop_class
    )


def store(association, data, sop_class, sop_uid):
    """Send bytes as an object and return the status; what they hold is not looked at."""
    association._reactor_checkpoint.clear()
    while not association._is_paused:
        time.sleep(0.001)
    association.dimse.send_msg(
        request(data, sop_class, sop_uid), context_of(association, sop_class)
    )
    _, answer = association.dimse.get_msg(block=True)
    association._reactor_checkpoint.set()
    return None if answer is None else answer.Status


def units(association, data, sop_class, sop_uid, size=8192):
    """Return the protocol data units of a C-STORE request, to be sent by hand."""
    message = C_STORE_RQ()
    message.primitive_to_message(request(data, sop_class, sop_uid))
    found = []
    for primitive in message.encode_msg(context_of(association, sop_class), size):
        unit = P_DATA_TF()
        unit.from_primitive(primitive)
        found.append(unit.encode())
    return found


def connection(association):
    return association.dul.socket.socket
