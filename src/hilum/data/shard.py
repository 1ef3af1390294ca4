"""Prepared images on the disk: raw bytes that can be mapped, and an index that vouches for them.

A shard is `shard-00000.u8`, images end to end with no header, and `shard-00000.npy`, one record an
image (the SHA-256 of the file it was made from, the CRC-32 of its pixels) followed by a CRC of its
own. Images are appended and flushed first; only then is the index replaced. What the index does
not name does not exist, so a process may be killed at any moment. An image whose bytes do not match
its CRC is never served.
"""

from __future__ import annotations

import logging
import os
import time
import zlib
from dataclasses import dataclass
from io import BytesIO, FileIO
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.data.atomic import PART_SUFFIX, replacing
from hilum.errors import CacheError

__all__ = ["INDEX", "Shard", "ShardWriter", "images_per_shard", "load_shards", "sweep"]

INDEX = np.dtype([("sha256", "S64"), ("crc32", "<u4")])
"""One record an image: hexadecimal hash of the source file, or empty where it was given up."""

_log = logging.getLogger(__name__)
_MOST_IMAGES = 4096
_MOST_BYTES = 256 * 2**20


def images_per_shard(size: int) -> int:
    """Return how many images of `size` pixels a side a shard holds: 4096, or 256 MiB of them."""
    return max(1, min(_MOST_IMAGES, _MOST_BYTES // size**2))


@dataclass(slots=True, eq=False)
class Shard:
    """One file of images and its index.

    Args:
        folder: Where it lies.
        number: Its number, which names its two files.
        size: Side of an image in pixels.
        index: Records of type `INDEX`, shape (n,).
    """

    folder: Path
    number: int
    size: int
    index: NDArray[np.void]

    @property
    def data_path(self) -> Path:
        """File of pixels."""
        return self.folder / f"shard-{self.number:05d}.u8"

    @property
    def index_path(self) -> Path:
        """File of records."""
        return self.data_path.with_suffix(".npy")

    def map(self) -> NDArray[np.uint8]:
        """Map the images into memory, shape (n, size, size).

        Raises:
            CacheError: If the file is gone or shorter than the index says.
        """
        shape = (len(self.index), self.size, self.size)
        try:
            found = self.data_path.stat().st_size
            if found < np.prod(shape):
                raise CacheError(
                    f"{self.data_path} is cut short: {found} bytes, expected {np.prod(shape)}"
                )
            return np.memmap(self.data_path, np.uint8, "r", shape=shape)
        except OSError as error:
            raise CacheError(f"{self.data_path} cannot be read: {error}") from error

    def damaged(self) -> NDArray[np.intp]:
        """Return the rows whose pixels are missing or do not match their CRC."""
        live = self.index["sha256"] != b""
        bad = np.zeros(len(self.index), bool)
        try:
            with self.data_path.open("rb") as file:
                for row, crc in enumerate(self.index["crc32"]):
                    pixels = file.read(self.size**2)
                    bad[row] = len(pixels) < self.size**2 or zlib.crc32(pixels) != crc
        except FileNotFoundError:
            bad[:] = True
        return np.flatnonzero(bad & live)

    def save_index(self) -> None:
        """Replace the index file; from then on its images exist."""
        buffer = BytesIO()
        np.save(buffer, self.index)
        data = buffer.getvalue()
        with replacing(self.index_path) as file:
            file.write(data + _checksum(data))


def load_shards(folder: Path, size: int) -> tuple[list[Shard], list[Path]]:
    """Return the shards of a cache in order, and the index files that cannot be read."""
    shards, lost = [], []
    for path in sorted(folder.glob("shard-*.npy")):
        number = path.stem.removeprefix("shard-")
        try:
            data = path.read_bytes()
        except OSError:
            data = b""
        if number.isdigit() and len(data) > 4 and _checksum(data[:-4]) == data[-4:]:
            index = np.load(BytesIO(data), allow_pickle=False)
            shards.append(Shard(folder, int(number), size, index))
        else:
            lost.append(path)
    return shards, lost


def _checksum(data: bytes) -> bytes:
    """Return the four bytes that end an index file."""
    return zlib.crc32(data).to_bytes(4, "little")


def sweep(folder: Path, lost: list[Path]) -> None:
    """Delete what a killed writer left half done, and shards whose index is beyond reading."""
    for part in folder.glob(f".*{PART_SUFFIX}"):
        part.unlink()
    for path in lost:
        _log.warning("%s is damaged; its images will be prepared again", path)
        path.unlink()
    for data in folder.glob("shard-*.u8"):
        if not data.with_suffix(".npy").exists():
            data.unlink()


def _crc32(image: NDArray[np.uint8]) -> int:
    return zlib.crc32(image.tobytes())


def _write_all(file: FileIO, pixels: memoryview) -> None:
    """Write every byte; the system may take fewer at a time."""
    while pixels:
        pixels = pixels[file.write(pixels) :]


class ShardWriter:
    """Append images to the last shard, and mend damaged ones where they lie.

    Args:
        folder: The cache's folder; the caller holds its lock.
        size: Side of an image in pixels.
        shards: Shards already there; new ones are added to this list.
        checkpoint_s: Seconds of work that a killed process may lose.
    """

    def __init__(self, folder: Path, size: int, shards: list[Shard], checkpoint_s: float) -> None:
        self._folder = folder
        self._size = size
        self._shards = shards
        self._checkpoint_s = checkpoint_s
        self._saved_at = time.monotonic()
        self._added: list[tuple[bytes, int]] = []
        self._file: FileIO | None = None

    def append(self, sha256: bytes, image: NDArray[np.uint8]) -> None:
        """Add an image (size, size); visible to others from the next checkpoint on.

        Raises:
            CacheError: If it cannot be written, as when the disk is full.
        """
        try:
            if self._file is None:
                self._file = self._open_last()
            _write_all(self._file, memoryview(image.tobytes()))
            self._added.append((sha256, _crc32(image)))
            full = len(self._shards[-1].index) + len(self._added) >= images_per_shard(self._size)
            if full or time.monotonic() - self._saved_at >= self._checkpoint_s:
                self._save()
            if full:
                self._close_file()
        except OSError as error:
            raise self._refusal(error) from error

    def mend(self, shard: Shard, row: int, image: NDArray[np.uint8]) -> None:
        """Write an image in the place of a damaged one.

        Raises:
            CacheError: If it cannot be written.
        """
        try:
            shard.data_path.touch()
            with shard.data_path.open("r+b") as file:
                file.seek(row * self._size**2)
                file.write(image.tobytes())
                file.flush()
                os.fsync(file.fileno())
            if shard.index["crc32"][row] != _crc32(image):
                shard.index["crc32"][row] = _crc32(image)
                shard.save_index()
        except OSError as error:
            raise self._refusal(error) from error

    def give_up(self, shard: Shard, rows: list[int]) -> None:
        """Mark damaged rows whose source is gone, so that nothing refers to them."""
        shard.index["sha256"][rows] = b""
        shard.save_index()

    def close(self) -> None:
        """Make everything visible.

        Raises:
            CacheError: If it cannot be written.
        """
        try:
            self._save()
            self._close_file()
        except OSError as error:
            raise self._refusal(error) from error

    def abandon(self) -> None:
        """Let go of the file without making the last images visible."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open_last(self) -> FileIO:
        """Open the last shard for appending, or begin a new one."""
        full = images_per_shard(self._size)
        if not self._shards or len(self._shards[-1].index) >= full:
            number = self._shards[-1].number + 1 if self._shards else 0
            self._shards.append(Shard(self._folder, number, self._size, np.empty(0, INDEX)))
        last = self._shards[-1]
        last.data_path.touch()
        file = FileIO(last.data_path, "r+")
        file.truncate(len(last.index) * self._size**2)
        file.seek(0, os.SEEK_END)
        return file

    def _save(self) -> None:
        """Flush the pixels, then name them in the index."""
        if self._added and self._file is not None:
            os.fsync(self._file.fileno())
            last = self._shards[-1]
            last.index = np.concatenate([last.index, np.array(self._added, INDEX)])
            self._added.clear()
            last.save_index()
        self._saved_at = time.monotonic()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _refusal(self, error: OSError) -> CacheError:
        return CacheError(
            f"{self._folder} cannot be written: {error}. "
            "What is finished is kept; mend the cause and run the same command again."
        )
