"""Kill -9 while objects are sent: what was acknowledged is there, nothing is there by half."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pydicom import dcmread

pynetdicom = pytest.importorskip("pynetdicom")

DX = "1.2.840.10008.5.1.4.1.1.1.1"
NODE = Path(__file__).with_name("folder_store.py")


class Serving:
    """A node in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(NODE), str(folder), "0"], stdout=subprocess.PIPE, text=True
        )
        self.port = int(self.process.stdout.readline())

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


def send_until_cut_off(port, films) -> list[str]:
    """Send films one by one; return the UIDs that were acknowledged."""
    entity = pynetdicom.AE("SENDER")
    entity.add_requested_context(DX)
    entity.dimse_timeout = entity.network_timeout = 5
    association = entity.associate("127.0.0.1", port, ae_title="HILUM")
    connection = association.dul.socket and association.dul.socket.socket
    acknowledged = []
    try:
        for film in films:
            if association.send_c_store(film).get("Status") != 0x0000:
                break
            acknowledged.append(film.SOPInstanceUID)
    except (RuntimeError, ValueError):
        pass
    if association.is_established:
        association.abort()
    if connection is not None:
        connection.close()
    return acknowledged


def rounds(count, tmp_path, make_film) -> tuple[int, int]:
    """Kill a sending node `count` times; return acknowledged and missing or damaged objects."""
    chance, pixels = random.Random(7), make_film(side=128).PixelData
    acknowledged: list[str] = []
    for number in range(count):
        node = Serving(tmp_path)
        films = [make_film(f"1.2.{number}.{i}", side=128, PixelData=pixels) for i in range(200)]
        killer = threading.Timer(chance.uniform(0.1, 0.7), node.kill)
        killer.start()
        acknowledged += send_until_cut_off(node.port, films)
        killer.join()
    Serving(tmp_path).kill()
    assert not list((tmp_path / "arrivals").glob("*.part"))
    for path in (tmp_path / "films").glob("*.dcm"):
        assert dcmread(path).PixelData == pixels, path
    missing = [uid for uid in acknowledged if not (tmp_path / "films" / f"{uid}.dcm").exists()]
    return len(acknowledged), len(missing)


def test_what_was_acknowledged_survives_three_kills(tmp_path, make_film) -> None:
    acknowledged, missing = rounds(3, tmp_path, make_film)
    assert acknowledged > 0
    assert missing == 0


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_hundred_kills(tmp_path, make_film) -> None:
    start = time.monotonic()
    acknowledged, missing = rounds(100, tmp_path, make_film)
    assert acknowledged > 100
    assert missing == 0
    sys.stdout.write(f"{acknowledged} acknowledged in {time.monotonic() - start:.0f} s, 0 lost\n")
