"""An object while it arrives: written to a file of the node's own, counted, never held in memory.

It takes the place of the `BytesIO` in which pynetdicom collects a data set. What is too large, or
finds no room, is counted on and thrown away, so that the sender can still be told.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from hilum.serve.node.statuses import Status
from hilum.serve.node.uids import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION

__all__ = ["Arrival", "ArrivalLimits", "remove_orphans"]

_SUFFIX = ".part"
_LOOK_AT_DISK = 8 * 2**20
"""Bytes between two looks at the free space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArrivalLimits:
    """Where objects arrive, and how much may."""

    folder: Path
    """For `*.part` files; on the file system where the storage keeps films."""

    max_bytes: int = 512 * 2**20
    """Of one object."""

    free_bytes: int = 512 * 2**20
    """Below so much free space nothing is taken."""


def remove_orphans(folder: Path) -> int:
    """Remove what a killed node left half arrived; return how many files that were."""
    orphans = list(folder.glob(f"*{_SUFFIX}"))
    for orphan in orphans:
        orphan.unlink(missing_ok=True)
    return len(orphans)


class Arrival(BytesIO):
    """Receive one data set into a Part 10 file with a zeroed preamble.

    Args:
        limits: Where, and how much.
        sop_class: As the command says.
        sop_uid: As the command says; goes into the file meta information, never into a name.
        syntax: Transfer syntax of the presentation context.
    """

    def __init__(self, limits: ArrivalLimits, *, sop_class: str, sop_uid: str, syntax: str) -> None:
        super().__init__()
        self._limits = limits
        self._hash = hashlib.sha256()
        self._unlooked = 0
        self.received = 0
        self.refused: Status | None = None
        self.path = limits.folder / f"{uuid.uuid4().hex}{_SUFFIX}"
        try:
            self._look_at_disk()
            self._file = self.path.open("xb", buffering=2**18)
            self._file.write(_head(sop_class, sop_uid, syntax))
        except OSError:
            self._refuse(Status.OUT_OF_RESOURCES)

    def write(self, data: Any, /) -> int:
        """Append a fragment; throw it away if the object was refused already."""
        fragment = bytes(data)
        self.received += len(fragment)
        if self.received > self._limits.max_bytes:
            self._refuse(Status.TOO_LARGE)
        if self.refused is None:
            try:
                self._keep(fragment)
            except OSError:  # the disk is full or gone
                self._refuse(Status.OUT_OF_RESOURCES)
        return len(fragment)

    def _keep(self, fragment: bytes) -> None:
        self._unlooked += len(fragment)
        if self._unlooked > _LOOK_AT_DISK:
            self._look_at_disk()
            self._unlooked = 0
        self._hash.update(fragment)
        self._file.write(fragment)

    def _look_at_disk(self) -> None:
        if shutil.disk_usage(self._limits.folder).free < self._limits.free_bytes:
            self._refuse(Status.OUT_OF_RESOURCES)

    def complete(self) -> tuple[int, str]:
        """Bring the file safely to the disk; return its size and the hash of the data set.

        Raises:
            OSError: If the disk does not take it.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        self._file.close()
        return size, self._hash.hexdigest()

    def _refuse(self, status: Status) -> None:
        self.refused = self.refused or status
        self.discard()

    def discard(self) -> None:
        """Remove the file, wherever the transfer stands. May be called again."""
        file = getattr(self, "_file", None)
        if file is not None:
            with suppress(OSError):  # a full disk does not take the rest of the buffer
                file.close()
        self.path.unlink(missing_ok=True)

    def __del__(self) -> None:
        """Leave nothing behind where an association ended before its message was answered."""
        self.discard()


def _head(sop_class: str, sop_uid: str, syntax: str) -> bytes:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = UID(sop_class)
    meta.MediaStorageSOPInstanceUID = UID(sop_uid)
    meta.TransferSyntaxUID = UID(syntax)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    head = DicomBytesIO()
    write_file_meta_info(head, meta)
    return b"\0" * 128 + b"DICM" + head.getvalue()
