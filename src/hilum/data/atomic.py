"""Replacing a file so that a reader, or a power cut, sees the old one or the new one, never half.

Separate because the manifest, the cache and whatever else writes results need the same four steps
in the same order: write beside the target, flush to the disk, rename, flush the folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

__all__ = ["PART_SUFFIX", "replacing", "sync_folder"]

PART_SUFFIX = ".part"
"""Ends the names of files not yet finished; what a killed process leaves may be deleted."""


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """Yield a binary file that takes the place of `target` once it is safely on the disk.

    If the block raises, the target is left as it was and nothing else remains.

    Args:
        target: File to create or replace; its folder must exist.
    """
    part = target.with_name(f".{target.name}.{os.getpid()}{PART_SUFFIX}")
    try:
        with part.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Flush a folder's list of names to the disk, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
