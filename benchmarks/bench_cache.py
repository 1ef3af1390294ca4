"""How much faster a prepared picture is read from the cache than made from its file.

The files are drawn on the spot; with ../shared/data beside the checkout, real ones are timed too.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.rows import Row
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing, prepare
from hilum.data.reading import read_radiograph

WANTED = 50
BATCH = 32
RECORD = Preprocessing(size=224, top=0.08, equalization="histogram")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "cxr"


def draw(folder: Path, suffix: str, count: int, side: int) -> list[Path]:
    """Write smooth noise, which compresses about as well as a radiograph."""
    rng = np.random.default_rng(7)
    paths = [folder / f"{number:03d}.{suffix}" for number in range(count)]
    for path in paths:
        coarse = Image.fromarray(rng.integers(0, 256, (side // 16, side // 16), np.uint8))
        fine = rng.integers(-4, 5, (side, side))
        picture = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC)) + fine
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(path)
    return paths


def measure(name: str, paths: Sequence[Path]) -> list[Row]:
    """Time decoding, the first reading (with checksums) and later readings of the same images."""
    start = time.perf_counter()
    for path in paths:
        prepare(read_radiograph(path, smallest_side=RECORD.decode_side), RECORD)
    decoded = (time.perf_counter() - start) / len(paths) * 1e6
    with tempfile.TemporaryDirectory() as folder:
        manifest = Manifest.from_paths(paths)
        build_cache(manifest, RECORD, folder, workers=1)
        cache = PreparedCache.open(folder)
        order = np.random.default_rng(0).permutation(cache.locate(manifest))
        first = read_all(cache, order)
        again = statistics.median(read_all(cache, order) for _ in range(9))
    return [
        row(f"read a prepared image, {name}", again, decoded, WANTED),
        row(f"the same for the first time, checksum compared, {name}", first, decoded, 1),
    ]


def row(claim: str, ours: float, theirs: float, wanted: int) -> Row:
    """Set a reading beside the decoding of the same file, in microseconds an image."""
    return Row(
        claim=claim,
        peer="read_radiograph and prepare",
        ours=ours,
        theirs=theirs,
        unit="us",
        ratio=theirs / ours,
        wanted=f"at least {wanted} times",
        met=theirs >= wanted * ours,
    )


def read_all(cache: PreparedCache, order: np.ndarray) -> float:
    """Read every row in batches; return microseconds an image."""
    start = time.perf_counter()
    for at in range(0, order.size, BATCH):
        cache.images(order[at : at + BATCH])
    return (time.perf_counter() - start) / order.size * 1e6


def rows() -> list[Row]:
    """Measure PNG and JPEG files drawn here, and real ones where there are any."""
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("png", "jpg"):
            found += measure(f"{suffix} of 1024 pixels", draw(Path(folder), suffix, 64, 1024))
    if SHARED.is_dir():
        manifest = Manifest.read(SHARED / "manifest.csv", check_files=False)
        found += measure("real jpg of 480 pixels", manifest.paths()[::8])
    return found


def main() -> None:
    """Print one row a claim; write nothing."""
    for found in rows():
        ratio = f"ratio {found.ratio:.0f}, wanted {found.wanted}"
        print(f"{found.claim}: {found.ours:.1f} us, decoding {found.theirs:.0f} us, {ratio}")


if __name__ == "__main__":
    main()
