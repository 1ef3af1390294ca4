"""Caches filled by real processes: killed at any moment, and two at a time."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.folder_lock import only_writer
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.errors import CacheError

RECORD = Preprocessing(size=64, equalization="clahe")
COUNT = 120

SCRIPT = """
import json, sys
from hilum.data.cache import build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing

if __name__ == "__main__":
    manifest, cache, workers = sys.argv[1:]
    record = Preprocessing(size=64, equalization="clahe")
    images = Manifest.read(manifest)
    report = build_cache(images, record, cache, workers=int(workers), checkpoint_s=0.02)
    print(json.dumps(report.to_dict()))
"""


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(5)
    names = [f"{number:03d}.png" for number in range(COUNT)]
    for name in names:
        pixels = rng.integers(0, 256, (160, 160), np.uint8)
        Image.fromarray(pixels).resize((480, 480)).save(folder / name)
    listed = Manifest.from_paths(names, ["x"] * COUNT, root=folder)
    listed.write(folder / "manifest.csv")
    return folder / "manifest.csv"


def start(tmp_path: Path, manifest: Path, cache: Path, workers: int = 1) -> subprocess.Popen[str]:
    script = tmp_path / "fill.py"
    script.write_text(SCRIPT)
    command = [sys.executable, str(script), str(manifest), str(cache), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> dict[str, int]:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return json.loads(out)  # type: ignore[no-any-return]


def visible(cache: Path) -> int:
    with contextlib.suppress(CacheError):
        return len(PreparedCache.open(cache))
    return 0


def test_a_build_killed_again_and_again_ends_like_one_that_was_not(
    tmp_path: Path, manifest: Path
) -> None:
    cache = tmp_path / "cache"
    rng = np.random.default_rng(11)
    held, kills = 0, 0
    while held < COUNT and kills < 3:
        process = start(tmp_path, manifest, cache)
        while visible(cache) == held and process.poll() is None:
            time.sleep(0.005)
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        process.communicate()
        kills += 1
        assert visible(cache) >= held
        held = visible(cache)
        if held:
            assert PreparedCache.open(cache).verify().size == 0
    report = finish(start(tmp_path, manifest, cache))
    assert report["prepared"] + report["reused"] == COUNT
    assert report["reused"] >= held > 0
    build_cache(Manifest.read(manifest), RECORD, tmp_path / "whole", workers=1)
    killed, whole = PreparedCache.open(cache), PreparedCache.open(tmp_path / "whole")
    assert killed.hash == whole.hash
    assert np.array_equal(killed.images(range(COUNT)), whole.images(range(COUNT)))


def children(pid: int) -> list[int]:
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in text.split()]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs Linux's /proc")
def test_worker_processes_do_not_outlive_a_killed_parent(tmp_path: Path, manifest: Path) -> None:
    process = start(tmp_path, manifest, tmp_path / "cache", workers=2)
    while visible(tmp_path / "cache") == 0 and process.poll() is None:
        time.sleep(0.005)
    crew = children(process.pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    deadline = time.monotonic() + 20
    while any(alive(pid) for pid in crew) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert len(crew) >= 2
    assert not any(alive(pid) for pid in crew)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_two_builds_at_once_do_the_work_once(tmp_path: Path, manifest: Path) -> None:
    pair = [start(tmp_path, manifest, tmp_path / "cache") for _ in range(2)]
    reports = [finish(process) for process in pair]
    assert sorted(report["prepared"] for report in reports) == [0, COUNT]
    assert PreparedCache.open(tmp_path / "cache").verify().size == 0


HOLD = """
import sys, time
from pathlib import Path
from hilum.data.folder_lock import only_writer
with only_writer(Path(sys.argv[1]), wait_s=0):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process  # type: ignore[misc]
    process.kill()
    process.communicate()


def test_a_second_writer_is_told_who_the_first_is(
    tmp_path: Path, manifest: Path, holder: subprocess.Popen[str]
) -> None:
    said = rf"written by process {holder.pid} on {os.uname().nodename}; waited 0\.3 s"
    with pytest.raises(CacheError, match=said):
        build_cache(Manifest.read(manifest), RECORD, tmp_path, wait_s=0.3)


def test_a_second_writer_goes_on_when_the_first_is_killed(
    tmp_path: Path, holder: subprocess.Popen[str], caplog: pytest.LogCaptureFixture
) -> None:
    pid = os.fork()
    if pid == 0:  # the first is killed while the second waits
        time.sleep(0.4)
        os.kill(holder.pid, signal.SIGKILL)
        os._exit(0)
    with only_writer(tmp_path, wait_s=30):
        assert f"process {holder.pid}" in caplog.text
    os.waitpid(pid, 0)


def test_an_unreadable_owner_is_another_process(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    (tmp_path / "lock").write_text("junk")
    with (
        pytest.raises(CacheError, match="written by another process; waited 0 s"),
        only_writer(tmp_path, wait_s=0),
    ):
        pass


def test_a_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="boom"), only_writer(tmp_path, wait_s=0):
        raise KeyError("boom")
    with only_writer(tmp_path, wait_s=0):
        pass


def test_a_script_without_a_main_guard_is_told_what_to_do(tmp_path: Path, manifest: Path) -> None:
    guard = 'if __name__ == "__main__":'
    (tmp_path / "bare.py").write_text(SCRIPT.replace(guard, "if True:"))
    command = [sys.executable, tmp_path / "bare.py", manifest, tmp_path / "cache", "2"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "put the call below" in done.stderr
