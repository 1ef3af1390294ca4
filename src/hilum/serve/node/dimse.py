"""Storing on another node by C-STORE, several files in one association."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.uid import UID
from pynetdicom import AE

from hilum.serve.node.settings import Destination, NodeSettings
from hilum.serve.node.stow import RefusedError, UnreachableError

if TYPE_CHECKING:
    from pynetdicom.association import Association

__all__ = ["store_by_dimse"]

_OUT_OF_RESOURCES = range(0xA700, 0xA800)


def store_by_dimse(settings: NodeSettings, destination: Destination, paths: Sequence[Path]) -> None:
    """Store files on a DICOM node, in one association.

    Args:
        settings: Own title, and how long to wait.
        destination: The node.
        paths: Part 10 files.

    Raises:
        UnreachableError: If it cannot be reached, or says that it cannot now.
        RefusedError: If it refuses an object or the association for good.
    """
    objects = [dcmread(path) for path in paths]
    association = _associate(settings, destination, objects)
    try:
        for stored in objects:
            _store(association, destination, stored)
    finally:
        if association.is_established:
            association.release()


def _associate(
    settings: NodeSettings, destination: Destination, objects: Sequence[FileDataset]
) -> Association:
    application = AE(settings.title)
    application.acse_timeout = application.connection_timeout = settings.acse_timeout_s
    application.dimse_timeout = application.network_timeout = settings.network_timeout_s
    pairs = dict.fromkeys(
        (UID(one.SOPClassUID), UID(one.file_meta.TransferSyntaxUID)) for one in objects
    )
    for sop_class, syntax in pairs:
        application.add_requested_context(sop_class, syntax)
    association = application.associate(
        destination.host, destination.port, ae_title=destination.title
    )
    if association.is_established:
        return association
    if association.is_rejected:
        raise UnreachableError(f"{destination.title} rejected the association")
    raise UnreachableError(
        f"{destination.title} cannot be reached at {destination.host}:{destination.port}"
    )


def _store(association: Association, destination: Destination, stored: FileDataset) -> None:
    name = UID(stored.SOPClassUID).name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = association.send_c_store(stored)
    except ValueError as error:  # no presentation context was accepted for it
        raise RefusedError(f"{destination.title} does not take {name}: {error}") from error
    except RuntimeError as error:
        raise UnreachableError(f"{destination.title} ended the association") from error
    status = answer.get("Status")
    if status is None:
        raise UnreachableError(f"{destination.title} did not answer for {name}")
    if status == 0x0000 or 0xB000 <= status < 0xC000:
        return
    said = f"{destination.title} answered {status:04X} for {name}"
    raise (UnreachableError if status in _OUT_OF_RESOURCES else RefusedError)(said)
