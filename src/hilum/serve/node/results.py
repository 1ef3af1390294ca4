"""From an answer to the objects that say so in the archive."""

from __future__ import annotations

import os
import uuid
from datetime import datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import UID

from hilum.data.reading.boundary import quiet_decoders
from hilum.serve.node.capture import make_capture
from hilum.serve.node.report import make_report
from hilum.serve.node.reportable import refusal_to_report
from hilum.serve.node.seams import Reading, ResultFile
from hilum.serve.node.source import film_headers
from hilum.serve.node.uids import IMPLEMENTATION_UID, IMPLEMENTATION_VERSION

__all__ = ["make_results", "write_results"]


def make_results(
    film: Dataset, reading: Reading, *, variant: str = "", when: datetime
) -> dict[str, Dataset]:
    """Return the result objects of one film by kind: "sr", and "capture" of an answer.

    Their UIDs hang on film, bundle, kind and variant alone: making and sending them again gives
    the archive nothing new.

    Args:
        film: The film's data set; pixels are not needed.
        reading: What was said of it.
        variant: What sets this reading apart from others of the same film by the same bundle, for
            example a threshold, or a region struck out.
        when: The moment of the reading.

    Returns:
        Data sets ready to be written; empty if there is nothing to report.

    Raises:
        DataError: If the film has no valid UIDs.
    """
    if refusal_to_report(reading.screening) is not None:
        return {}
    headers, when = film_headers(film), when.astimezone()  # DICOM times are local
    with quiet_decoders():
        results: dict[str, Dataset] = {
            "sr": make_report(headers, reading, variant=variant, when=when)
        }
        if reading.screening.accepted and reading.overlay is not None:
            results["capture"] = make_capture(headers, reading, variant=variant, when=when)
    for result in results.values():
        result.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
        result.file_meta.ImplementationVersionName = IMPLEMENTATION_VERSION
    return results


def write_results(
    film: Dataset, reading: Reading, folder: Path, *, variant: str = "", when: datetime
) -> list[ResultFile]:
    """Write the result objects of one film, fsynced, under names of our own.

    Args:
        film: The film's data set.
        reading: What was said of it.
        folder: Where to write.
        variant: As for `make_results`.
        when: The moment of the reading.

    Raises:
        DataError: If the film has no valid UIDs.
        OSError: If the disk does not take them.
    """
    written = []
    for kind, result in make_results(film, reading, variant=variant, when=when).items():
        path = folder / f"{uuid.uuid4().hex}.part"
        with path.open("xb") as file:
            result.save_as(file, enforce_file_format=True)
            file.flush()
            os.fsync(file.fileno())
        written.append(ResultFile(kind=kind, sop_uid=str(result.SOPInstanceUID), path=path))
    return written
