"""How much faster a prepared picture is read from the cache than made from its file."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.pictures import drawn, written
from hilum.benchmark.row import Row, compared
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing, prepare
from hilum.data.reading import read_radiograph

__all__ = ["CASES", "measure"]

WANTED = 50
_BATCH = 32
_COPIES = 8
_RECORD = Preprocessing(size=224, top=0.08, equalization="histogram")


def measure(name: str, paths: Sequence[Path], *, rounds: int) -> list[Row]:
    """Time decoding, the first reading (with checksums) and later readings of the same images.

    Args:
        name: What the files are.
        paths: Of them.
        rounds: Later readings.
    """
    start = time.perf_counter()
    for path in paths:
        prepare(read_radiograph(path, smallest_side=_RECORD.decode_side), _RECORD)
    decoded = (time.perf_counter() - start) / len(paths) * 1e6
    with tempfile.TemporaryDirectory() as folder:
        manifest = Manifest.from_paths(paths)
        build_cache(manifest, _RECORD, folder, workers=1)
        cache = PreparedCache.open(folder)
        order = np.random.default_rng(0).permutation(cache.locate(manifest))
        first = _read_all(cache, order)
        again = statistics.median(_read_all(cache, order) for _ in range(rounds))
    peer = "reading and preparing the file"
    return [
        compared(f"a prepared image from the cache, {name}", again, peer, decoded,
                 decoded / again, unit="us", target=WANTED),
        compared(f"the same for the first time, checksum compared, {name}", first, peer, decoded,
                 decoded / first, unit="us", target=1),
    ]  # fmt: skip


def _read_all(cache: PreparedCache, order: NDArray[np.int64]) -> float:
    """Read every row in batches; return microseconds an image."""
    start = time.perf_counter()
    for at in range(0, order.size, _BATCH):
        cache.images(order[at : at + _BATCH])
    return (time.perf_counter() - start) / order.size * 1e6


def alone(settings: Settings) -> list[Row]:
    """Measure PNG and JPEG phantoms, each pixel of every copy a little different."""
    rng = np.random.default_rng(1)
    pictures = [
        np.clip(pixels + rng.normal(0, 1, pixels.shape), 0, 255).astype(np.uint8)
        for pixels in drawn(settings.films, settings.small)
        for _ in range(_COPIES)
    ]
    return [
        row
        for kind in ("png", "jpeg")
        for row in measure(
            f"{kind.upper()} of {settings.small} pixels",
            written(settings.folder / "cache", pictures, kind), rounds=settings.rounds,
        )
    ]  # fmt: skip


CASES = (Case(claim="a prepared image from the cache", alone=alone, packages=("numpy", "pillow")),)
