"""Prepared images, read back at the speed of memory.

A cache is a folder of 8-bit pictures that one `Preprocessing` made, mapped into memory and copied
out by row. It is safe to hand to data-loading processes: it opens its files where it is used. No
picture is served before its checksum has been compared, once in each process.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hilum.data import cache_files
from hilum.data.preprocessing import Preprocessing
from hilum.data.shard import Shard, load_shards
from hilum.errors import CacheError

if TYPE_CHECKING:
    from hilum.data.cache_build import CacheReport, build_cache
    from hilum.data.manifest import Manifest

__all__ = ["CacheReport", "PreparedCache", "build_cache"]

_MAPS = 256
"""Files kept open at a time; each costs a file handle."""


def __getattr__(name: str) -> Any:
    """Import the building half, with its table library, only where it is asked for."""
    if name in ("CacheReport", "build_cache"):
        from hilum.data import cache_build

        return getattr(cache_build, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class PreparedCache:
    """The pictures of a cache, by row. Open one with `PreparedCache.open`.

    Args:
        folder: Where it lies.
        preprocessing: How its pictures were prepared.
        shards: Its files, in order.
    """

    def __init__(self, folder: Path, preprocessing: Preprocessing, shards: list[Shard]) -> None:
        self.folder = folder
        self.preprocessing = preprocessing
        self._shards = shards
        lengths = [len(shard.index) for shard in shards]
        self._first = np.cumsum([0, *lengths], dtype=np.int64)
        self._checked = np.zeros(self._first[-1], bool)
        self._maps: dict[int, NDArray[np.uint8]] = {}

    @classmethod
    def open(cls, folder: str | Path) -> PreparedCache:
        """Open a cache for reading.

        Raises:
            CacheError: If the folder is no cache, was prepared by another version, or an index
                is damaged.
        """
        folder = Path(folder)
        preprocessing = cache_files.load_record(folder)
        shards, lost = load_shards(folder, preprocessing.size)
        if lost:
            line = cache_files.command(folder, preprocessing)
            raise CacheError(f"{lost[0]} is damaged. Repair it: {line}")
        return cls(folder, preprocessing, shards)

    def __len__(self) -> int:
        """Return the number of rows; some may have been given up."""
        return int(self._first[-1])

    def __getstate__(self) -> dict[str, Any]:
        """Leave open files behind: each process opens, and checks, its own."""
        lazy = {"_maps": {}, "_checked": np.zeros(len(self), bool)}
        return {**self.__dict__, **lazy}

    @cached_property
    def hash(self) -> str:
        """Name of the pictures: how they were prepared, and from which contents, in any order."""
        hashes = [sha for shard in self._shards for sha in shard.index["sha256"].tolist() if sha]
        digest = hashlib.sha256(self.preprocessing.pixel_hash.encode())
        digest.update(b"".join(sorted(hashes)))
        return digest.hexdigest()[:16]

    def images(self, indices: ArrayLike) -> NDArray[np.uint8]:
        """Return pictures by row.

        Args:
            indices: Rows, shape (n,), in [0, len(self)), in any order, also repeated.

        Returns:
            Grey levels, shape (n, size, size), a copy.

        Raises:
            CacheError: If a picture does not match its checksum; names the shard and the command
                that repairs it.
            IndexError: If a row is out of range; -1 stands for an image that could not be read.
        """
        rows = np.atleast_1d(np.asarray(indices))
        if rows.size == 0:
            rows = rows.astype(np.int64)
        if rows.ndim != 1 or rows.dtype.kind not in "iu":
            raise TypeError(f"Rows must be whole numbers of shape (n,), got {rows.dtype}")
        if rows.size and not 0 <= rows.min() <= rows.max() < len(self):
            raise IndexError(
                f"Rows must be in [0, {len(self)}), got {rows.min()} to {rows.max()}. "
                "Row -1 stands for an image that could not be read: leave it out."
            )
        owner = np.searchsorted(self._first, rows, side="right") - 1
        if rows.size and (owner == owner[0]).all():
            return self._read(int(owner[0]), rows)
        side = self.preprocessing.size
        out = np.empty((rows.size, side, side), np.uint8)
        for number in np.unique(owner):
            here = np.flatnonzero(owner == number)
            out[here] = self._read(int(number), rows[here])
        return out

    def _read(self, number: int, rows: NDArray[Any]) -> NDArray[np.uint8]:
        """Copy checked pictures out of one shard."""
        found: NDArray[np.uint8] = np.asarray(self._map(number)[rows - self._first[number]])
        self._check(number, rows, found)
        return found

    @property
    def _repair(self) -> str:
        return f"Repair it: {cache_files.command(self.folder, self.preprocessing)}"

    def _map(self, number: int) -> NDArray[np.uint8]:
        found = self._maps.get(number)
        if found is None:
            if len(self._maps) >= _MAPS:
                self._maps.clear()
            try:
                found = self._maps[number] = self._shards[number].map()
            except CacheError as error:
                raise CacheError(f"{error}. {self._repair}") from error
        return found

    def _check(self, number: int, rows: NDArray[Any], pictures: NDArray[np.uint8]) -> None:
        """Compare checksums of the pictures that this process has not served before."""
        shard, first = self._shards[number], self._first[number]
        for place in np.flatnonzero(~self._checked[rows]):
            record = shard.index[rows[place] - first]
            if not record["sha256"] or zlib.crc32(pictures[place]) != record["crc32"]:
                raise CacheError(
                    f"Picture {rows[place] - first} of {shard.data_path} is damaged: its pixels "
                    f"do not match their checksum. {self._repair}"
                )
        self._checked[rows] = True

    def verify(self) -> NDArray[np.int64]:
        """Compare every checksum with the disk and return the damaged rows; `hilum prepare` mends.

        Rows whose picture was given up are not counted: nothing refers to them.
        """
        rows = [
            shard.damaged() + first
            for shard, first in zip(self._shards, self._first[:-1], strict=True)
        ]
        return np.concatenate([np.empty(0, np.int64), *rows])

    def errors(self) -> dict[str, str]:
        """Return the reason for each file that could not be read, by absolute path."""
        files = cache_files.load_files(self.folder).drop_nulls("error")
        return dict(zip(files["absolute"], files["error"], strict=True))

    def locate(self, manifest: Manifest, *, check_content: bool = False) -> NDArray[np.int64]:
        """Return the row of each image of a manifest.

        An image is found by its absolute path; if images or manifest have moved, by its path in
        the manifest, provided that this names one content and a file of the same length.

        Args:
            manifest: Prepared into this cache before.
            check_content: Also see that no file has changed since; those that are gone pass.

        Returns:
            Rows for `images`, shape (n,); -1 where the image could not be read.

        Raises:
            CacheError: If images are not in the cache, or have changed; says how many.
        """
        from hilum.data.cache_locate import rows_of

        hashes = [np.empty(0, "S64"), *(shard.index["sha256"] for shard in self._shards)]
        return rows_of(manifest, self.folder, np.concatenate(hashes), check_content=check_content)
