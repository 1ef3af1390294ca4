from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.data import cache_workers
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.cache_workers import Job, Outcome, outcomes, prefixes
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.data.shard import Shard, ShardWriter, images_per_shard
from hilum.errors import CacheError

SMALL = Preprocessing(size=16)


def draw(folder: Path, count: int) -> Manifest:
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{number:03d}.png" for number in range(count)]
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 20), np.uint8)
        if not (folder / name).exists():
            Image.fromarray(pixels).save(folder / name)
    return Manifest.from_paths(names, ["x"] * count, root=folder)


def test_a_second_build_reuses_everything_and_writes_nothing(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 5)
    first = build_cache(images, SMALL, tmp_path / "cache")
    shard = tmp_path / "cache" / "shard-00000.u8"
    before = shard.stat().st_mtime_ns
    second = build_cache(images, SMALL, tmp_path / "cache")
    assert (first.prepared, first.reused, first.failed) == (5, 0, ())
    assert (second.prepared, second.reused, second.failed) == (0, 5, ())
    assert shard.stat().st_mtime_ns == before


def test_new_images_are_appended_and_rows_stay(tmp_path: Path) -> None:
    few = draw(tmp_path / "images", 3)
    build_cache(few, SMALL, tmp_path / "cache")
    before = PreparedCache.open(tmp_path / "cache").images(range(3))
    report = build_cache(draw(tmp_path / "images", 5), SMALL, tmp_path / "cache")
    assert (report.prepared, report.reused) == (2, 3)
    cache = PreparedCache.open(tmp_path / "cache")
    assert np.array_equal(cache.images(range(3)), before)
    assert cache.locate(few).tolist() == [0, 1, 2]


def test_a_changed_file_is_prepared_again_even_if_length_and_time_are_the_same(
    tmp_path: Path,
) -> None:
    images = draw(tmp_path / "images", 3)
    build_cache(images, SMALL, tmp_path / "cache")
    path = images.paths()[1]
    times = path.stat()
    Image.fromarray(np.full((24, 20), 9, np.uint8)).save(path)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    report = build_cache(images, SMALL, tmp_path / "cache")
    assert (report.prepared, report.reused) == (1, 2)
    cache = PreparedCache.open(tmp_path / "cache")
    assert (cache.images(cache.locate(images)[[1]]) == 9).all()


def test_settled_files_are_not_read_again_unless_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_workers, "_SETTLED_NS", -(10**18))
    images = draw(tmp_path / "images", 3)
    build_cache(images, SMALL, tmp_path / "cache")
    read = []
    monkeypatch.setattr(
        Job, "prepare", lambda _, path: read.append(path) or Outcome(path, error="x")
    )
    assert build_cache(images, SMALL, tmp_path / "cache").reused == 3
    assert read == []
    build_cache(images, SMALL, tmp_path / "cache", rehash=True)
    assert len(read) == 3


def test_the_same_content_is_stored_once(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 3)
    shutil.copy(images.paths()[0], images.paths()[2])
    report = build_cache(images, SMALL, tmp_path / "cache")
    assert (report.prepared, report.reused) == (2, 1)
    assert PreparedCache.open(tmp_path / "cache").locate(images).tolist() == [0, 1, 0]


def test_bad_images_never_stop_the_others(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 6)
    paths = images.paths()
    paths[0].write_bytes(b"")
    paths[1].write_bytes(paths[2].read_bytes()[:90])
    paths[3].unlink()
    paths[4].unlink()
    os.mkfifo(paths[4])
    report = build_cache(images, SMALL, tmp_path / "cache")
    assert report.prepared == 2
    assert [Path(path).name for path, _ in report.failed] == [
        "000.png",
        "001.png",
        "003.png",
        "004.png",
    ]
    assert all(reason for _, reason in report.failed)
    cache = PreparedCache.open(tmp_path / "cache")
    assert cache.locate(images).tolist() == [-1, -1, 0, -1, -1, 1]
    assert "expected a file, got a folder or a device" in cache.errors()[str(paths[4])]


def test_a_mended_file_is_prepared_next_time(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 2)
    sound = images.paths()[0].read_bytes()
    images.paths()[0].write_bytes(b"no picture")
    assert len(build_cache(images, SMALL, tmp_path / "cache").failed) == 1
    images.paths()[0].write_bytes(sound)
    assert build_cache(images, SMALL, tmp_path / "cache").prepared == 1
    assert PreparedCache.open(tmp_path / "cache").errors() == {}


def test_processes_make_the_same_cache_as_one(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 30)
    build_cache(images, SMALL, tmp_path / "one", workers=1)
    build_cache(images, SMALL, tmp_path / "two", workers=2)
    for name in ("shard-00000.u8", "shard-00000.npy"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_progress_counts_every_file(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 3)
    seen: list[tuple[int, int]] = []
    build_cache(images, SMALL, tmp_path / "cache", progress=lambda *now: seen.append(now))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_other_preprocessing_is_refused_and_both_are_named(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 2)
    build_cache(images, SMALL, tmp_path / "cache")
    other = Preprocessing(size=20, top=0.08, equalization="clahe")
    with pytest.raises(
        CacheError, match=r"with size 16, top 0, .*asked for size 20, top 0\.08"
    ) as e:
        build_cache(images, other, tmp_path / "cache")
    assert SMALL.pixel_hash in str(e.value)
    assert other.pixel_hash in str(e.value)


def test_other_normalisation_of_the_same_pixels_is_no_other_cache(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 2)
    build_cache(images, SMALL, tmp_path / "cache")
    other = Preprocessing(size=16, channels=3, mean=(0.4, 0.4, 0.4), std=(0.2,))
    assert build_cache(images, other, tmp_path / "cache").reused == 2


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 2)
    with pytest.raises(CacheError, match=r"not a cache and not empty \(it holds 000\.png\)"):
        build_cache(images, SMALL, tmp_path / "images")
    assert len([*(tmp_path / "images").iterdir()]) == 2
    with pytest.raises(CacheError, match="is a file, expected a folder"):
        build_cache(images, SMALL, images.paths()[0])


def test_workers_below_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1, got 0"):
        build_cache(draw(tmp_path / "i", 1), SMALL, tmp_path / "cache", workers=0)


def test_a_full_disk_keeps_what_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = draw(tmp_path / "images", 6)
    written = []

    def write(file: object, pixels: memoryview) -> None:
        written.append(pixels)
        if len(written) > 4:
            raise OSError(28, "No space left on device")
        file.write(pixels)  # type: ignore[attr-defined]

    with monkeypatch.context() as patch:
        patch.setattr("hilum.data.shard._write_all", write)
        with pytest.raises(CacheError, match=r"No space left.*What is finished is kept"):
            build_cache(images, SMALL, tmp_path / "cache", checkpoint_s=0)
    report = build_cache(images, SMALL, tmp_path / "cache")
    assert (report.prepared, report.reused) == (2, 4)


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 3)
    cache = tmp_path / "cache"
    build_cache(images, SMALL, cache)
    (cache / ".shard-00001.npy.77.part").write_bytes(b"half")
    (cache / "shard-00001.u8").write_bytes(b"half")
    with (cache / "shard-00000.u8").open("ab") as file:
        file.write(b"x" * 300)
    build_cache(draw(tmp_path / "images", 4), SMALL, cache)
    assert sorted(path.name for path in cache.iterdir()) == [
        "cache.json",
        "files.parquet",
        "lock",
        "shard-00000.npy",
        "shard-00000.u8",
    ]
    assert (cache / "shard-00000.u8").stat().st_size == 4 * 256
    assert PreparedCache.open(cache).verify().size == 0


def test_a_hash_that_only_begins_like_a_known_one_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = draw(tmp_path / "images", 3)
    monkeypatch.setattr(Job, "_seems_known", lambda self, _: self.known.size > 0)
    build_cache(draw(tmp_path / "images", 1), SMALL, tmp_path / "cache")
    assert build_cache(images, SMALL, tmp_path / "cache").prepared == 2


def test_prefixes_are_sorted_and_found() -> None:
    hashes = np.array(["ff" * 32, "00" * 32, "0a" * 32], "S64")
    assert prefixes(hashes).tolist() == [0, 0x0A0A0A0A0A0A0A0A, 2**64 - 1]
    job = Job(SMALL, prefixes(hashes))
    assert job._seems_known("ff" * 32)
    assert not job._seems_known("0b" * 32)


def test_shards_hold_at_most_256_mib() -> None:
    assert images_per_shard(224) == 4096
    assert images_per_shard(1024) == 256
    assert images_per_shard(32768) == 1


def test_a_shard_begun_by_one_writer_is_gone_on_with_by_the_next(tmp_path: Path) -> None:
    shards: list[Shard] = []
    for number in range(3):
        writer = ShardWriter(tmp_path, 16, shards, checkpoint_s=60)
        writer.append(b"%064d" % number, np.full((16, 16), number, np.uint8))
        writer.close()
    assert [shard.number for shard in shards] == [0]
    assert shards[0].map()[:, 0, 0].tolist() == [0, 1, 2]


FRAGILE = """
import os
from hilum.data.cache_workers import Job

class Fragile(Job):
    def prepare(self, path):
        if path.endswith("003.png"):
            os._exit(9)
        return super().prepare(path)
"""


def test_a_file_that_kills_its_process_is_found_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fragile_job.py").write_text(FRAGILE)
    monkeypatch.syspath_prepend(str(tmp_path))
    from fragile_job import Fragile  # type: ignore[import-not-found]

    paths = [str(path) for path in draw(tmp_path / "images", 20).paths()]
    job = Fragile(SMALL, np.empty(0, np.uint64))
    found = [*outcomes(paths, job, workers=2)]
    assert [outcome.path for outcome in found] == paths
    bad = [outcome for outcome in found if outcome.error]
    assert [Path(outcome.path).name for outcome in bad] == ["003.png"]
    assert "the process that read it died" in str(bad[0].error)
    sys.modules.pop("fragile_job")


def test_first_reads_of_fresh_files_leave_no_signature_to_trust(tmp_path: Path) -> None:
    path = str(draw(tmp_path, 1).paths()[0])
    job = Job(SMALL, np.empty(0, np.uint64))
    assert job.prepare(path).signature == ""
    time.sleep(2.1)
    assert job.prepare(path).signature != ""
