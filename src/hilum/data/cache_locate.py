"""Which picture of a cache belongs to which image of a manifest.

An image is found by its absolute path. Where images and manifest have moved, or only the cache was
copied to another machine, it is found by its path in the manifest, if that names one content only
and no file of another length lies there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.cache_files import command, load_files, load_record
from hilum.data.cache_workers import signature
from hilum.data.file_hash import file_sha256
from hilum.data.manifest import Manifest
from hilum.errors import CacheError

__all__ = ["rows_of"]

_FACTS = ("sha256", "error", "signature", "bytes")


def rows_of(
    manifest: Manifest, folder: Path, hashes: NDArray[np.bytes_], *, check_content: bool
) -> NDArray[np.int64]:
    """Return the row of each image of a manifest, shape (n,), -1 where it could not be read.

    Args:
        manifest: Prepared into this cache before.
        folder: The cache's.
        hashes: Content hash of each row of the cache, shape (rows,), empty where it was given up.
        check_content: Also refuse files that have changed since; those that are gone pass.

    Raises:
        CacheError: If images are not in the cache, or have changed; says how many.
    """
    listed = pl.DataFrame({"path": manifest.frame["path"], "absolute": manifest.absolute_paths()})
    files = load_files(folder)
    found = listed.join(
        files.select("absolute", *_FACTS), on="absolute", how="left", maintain_order="left"
    )
    found = _moved(found, files)
    rows = pl.DataFrame({"sha256": hashes.astype(str), "row": np.arange(hashes.size)})
    rows = rows.filter(pl.col("sha256") != "").unique("sha256", keep="last")
    found = found.join(rows, on="sha256", how="left", maintain_order="left")
    absent = found.filter(pl.col("row").is_null() & pl.col("error").is_null())
    if absent.height:
        raise CacheError(
            f"{absent.height} of {found.height} images are not in the cache {folder}, such as "
            f"{absent['absolute'][0]}. Run: {command(folder, load_record(folder))}"
        )
    if check_content:
        _refuse_changed(found, folder)
    return np.asarray(found["row"].fill_null(-1), dtype=np.int64)


def _moved(found: pl.DataFrame, files: pl.DataFrame) -> pl.DataFrame:
    """Fill in facts of images whose absolute path is unknown from their path in the manifest."""
    unknown = pl.col("sha256").is_null() & pl.col("error").is_null()
    lost = found.filter(unknown).select("path", "absolute")
    if not lost.height:
        return found
    single = files.filter(pl.len().over("path") == 1).select("path", *_FACTS)
    lost = lost.join(single, on="path", how="inner", maintain_order="left")
    lengths = pl.Series([_length(path) for path in lost["absolute"]], dtype=pl.Int64)
    same = lengths.is_null() | (lengths == lost["bytes"]) | lost["error"].is_not_null()
    return found.update(lost.filter(same).drop("path").unique("absolute"), on="absolute")


def _length(path: str) -> int | None:
    """Return a file's length in bytes, or None if it is not there."""
    mark = signature(path)
    return int(mark.split("-")[0]) if mark else None


def _refuse_changed(found: pl.DataFrame, folder: Path) -> None:
    """Hash the files whose size, times or inode differ and refuse those that changed."""
    read = found.drop_nulls("row")
    changed = [
        path
        for path, mark, sha256 in read.select("absolute", "signature", "sha256").iter_rows()
        if signature(path) not in ("", mark) and file_sha256(path) != sha256
    ]
    if changed:
        raise CacheError(
            f"{len(changed)} of {found.height} images have changed since they were prepared into "
            f"{folder}, such as {changed[0]}. Run: {command(folder, load_record(folder))}"
        )
