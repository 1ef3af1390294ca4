"""De-identifying files: each is read, cleaned and written under its new UID, or refused."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID

from hilum.data.reading.boundary import quiet_decoders
from hilum.data.reading.dicom_syntax import read_syntax
from hilum.data.reading.dicom_values import DICOM_ERRORS
from hilum.data.reading.document import Document
from hilum.errors import DataError, HilumError
from hilum.serve.node.deidentify import DeidentifyOptions, deidentify
from hilum.serve.node.uids import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION

__all__ = ["Deidentified", "deidentify_files", "find_dicom"]

_MOST = 2**30
"""Bytes of a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deidentified:
    """What became of one file.

    Args:
        source: The file.
        path: What was written, if anything.
        error: Why nothing was, else.
    """

    source: Path
    path: Path | None = None
    error: str | None = None


def find_dicom(places: Iterable[Path]) -> list[Path]:
    """Return the files named, and of folders those that are DICOM files, in order.

    Raises:
        DataError: If a place does not exist.
    """
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            found += [path for path in sorted(place.rglob("*")) if _is_dicom(path)]
        elif place.exists():
            found.append(place)
        else:
            raise DataError(f"{place} does not exist; name DICOM files or folders of them")
    return found


def _is_dicom(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def deidentify_files(
    sources: Sequence[Path],
    folder: Path,
    options: DeidentifyOptions,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> list[Deidentified]:
    """De-identify files into a folder; what is wrong with one does not stop the others.

    Args:
        sources: DICOM files.
        folder: Where to; made if missing. Names are the new UIDs, since old names name patients.
        options: How.
        progress: Called with (done, total) after each file.

    Returns:
        What became of each, in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    done = []
    for source in sources:
        try:
            done.append(Deidentified(source=source, path=_one(source, folder, options)))
        except (HilumError, OSError) as error:
            done.append(Deidentified(source=source, error=str(error)))
        if progress is not None:
            progress(len(done), len(sources))
    return done


def _one(source: Path, folder: Path, options: DeidentifyOptions) -> Path:
    size = source.stat().st_size
    if size > _MOST:
        raise DataError(f"it has {size} bytes, at most {_MOST} are read")
    try:
        with quiet_decoders():
            syntax = _syntax(source)
            clean = deidentify(dcmread(source), options)
            return _write(clean, folder, syntax)
    except (*DICOM_ERRORS, RecursionError) as error:
        raise DataError(f"expected a DICOM file, got damaged data ({error})") from error


def _syntax(source: Path) -> str:
    """Return the transfer syntax; refuse deflated files, which may unfold to gigabytes."""
    with source.open("rb") as file:
        head = file.read(2**16)
    if head[128:132] != b"DICM":
        raise DataError("expected a DICOM file with a file meta header, got none")
    return read_syntax(Document(data=head, name=str(source))).uid


def _write(clean: Dataset, folder: Path, syntax: str) -> Path:
    uid = str(clean.SOPInstanceUID)
    if getattr(clean, "file_meta", None) is None:
        clean.file_meta = FileMetaDataset()
        clean.file_meta.TransferSyntaxUID = UID(syntax)
    clean.file_meta.MediaStorageSOPClassUID = clean.SOPClassUID
    clean.file_meta.MediaStorageSOPInstanceUID = UID(uid)
    clean.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    clean.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    part = folder / f"{uuid.uuid4().hex}.part"
    try:
        clean.save_as(part, enforce_file_format=True)
        path = folder / f"{uid}.dcm"
        os.link(part, path)  # unlike a rename, it never replaces a file
    except FileExistsError as error:
        raise DataError(f"{folder / uid}.dcm is there already; name another folder") from error
    finally:
        part.unlink(missing_ok=True)
    return path
