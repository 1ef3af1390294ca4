"""Many fingerprints: in order, in parallel, kept, never made twice, whatever a file is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.data.lint import fingerprints
from hilum.data.lint.fingerprint import PRINT, fingerprint
from hilum.data.lint.fingerprints import CACHE_NAME, NO_FILE, take_fingerprints
from hilum.errors import CacheError

_RUN = """
import sys
from pathlib import Path
from hilum.data.lint import fingerprints
fingerprints._CHECKPOINT_S = 0.05
folder, cache = map(Path, sys.argv[1:])
paths = sorted(map(str, folder.iterdir()))
def tell(done, total):
    print(done, flush=True)
fingerprints.take_fingerprints(paths, workers=1, cache=cache, progress=tell)
"""


@pytest.fixture
def paths(files: Any, tmp_path: Path) -> list[str]:
    folder = tmp_path / "images"
    folder.mkdir()
    found = []
    for seed in range(6):
        path = folder / f"{seed}.png"
        path.write_bytes(files.encode(files.picture((120, 100), seed=seed)))
        os.utime(path, (1e9, 1e9))
        found.append(str(path))
    return found


def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust files however young; the change time of a file just written cannot be set back."""
    monkeypatch.setattr(fingerprints, "_SETTLED_NS", -(10**12))


def test_records_stand_in_the_order_asked_for(paths: list[str]) -> None:
    taken = take_fingerprints(paths[::-1], workers=1)
    for place, path in enumerate(paths[::-1]):
        assert taken.records[place] == fingerprint(Path(path).read_bytes())[0]
    assert (taken.errors, taken.reused) == ({}, 0)


def test_processes_give_what_one_process_gives(paths: list[str]) -> None:
    alone, together = (take_fingerprints(paths, workers=workers) for workers in (1, 2))
    assert np.array_equal(alone.records, together.records)
    assert alone.sha256 == together.sha256


def test_a_bad_file_is_an_outcome(paths: list[str], tmp_path: Path) -> None:
    Path(paths[1]).write_bytes(b"")
    Path(paths[2]).write_bytes(Path(paths[3]).read_bytes()[:400])
    bad = [*paths, str(tmp_path), str(tmp_path / "gone.png"), "nul\0byte.png"]
    taken = take_fingerprints(bad, workers=1)
    assert sorted(taken.errors) == [1, 2, 6, 7, 8]
    assert taken.errors[7] == NO_FILE
    assert "empty file" in taken.errors[1]
    assert not taken.records[1]["width"]


def test_a_second_run_reads_no_file(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(monkeypatch)
    first = take_fingerprints(paths, workers=1, cache=tmp_path / "kept")
    monkeypatch.setattr(Path, "read_bytes", None)
    again = take_fingerprints(paths, workers=1, cache=tmp_path / "kept")
    assert again.reused == len(paths)
    assert np.array_equal(first.records, again.records)


def test_a_moved_file_is_not_decoded_again(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = take_fingerprints(paths, workers=1, cache=tmp_path / "kept")
    moved = [shutil.copy(path, tmp_path / f"moved-{Path(path).name}") for path in paths]
    monkeypatch.setattr(fingerprints, "fingerprint", None)
    again = take_fingerprints([str(path) for path in moved], workers=1, cache=tmp_path / "kept")
    assert again.reused == len(paths)
    assert np.array_equal(first.records, again.records)


def test_a_changed_file_is_read_again(
    paths: list[str], tmp_path: Path, files: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settled(monkeypatch)
    take_fingerprints(paths, workers=1, cache=tmp_path / "kept")
    Path(paths[0]).write_bytes(files.encode(files.picture((90, 90), seed=77)))
    again = take_fingerprints(paths, workers=1, cache=tmp_path / "kept")
    assert again.reused == len(paths) - 1
    assert again.records[0]["width"] == 90


def test_a_file_young_enough_to_change_unseen_is_hashed_again(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fingerprints, "_SETTLED_NS", 10**18)
    take_fingerprints(paths, workers=1, cache=tmp_path / "kept")
    read = []
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: read.append(path) or original(path))
    take_fingerprints(paths, workers=1, cache=tmp_path / "kept")
    assert len(read) == len(paths)


def test_progress_ends_at_the_total(paths: list[str]) -> None:
    told: list[tuple[int, int]] = []
    take_fingerprints(paths, workers=1, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


def test_a_killed_run_goes_on_where_it_was(files: Any, tmp_path: Path) -> None:
    folder, cache = tmp_path / "many", tmp_path / "kept"
    folder.mkdir()
    for seed in range(150):
        (folder / f"{seed:03d}.png").write_bytes(files.encode(files.picture((400, 400), seed=seed)))
    command = [sys.executable, "-c", _RUN, str(folder), str(cache)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:
        while int(run.stdout.readline()) < 100:
            pass
        os.kill(run.pid, signal.SIGKILL)
    taken = take_fingerprints(sorted(map(str, folder.iterdir())), workers=1, cache=cache)
    assert 40 <= taken.reused < 150
    assert not taken.errors


def test_a_damaged_cache_is_refused_with_its_name(paths: list[str], tmp_path: Path) -> None:
    (tmp_path / CACHE_NAME).write_bytes(b"this is no database" * 100)
    with pytest.raises(CacheError, match=rf"{CACHE_NAME} cannot be used: .* Delete that file"):
        take_fingerprints(paths, workers=1, cache=tmp_path)


def test_a_cache_that_cannot_be_made_is_refused(paths: list[str]) -> None:
    with pytest.raises(CacheError, match="name another folder"):
        take_fingerprints(paths, workers=1, cache=Path(paths[0]))


def test_records_cut_short_in_the_cache_are_made_anew(
    paths: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    settled(monkeypatch)
    first = take_fingerprints(paths, workers=1, cache=tmp_path)
    with sqlite3.connect(tmp_path / CACHE_NAME) as connection:
        connection.execute("UPDATE prints_1 SET record = x'00'")
    connection.close()
    again = take_fingerprints(paths, workers=1, cache=tmp_path)
    assert np.array_equal(first.records, again.records)


def test_no_workers_are_refused() -> None:
    with pytest.raises(ValueError, match="workers must be at least 1, got 0"):
        take_fingerprints([], workers=0)


def test_no_paths_give_no_records() -> None:
    taken = take_fingerprints([])
    assert taken.records.shape == (0,)
    assert taken.records.dtype == PRINT


def test_real_films_take_a_few_milliseconds_each(shared_data: Path) -> None:
    paths = [str(path) for path in sorted((shared_data / "cxr/images/cohen").iterdir())[:30]]
    start = time.perf_counter()
    assert not take_fingerprints(paths, workers=1).errors
    assert (time.perf_counter() - start) / len(paths) < 0.2
