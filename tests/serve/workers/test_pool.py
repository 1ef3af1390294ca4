"""Processes that look at films: their limits, their deaths, what they may say."""

from __future__ import annotations

import json
import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError
from hilum.screening.bundle import Bundle
from hilum.serve.workers.frames import FrameError, receive, send
from hilum.serve.workers.pool import Limits, Pool
from hilum.serve.workers.strike import fill_region, struck_out
from hilum.serve.workers.tasks import Draw, Drawn, Failed, Look, Seen, Show, Shown


@pytest.fixture(scope="module")
def pool(quick_bundle: Path) -> Iterator[Pool]:
    opened = Pool(quick_bundle, Bundle.load(quick_bundle).id, 1)
    yield opened
    opened.close(5)


@pytest.fixture
def film(tmp_path: Path, film_of: Callable[[float], bytes]) -> str:
    path = tmp_path / "film.png"
    path.write_bytes(film_of(1))
    return str(path)


def test_a_film_is_looked_at(pool: Pool, film: str) -> None:
    seen = pool.submit(Look(path=film)).result(60)
    assert isinstance(seen, Seen)
    assert seen.told["accepted"]
    assert seen.told["path"] == ""
    assert seen.facts["height"] == 160
    assert seen.cams is not None
    assert seen.cams.shape[0] == 3


def test_a_film_is_shown_reduced(pool: Pool, film: str) -> None:
    shown = pool.submit(Show(path=film, longest=80)).result(60)
    assert isinstance(shown, Shown)
    assert shown.shape == (80, 72)
    assert len(shown.pixels) == 80 * 72


def test_the_evidence_is_drawn(pool: Pool, film: str) -> None:
    seen = pool.submit(Look(path=film)).result(60)
    assert isinstance(seen, Seen)
    assert seen.cams is not None
    task = Draw(path=film, told=seen.told, cams=seen.cams, label="covid")
    drawn = pool.submit(task).result(60)
    assert isinstance(drawn, Drawn)
    assert drawn.png.startswith(b"\x89PNG")


@pytest.mark.parametrize("task", [Look, Show])
def test_a_film_that_is_not_there_fails_without_its_path(
    pool: Pool, tmp_path: Path, task: Any
) -> None:
    reply = pool.submit(task(path=str(tmp_path / "secret-folder" / "no.png"))).result(60)
    said = reply.told["error"] if isinstance(reply, Seen) else reply.reason
    assert said
    assert "secret-folder" not in said


def test_a_process_that_dies_is_replaced_and_the_film_tried_again(pool: Pool, film: str) -> None:
    pool.submit(Look(path=film)).result(60)
    [first], before = pool.pids, pool.deaths
    os.kill(first, signal.SIGKILL)
    assert isinstance(pool.submit(Look(path=film)).result(60), Seen)
    assert pool.pids != [first]
    assert pool.deaths == before + 1
    assert pool.alive == 1


@pytest.fixture
def fragile(tmp_path: Path, quick_bundle: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pool]:
    """A pool whose processes die of films called poison, and sleep over those called slow."""
    (tmp_path / "fragile.py").write_text(
        "import os, signal, sys, time\n"
        "from hilum.serve.workers import child\n"
        "answered = child._answered\n"
        "def fragile(screener, asked, blobs):\n"
        "    if 'poison' in asked['path']: os.kill(os.getpid(), signal.SIGSEGV)\n"
        "    if 'slow' in asked['path']: time.sleep(60)\n"
        "    return answered(screener, asked, blobs)\n"
        "child._answered = fragile\n"
        "child.main(int(sys.argv[-1]))\n"
    )
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} {tmp_path / "fragile.py"} "$@"\n')
    program.chmod(0o755)
    monkeypatch.setattr("hilum.serve.workers.pool.sys.executable", str(program))
    opened = Pool(quick_bundle, Bundle.load(quick_bundle).id, 1, limits=Limits(film_s=2))
    yield opened
    opened.close(5)


def test_a_film_that_takes_too_long_twice_is_given_up(fragile: Pool) -> None:
    reply = fragile.submit(Look(path="slow.png")).result(120)
    assert reply == Failed(
        "The process that read it took longer than 2 s and was stopped, 2 times.", 2
    )


def test_a_film_that_kills_its_process_twice_is_given_up_and_the_next_is_read(
    fragile: Pool, film: str
) -> None:
    reply = fragile.submit(Look(path="poison.png")).result(60)
    assert reply == Failed("The process that read it was killed by SIGSEGV, 2 times.", 2)
    assert fragile.deaths == 2
    assert isinstance(fragile.submit(Look(path=film)).result(60), Seen)


def test_a_pool_that_is_closed_gives_up_nobodys_film(fragile: Pool) -> None:
    fragile.submit(Look(path="no.png")).result(60)
    slow = fragile.submit(Look(path="slow.png"))
    while fragile.waiting:
        time.sleep(0.01)
    fragile.close(0.5)
    with pytest.raises(BundleError, match="is read when it runs again"):
        slow.result(30)


def test_what_is_urgent_goes_first(pool: Pool, film: str) -> None:
    order: list[str] = []
    for number in range(6):
        pool.submit(Look(path=film)).add_done_callback(lambda _, n=number: order.append(str(n)))
    last = pool.submit(Show(path=film), urgency=0)
    last.add_done_callback(lambda _: order.append("urgent"))
    last.result(60)
    assert order.index("urgent") <= 1


def test_a_bundle_that_is_another_by_now_is_refused(quick_bundle: Path, film: str) -> None:
    pool = Pool(quick_bundle, "0" * 64, 1)
    with pytest.raises(BundleError, match="was changed while the server ran"):
        pool.submit(Look(path=film)).result(60)
    began = time.monotonic()
    with pytest.raises(BundleError, match="was changed"):
        pool.submit(Look(path=film)).result(60)
    assert time.monotonic() - began < 1  # it is not tried again for every film
    assert pool.problem is not None
    assert pool.alive == 0
    pool.close(5)


def test_a_process_may_write_no_file_and_take_only_so_much_memory(pool: Pool, film: str) -> None:
    pool.submit(Look(path=film)).result(60)
    limits = Path(f"/proc/{pool.pids[0]}/limits").read_text().splitlines()
    found = {line[:26].strip(): line[26:46].strip() for line in limits}
    assert found["Max file size"] == "0"
    assert found["Max core file size"] == "0"
    assert int(found["Max address space"]) < 16 * 1024**3


# Frames


def _pair() -> tuple[Connection, Connection]:
    one, two = socket.socketpair()
    return Connection(one.detach()), Connection(two.detach())


def test_values_and_bytes_go_through_a_pipe() -> None:
    here, there = _pair()
    with here, there:
        send(here, {"a": "山", "b": [1, None]}, b"one", memoryview(b"two"))
        assert receive(there) == ({"a": "山", "b": [1, None]}, [b"one", b"two"])


@pytest.mark.parametrize(
    "data",
    [b"", b"abc", struct.pack("<I", 99) + b"{}", struct.pack("<I", 2) + b"[]",
     struct.pack("<I", 2**32 - 1), struct.pack("<I", 4) + b"\x80\x04N.",
     *(struct.pack("<I", len(t)) + t for t in (
         json.dumps({"head": {}, "sizes": [5]}).encode(), b'{"head": 1, "sizes": []}',
         b'{"head": {}, "sizes": [-1, 1]}', b'{"head": {}, "sizes": "x"}'))],
)  # fmt: skip
def test_what_is_no_frame_is_refused(data: bytes) -> None:
    here, there = _pair()
    with here, there:
        here.send_bytes(data)
        with pytest.raises(FrameError, match="something that is no frame"):
            receive(there)


# Striking out


def test_a_region_is_filled_from_its_rim() -> None:
    pixels = np.tile(np.arange(10, dtype=np.float32), (10, 1))
    marked = pixels.copy()
    marked[3:6, 4:7] = 255
    fill_region(marked, (0.3, 0.4, 0.3, 0.3))
    assert np.abs(marked - pixels).max() < 1
    assert (marked[:3] == pixels[:3]).all()


@pytest.mark.parametrize("region", [(0, 0, 1, 1), (0, 0, 0.5, 1), (0.9, 0.9, 0.1, 0.1)])
def test_a_region_at_the_edge_is_filled_with_numbers(region: Any) -> None:
    pixels = np.full((20, 20), 7, np.float32)
    fill_region(pixels, region)
    assert pixels == pytest.approx(7)


def test_a_region_of_no_size_changes_nothing() -> None:
    pixels = np.arange(100, dtype=np.float32).reshape(10, 10)
    before = pixels.copy()
    fill_region(pixels, (0.5, 0.5, 0.0, 0.5))
    fill_region(pixels, (1.0, 1.0, 0.0, 0.0))
    assert (pixels == before).all()


def test_a_film_without_a_region_says_so_and_keeps_its_depth() -> None:
    deep = np.full((10, 10), 60_000, np.uint16)
    deep[5, 5] = 0
    film = Radiograph(pixels=deep, white=65535, full_shape=(10, 10), format="PNG", sha256="")
    found = struck_out([(0.5, 0.5, 0.1, 0.1)])(film)
    assert found.pixels.dtype == np.uint16
    assert found.pixels[5, 5] == 60_000
    assert found.history[-1] == "1 region(s) struck out by a reader"
