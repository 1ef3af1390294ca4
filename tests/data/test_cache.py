from __future__ import annotations

import os
import pickle
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing, prepare
from hilum.data.reading import read_radiograph
from hilum.errors import CacheError

SMALL = Preprocessing(size=16)


def draw(folder: Path, count: int, *, first: int = 0) -> Manifest:
    """Write pictures of noise, each different, and list them."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(first, count):
        pixels = np.random.default_rng(number).integers(0, 256, (24, 20), np.uint8)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    names = [f"{number:03d}.png" for number in range(count)]
    return Manifest.from_paths(names, ["x"] * count, root=folder)


@pytest.fixture
def images(tmp_path: Path) -> Manifest:
    return draw(tmp_path / "images", 10)


@pytest.fixture
def cache(tmp_path: Path, images: Manifest) -> PreparedCache:
    build_cache(images, SMALL, tmp_path / "cache")
    return PreparedCache.open(tmp_path / "cache")


def wanted(manifest: Manifest) -> np.ndarray:
    return np.stack([prepare(read_radiograph(path), SMALL) for path in manifest.paths()])


def test_rows_hold_what_prepare_makes(images: Manifest, cache: PreparedCache) -> None:
    rows = cache.locate(images)
    assert np.array_equal(cache.images(rows), wanted(images))
    assert cache.preprocessing == SMALL
    assert len(cache) == 10


def test_rows_may_come_in_any_order_and_twice(images: Manifest, cache: PreparedCache) -> None:
    assert np.array_equal(cache.images([7, 2, 7]), wanted(images)[[7, 2, 7]])
    assert cache.images([]).shape == (0, 16, 16)
    assert cache.images(np.int64(3)).shape == (1, 16, 16)


def test_rows_of_several_shards_are_put_together(
    tmp_path: Path, images: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hilum.data.shard._MOST_IMAGES", 3)
    monkeypatch.setattr("hilum.data.cache._MAPS", 2)
    build_cache(images, SMALL, tmp_path / "cache")
    cache = PreparedCache.open(tmp_path / "cache")
    assert len([*cache.folder.glob("shard-*.u8")]) == 4
    order = np.random.default_rng(0).permutation(10)
    assert np.array_equal(cache.images(cache.locate(images)[order]), wanted(images)[order])


@pytest.mark.parametrize("rows", [[-1], [10], [0, 99]])
def test_rows_out_of_range_are_refused(cache: PreparedCache, rows: list[int]) -> None:
    with pytest.raises(IndexError, match=r"in \[0, 10\).*could not be read: leave it out"):
        cache.images(rows)


@pytest.mark.parametrize("rows", [[0.5], [[1, 2]], [True]])
def test_rows_that_are_no_row_numbers_are_refused(cache: PreparedCache, rows: object) -> None:
    with pytest.raises(TypeError, match="whole numbers of shape"):
        cache.images(rows)  # type: ignore[arg-type]


def test_a_cache_goes_to_another_process_without_its_open_files(cache: PreparedCache) -> None:
    pictures = cache.images([1, 2])
    copied = pickle.loads(pickle.dumps(cache))
    assert copied._maps == {}
    assert np.array_equal(copied.images([1, 2]), pictures)
    assert copied.hash == cache.hash


def test_the_hash_names_contents_and_pixels_but_not_their_order(tmp_path: Path) -> None:
    images = draw(tmp_path / "images", 4)
    turned = Manifest.from_frame(images.frame[::-1], images.root)
    build_cache(images, SMALL, tmp_path / "a")
    build_cache(turned, SMALL, tmp_path / "b")
    build_cache(images, Preprocessing(size=17), tmp_path / "c")
    build_cache(draw(tmp_path / "images", 5), SMALL, tmp_path / "d")
    hashes = [PreparedCache.open(tmp_path / name).hash for name in "abcd"]
    assert hashes[0] == hashes[1]
    assert len({*hashes}) == 3


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_is_never_served_and_is_repaired(
    images: Manifest, cache: PreparedCache, caplog: pytest.LogCaptureFixture
) -> None:
    flip(cache.folder / "shard-00000.u8", 3 * 256 + 17)
    with pytest.raises(CacheError, match=r"Picture 3 of .*shard-00000\.u8 is damaged.*--size 16"):
        cache.images([2, 3])
    assert np.array_equal(cache.images([2]), wanted(images)[[2]])
    assert cache.verify().tolist() == [3]
    report = build_cache(images, SMALL, cache.folder)
    assert (report.prepared, report.reused, report.repaired) == (0, 9, 1)
    assert "1 damaged pictures" in caplog.text
    again = PreparedCache.open(cache.folder)
    assert again.verify().tolist() == []
    assert np.array_equal(again.images(again.locate(images)), wanted(images))


def test_a_shard_cut_short_is_refused_and_repaired(images: Manifest, cache: PreparedCache) -> None:
    os.truncate(cache.folder / "shard-00000.u8", 5 * 256 + 3)
    with pytest.raises(CacheError, match=r"cut short: 1283 bytes, expected 2560.*hilum prepare"):
        cache.images([0])
    assert cache.verify().tolist() == [5, 6, 7, 8, 9]
    assert build_cache(images, SMALL, cache.folder).repaired == 5
    assert np.array_equal(PreparedCache.open(cache.folder).images(range(10)), wanted(images))


def test_a_deleted_shard_is_refused_and_repaired(images: Manifest, cache: PreparedCache) -> None:
    (cache.folder / "shard-00000.u8").unlink()
    with pytest.raises(CacheError, match=r"cannot be read.*hilum prepare MANIFEST"):
        cache.images([0])
    assert cache.verify().size == 10
    assert build_cache(images, SMALL, cache.folder).repaired == 10
    assert np.array_equal(PreparedCache.open(cache.folder).images(range(10)), wanted(images))


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY\x01\x00", b"junk"])
def test_a_damaged_index_is_refused_and_built_anew(
    images: Manifest, cache: PreparedCache, data: bytes
) -> None:
    (cache.folder / "shard-00000.npy").write_bytes(data)
    with pytest.raises(CacheError, match=r"shard-00000\.npy is damaged. Repair it: hilum prepare"):
        PreparedCache.open(cache.folder)
    assert build_cache(images, SMALL, cache.folder).prepared == 10
    again = PreparedCache.open(cache.folder)
    assert np.array_equal(again.images(again.locate(images)), wanted(images))


def test_any_flipped_bit_of_an_index_is_harmless(images: Manifest, cache: PreparedCache) -> None:
    path = cache.folder / "shard-00000.npy"
    sound = path.read_bytes()
    for place in np.random.default_rng(0).integers(0, len(sound), 25):
        path.write_bytes(sound)
        flip(path, int(place))
        build_cache(images, SMALL, cache.folder)
        again = PreparedCache.open(cache.folder)
        assert np.array_equal(again.images(again.locate(images)), wanted(images)), place


def test_a_damaged_table_of_files_costs_only_hashing(
    images: Manifest, cache: PreparedCache
) -> None:
    (cache.folder / "files.parquet").write_bytes(b"junk")
    with pytest.raises(CacheError, match="10 of 10 images are not in the cache"):
        cache.locate(images)
    report = build_cache(images, SMALL, cache.folder)
    assert (report.prepared, report.reused) == (0, 10)


def test_a_picture_whose_file_is_gone_is_given_up(images: Manifest, cache: PreparedCache) -> None:
    flip(cache.folder / "shard-00000.u8", 0)
    images.paths()[0].unlink()
    report = build_cache(images, SMALL, cache.folder)
    assert report.given_up == 1
    assert report.failed[0][0].endswith("000.png")
    again = PreparedCache.open(cache.folder)
    assert again.locate(images)[0] == -1
    assert again.verify().size == 0
    with pytest.raises(CacheError, match=r"Picture 0 .* is damaged"):
        again.images([0])


def test_damage_is_mended_from_files_of_other_manifests(
    tmp_path: Path, images: Manifest, cache: PreparedCache
) -> None:
    flip(cache.folder / "shard-00000.u8", 0)
    others = draw(tmp_path / "others", 12, first=10)
    others = Manifest.from_frame(others.frame[10:], others.root)
    report = build_cache(others, SMALL, cache.folder)
    assert (report.prepared, report.reused, report.repaired) == (2, 0, 1)


def test_images_absent_from_the_cache_are_counted(tmp_path: Path, cache: PreparedCache) -> None:
    more = draw(tmp_path / "images", 12)
    with pytest.raises(CacheError, match=r"2 of 12 images are not in the cache .*010.png.*hilum"):
        cache.locate(more)


def test_images_and_manifest_may_move(
    tmp_path: Path, images: Manifest, cache: PreparedCache
) -> None:
    shutil.move(images.root, tmp_path / "moved")
    moved = Manifest.from_frame(images.frame, tmp_path / "moved")
    assert cache.locate(moved).tolist() == [*range(10)]
    shutil.rmtree(tmp_path / "moved")
    assert cache.locate(moved).tolist() == [*range(10)]


def test_another_file_of_the_same_relative_name_is_not_taken_for_it(
    tmp_path: Path, images: Manifest, cache: PreparedCache
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for path in images.paths():
        (other / path.name).write_bytes(b"another file")
    with pytest.raises(CacheError, match="10 of 10 images are not in the cache"):
        cache.locate(Manifest.from_frame(images.frame, other))


def test_the_same_relative_name_in_two_places_is_told_apart(tmp_path: Path) -> None:
    one, two = draw(tmp_path / "one", 3), draw(tmp_path / "two", 3)
    shutil.copy(two.paths()[0], two.paths()[1])
    build_cache(one, SMALL, tmp_path / "cache")
    build_cache(two, SMALL, tmp_path / "cache")
    cache = PreparedCache.open(tmp_path / "cache")
    assert cache.locate(one).tolist() == [0, 1, 2]
    assert cache.locate(two).tolist() == [0, 0, 2]


def test_a_changed_file_is_found_when_content_is_checked(
    images: Manifest, cache: PreparedCache
) -> None:
    path = images.paths()[4]
    assert cache.locate(images, check_content=True).tolist() == [*range(10)]
    path.touch()
    assert cache.locate(images, check_content=True).tolist() == [*range(10)]
    shutil.copy(images.paths()[5], path)
    with pytest.raises(CacheError, match=r"1 of 10 images have changed.*004\.png"):
        cache.locate(images, check_content=True)
    path.unlink()
    assert cache.locate(images, check_content=True).tolist() == [*range(10)]


def test_a_folder_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        CacheError, match=r"is no cache of prepared images. Make one: hilum prepare"
    ):
        PreparedCache.open(tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"version": 1', '"version": 9', "version 9, expected hilum-cache version 1"),
        ('"size": 16', '"size": 18', "makes other pixels"),
        ('"size": 16', '"sizes": 16', "cannot be read"),
        ("{", "", "cannot be read"),
    ],
)
def test_a_record_that_cannot_be_honoured_is_refused(
    cache: PreparedCache, old: str, new: str, said: str
) -> None:
    path = cache.folder / "cache.json"
    path.write_text(path.read_text().replace(old, new))
    with pytest.raises(CacheError, match=said):
        PreparedCache.open(cache.folder)


def test_reading_needs_no_table_library(cache: PreparedCache) -> None:
    script = (
        "import sys\nfrom hilum.data.cache import PreparedCache\n"
        f"print(PreparedCache.open({str(cache.folder)!r}).images([1, 2]).shape)\n"
        "print('polars' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["(2, 16, 16)", "False"]


def test_real_radiographs_are_read_fifty_times_faster_than_decoded(
    shared_data: Path, tmp_path: Path
) -> None:
    manifest = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    some = Manifest.from_frame(manifest.frame[::24], manifest.root)
    full = Preprocessing(equalization="histogram", top=0.08)
    report = build_cache(some, full, tmp_path, workers=1)
    cache = PreparedCache.open(tmp_path)
    rows = cache.locate(some)
    cache.images(rows)
    start = time.perf_counter()
    for at in range(0, len(rows), 32):
        cache.images(rows[at : at + 32])
    assert report.seconds > 50 * (time.perf_counter() - start)
