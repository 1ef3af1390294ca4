"""Small films to send, a store on folders, and a node that listens on a free port."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from tests.serve.node.folder_store import FolderStore

from hilum.screening.result import Screening
from hilum.screening.threshold import Threshold
from hilum.serve.node.seams import Reading

DX = "1.2.840.10008.5.1.4.1.1.1.1"


def make_film(uid="1.2.3.4", *, sop_class=DX, side=64, seed=0, **values) -> Dataset:
    """Return a film of noise with the headers of a chest film."""
    film = Dataset()
    film.file_meta = FileMetaDataset()
    film.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    film.file_meta.MediaStorageSOPClassUID, film.file_meta.MediaStorageSOPInstanceUID = (
        sop_class, uid)  # fmt: skip
    film.SpecificCharacterSet = "ISO_IR 192"
    film.SOPClassUID, film.SOPInstanceUID = sop_class, uid
    film.StudyInstanceUID, film.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    film.PatientName, film.PatientID = "PHANTOM^ONE", "P-1"
    film.PatientBirthDate, film.PatientSex = "19500101", "F"
    film.StudyDate, film.StudyTime, film.StudyID = "20240102", "101112", "7"
    film.AccessionNumber, film.ReferringPhysicianName = "A-1", ""
    film.Modality, film.BurnedInAnnotation = "DX", "NO"
    film.SamplesPerPixel, film.PhotometricInterpretation = 1, "MONOCHROME2"
    film.Rows = film.Columns = side
    film.BitsAllocated = film.BitsStored = 16
    film.HighBit, film.PixelRepresentation = 15, 0
    pixels = np.random.default_rng(seed).integers(1, 2**16, (side, side), np.uint16)
    film.PixelData = pixels.tobytes()
    for keyword, value in values.items():
        setattr(film, keyword, value)
    return film


def make_reading(*, accepted=True, probabilities=None, reasons=(), **values) -> Reading:
    """Return an answer for "pneumonia", or what else is asked for."""
    if accepted and probabilities is None:
        probabilities = {"normal": 0.25, "pneumonia": 0.75}
    screening = Screening(
        path="film.dcm", bundle="ab" * 32, bundle_name="tiny", accepted=accepted,
        threshold_name="at half",
        threshold=Threshold(kind="at_least", label="pneumonia", value=0.5),
        probabilities=probabilities, calibrated=True, reasons=tuple(reasons),
        decision="pneumonia" if accepted else None, **values,
    )  # fmt: skip
    overlay = np.full((300, 260, 3), 90, np.uint8) if accepted else None
    return Reading(
        screening=screening, overlay=overlay, overlay_class="pneumonia", temperature=1.5,
        bundle_version="0.1.0",
    )  # fmt: skip


def wait_until(condition, limit_s=10.0) -> bool:
    """Wait for a condition; return whether it came true."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture(name="make_film")
def make_film_fixture():
    return make_film


@pytest.fixture(name="make_reading")
def make_reading_fixture():
    return make_reading


@pytest.fixture(name="wait_until")
def wait_until_fixture():
    return wait_until


@pytest.fixture
def arrivals(tmp_path):
    return tmp_path / "store" / "arrivals"


@pytest.fixture
def store(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def listen(tmp_path, store):
    """Start a listener that lets SENDER in; settings can be changed."""
    pytest.importorskip("pynetdicom")
    from hilum.serve.node.listener import Listener
    from hilum.serve.node.settings import NodeSettings

    started = []

    def start(**settings):
        given = {"port": 0, "callers": ("SENDER",), "free_disk_bytes": 0, **settings}
        listener = Listener(NodeSettings(arrivals=tmp_path / "store" / "arrivals", **given), store)
        listener.start()
        started.append(listener)
        return listener

    yield start
    for listener in started:
        listener.stop(0.2)


@pytest.fixture
def connect():
    """Associate with a listener, for the given classes."""
    ae_module = pytest.importorskip("pynetdicom")
    open_ones = []

    def associate(listener, *classes, title="SENDER", called="HILUM", syntaxes=None, **options):
        entity = ae_module.AE(title)
        entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 20
        for sop_class in classes or (DX, "1.2.840.10008.1.1"):
            entity.add_requested_context(sop_class, *([syntaxes] if syntaxes else []))
        association = entity.associate(*listener.address, ae_title=called, **options)
        # pynetdicom leaves its end open where the other was closed first.
        open_ones.append((association, association.dul.socket and association.dul.socket.socket))
        return association

    yield associate
    for association, connection in open_ones:
        if association.is_established:
            association.release()
        if connection is not None:
            connection.close()


@pytest.fixture
def raw():
    """What a peer can do that no library does."""
    pytest.importorskip("pynetdicom")
    from tests.serve.node import raw_peer

    return raw_peer
