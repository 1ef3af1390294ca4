"""Senders that are slow, huge, or mean harm: what they get, and what it costs the others."""

from __future__ import annotations

import io
import socket
import statistics
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import FileMetaDataset
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian
from tests.serve.running import Running

API = "/api/v1/films"
GIB = 1024**3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, quick_bundle: Path) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("hostile") / "data"
    with Running(data, bundle=str(quick_bundle), workers=1, upload_bytes=64_000_000) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


def _connect(server: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 30)


def _status(plain: socket.socket) -> bytes:
    plain.settimeout(30)
    return plain.recv(4096).split(b"\r\n")[0]


# Large


def test_a_gigabyte_that_says_so_is_refused_before_it_comes(server: Running) -> None:
    before = server.begin_peak()
    with _connect(server) as plain:
        head = f"POST {API} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {GIB}\r\n\r\n"
        plain.sendall(head.encode())
        assert b" 413 " in _status(plain)
    assert server.peak_mb() - before < 50


@pytest.mark.parametrize("chunked", [True, False])
def test_a_gigabyte_costs_the_server_no_memory_and_leaves_nothing(
    server: Running, chunked: bool
) -> None:
    before, sent, megabyte = server.begin_peak(), 0, bytes(1024**2)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {GIB}"
    with _connect(server) as plain:
        plain.sendall(f"POST {API} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
        try:
            while sent < GIB:
                plain.sendall(b"100000\r\n" + megabyte + b"\r\n" if chunked else megabyte)
                sent += len(megabyte)
        except OSError:
            pass  # it was cut off, as it should be
    assert server.peak_mb() - before < 50
    assert not list((server.data / "incoming").glob("*/*"))
    with server.client() as client:
        assert client.get("/healthz").status_code == 200


# Slow


def test_a_head_that_does_not_come_is_given_up_after_ten_seconds(server: Running) -> None:
    with _connect(server) as plain:
        plain.sendall(b"GET / HTTP/1.1\r\nHost: loc")
        began = time.monotonic()
        assert b" 408 " in _status(plain)
        assert 8 < time.monotonic() - began < 14


def test_a_film_that_stops_coming_is_given_up(
    server: Running, film_of: Callable[[float], bytes]
) -> None:
    with _connect(server) as plain:
        head = f"POST {API} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"
        plain.sendall(head.encode() + film_of(1)[:500])
        began = time.monotonic()
        assert b" 408 " in _status(plain)
        assert 8 < time.monotonic() - began < 14
    assert not list((server.data / "incoming").glob("*/*"))


@pytest.mark.slow
def test_a_film_that_comes_byte_by_byte_is_given_up(server: Running) -> None:
    with _connect(server) as plain:
        head = f"POST {API} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n"
        plain.sendall(head.encode())
        began = time.monotonic()
        plain.settimeout(1)
        while time.monotonic() - began < 40:
            plain.sendall(b"x")
            try:
                said = plain.recv(4096)
                break
            except TimeoutError:
                continue
        assert b" 408 " in said
        assert time.monotonic() - began < 30


def test_a_small_body_that_does_not_come_is_given_up(server: Running) -> None:
    with _connect(server) as plain:
        head = f"POST {API}/{'f' * 32}/opinions HTTP/1.1\r\nHost: localhost\r\n"
        head += "Content-Type: application/json\r\nContent-Length: 99\r\n\r\n"
        plain.sendall(head.encode() + b"{")
        began = time.monotonic()
        plain.settimeout(30)
        assert b" 408 " in plain.recv(4096)
        assert time.monotonic() - began < 20


def test_a_body_that_nobody_reads_any_more_is_cut_off(server: Running) -> None:
    with _connect(server) as plain:
        head = f"POST {API} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {GIB}\r\n\r\n"
        plain.sendall(head.encode())
        assert b" 413 " in _status(plain)
        began = time.monotonic()
        with pytest.raises(OSError, match="reset|Broken"):
            _trickle(plain, 20)
        assert time.monotonic() - began < 15


def _trickle(plain: socket.socket, seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        plain.sendall(b"x")
        time.sleep(0.1)


def _p99_ms(client: httpx.Client, count: int) -> float:
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        assert client.get("/healthz").status_code == 200
        taken.append(1000 * (time.perf_counter() - began))
    return statistics.quantiles(taken, n=100)[98]


def test_five_hundred_slow_connections_leave_the_others_as_they_were(
    server: Running, client: httpx.Client
) -> None:
    before = _p99_ms(client, 300)
    slow = [_connect(server) for _ in range(500)]
    try:
        for plain in slow:
            plain.sendall(b"GET / HTTP/1.1\r\nX-A: ")
        during = _p99_ms(client, 300)
        for plain in slow:
            plain.sendall(b"b")
    finally:
        for plain in slow:
            plain.close()
    assert during < 5 * before + 50


def test_more_connections_than_one_address_may_have_are_closed(
    server: Running, client: httpx.Client
) -> None:
    client.get("/healthz")
    many = [_connect(server) for _ in range(700)]
    try:
        time.sleep(0.5)
        closed = 0
        for plain in many:
            plain.settimeout(0.001)
            try:
                closed += plain.recv(1) == b""
            except TimeoutError:
                continue
            except ConnectionResetError:
                closed += 1
    finally:
        for plain in many:
            plain.close()
    assert closed >= 95
    assert client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    "head",
    [b"X-A: " + b"a" * 100_000, b"\r\n".join(b"X-%d: a" % n for n in range(20_000))],
    ids=["long", "many"],
)
def test_headers_that_are_huge_are_refused(server: Running, head: bytes) -> None:
    with _connect(server) as plain:
        plain.settimeout(15)
        try:
            plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + head + b"\r\n\r\n")
            said = plain.recv(200)
        except OSError:
            said = b""
    assert b" 200 " not in said


def test_requests_one_behind_the_other_are_all_answered(server: Running) -> None:
    with _connect(server) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        plain.settimeout(10)
        said = b""
        while said.count(b"alive") < 3:
            said += plain.recv(4096)


# Bombs


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def _png(width: int, height: int, *chunks: bytes, idat: bytes = b"") -> bytes:
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = (_chunk(b"IHDR", head), *chunks, _chunk(b"IDAT", idat), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def _dicom(syntax: str = ExplicitVRLittleEndian, **changes: object) -> pydicom.Dataset:
    made = pydicom.Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = syntax
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = "1.2.840.10008.5.1.4.1.1.1.1"
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = "1.2.3"
    made.Modality, made.PhotometricInterpretation = "DX", "MONOCHROME2"
    made.SamplesPerPixel, made.Rows, made.Columns = 1, 16, 16
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 8, 8, 7, 0
    made.PixelData = bytes(256)
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def _file(made: pydicom.Dataset) -> bytes:
    stream = io.BytesIO()
    pydicom.dcmwrite(stream, made, enforce_file_format=True)
    return stream.getvalue()


def _zeros(megabytes: int) -> bytes:
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(1024**2)) for _ in range(megabytes)]
    return b"".join([*parts, packer.flush()])


def _bombs() -> dict[str, bytes]:
    packed, small = _zeros(256), zlib.compress(bytes(65 * 64))
    deflated = _file(_dicom(DeflatedExplicitVRLittleEndian, PixelData=bytes(200_000_000)))
    long = np.zeros((1, 65_535), np.uint8)
    thin = io.BytesIO()
    Image.fromarray(long).save(thin, "PNG")
    return {
        "many pixels": _png(60_000, 60_000, idat=packed),
        "more data than pixels": _png(64, 64, idat=packed),
        "zTXt": _png(64, 64, _chunk(b"zTXt", b"a\0\0" + packed), idat=small),
        "iTXt": _png(64, 64, _chunk(b"iTXt", b"a\0\1\0\0\0" + packed), idat=small),
        "iCCP": _png(64, 64, _chunk(b"iCCP", b"a\0\0" + packed), idat=small),
        "deflated DICOM": deflated,
        "rows times columns": _file(_dicom(Rows=65535, Columns=65535)),
        "frames": _file(_dicom(NumberOfFrames=2**31 - 1)),
        "bits": _file(_dicom(BitsAllocated=65528)),
        "1 x 65,535": thin.getvalue(),
    }


@pytest.fixture(scope="module")
def bombs() -> dict[str, bytes]:
    return _bombs()


@pytest.mark.parametrize(
    "kind",
    ["many pixels", "more data than pixels", "zTXt", "iTXt", "iCCP", "deflated DICOM",
     "rows times columns", "frames", "bits", "1 x 65,535"],
)  # fmt: skip
def test_a_bomb_is_refused_at_once_and_costs_nothing(
    server: Running, client: httpx.Client, bombs: dict[str, bytes], kind: str,
    film_of: Callable[[float], bytes],
) -> None:  # fmt: skip
    client.post(f"{API}?wait=30", content=film_of(7))  # the process is there
    before, [worker] = server.begin_peak(), server.children()
    began = time.monotonic()
    reply = client.post(f"{API}?wait=30", content=bombs[kind])
    seconds = time.monotonic() - began
    said = reply.json()
    failed = said["job"]["state"] == "failed"
    assert failed or not said["answer"]["accepted"] or kind in {"zTXt", "iTXt", "iCCP"}, said
    assert said["answer"] is None or failed is False
    assert seconds < 1 + len(bombs[kind]) / 5e6, said
    assert server.peak_mb() - before < 50
    assert server.children() == [worker]


def test_a_film_of_a_patient_with_a_hostile_name_is_only_text(
    client: httpx.Client, server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    for mode in ("reading_validation_mode", "writing_validation_mode"):
        monkeypatch.setattr(pydicom.config.settings, mode, pydicom.config.IGNORE)
    pixels = np.random.default_rng(1).integers(0, 255, (200, 200), np.uint8)
    names = ["<img src=x onerror=alert(1)>", "=HYPERLINK(1)", "山田^太郎", "علي^محمد", "a\nb"]
    for number, name in enumerate(names):
        made = _dicom(
            Rows=200, Columns=200, PixelData=pixels.tobytes(), PatientName=name,
            PatientID="../../etc/passwd", SOPInstanceUID=f"1.2.3.{number}",
            SpecificCharacterSet="ISO_IR 192", StudyDate="20260101" * 9,
            StudyInstanceUID="..\\..\\" + "9" * 300,
        )  # fmt: skip
        said = client.post(f"{API}?wait=30", content=_file(made)).json()
        seen = client.get(f"{API}/{said['film']}").json()
        assert seen["patient_name"] == name.replace("\n", "")
        assert seen["patient_id"] == "../../etc/passwd"
    folders = {path.name for path in server.data.iterdir()}
    assert folders <= {"films", "incoming", "owners", "hilum.db", "hilum.db-wal", "hilum.db-shm"}


def test_one_uid_with_other_pixels_is_kept_beside_the_first_and_marked(
    client: httpx.Client,
) -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(2):
        pixels = rng.integers(0, 255, (200, 200), np.uint8).tobytes()
        made = _dicom(Rows=200, Columns=200, PixelData=pixels, SOPInstanceUID="1.2.3.99")
        said = client.post(f"{API}?wait=30", content=_file(made)).json()
        found.append(client.get(f"{API}/{said['film']}").json())
    assert found[0]["conflict_with"] is None
    assert found[1]["conflict_with"] == found[0]["id"]
    entries = client.get(f"{API}?text=&limit=500").json()["entries"]
    assert [e["conflict"] for e in entries if e["film"] == found[1]["id"]] == [True]
