"""DICOM: computed and digital radiography, in every transfer syntax with a permissive decoder."""

from __future__ import annotations

import io
from typing import Any

from numpy.typing import NDArray
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset

from hilum.data.radiograph import Radiograph
from hilum.data.reading.colour import colour_warning, grey_picture
from hilum.data.reading.dicom_admission import admit
from hilum.data.reading.dicom_facts import doubts, facts, spacing, view
from hilum.data.reading.dicom_frame import decode_frame
from hilum.data.reading.dicom_grey import GreyLevels, grey_levels
from hilum.data.reading.dicom_syntax import Syntax, read_syntax
from hilum.data.reading.dicom_values import DICOM_ERRORS
from hilum.data.reading.document import Document

__all__ = ["read_dicom"]


def read_dicom(document: Document) -> Radiograph:
    """Decode a DICOM file that holds one radiograph.

    Raises:
        ImageReadError: If it is damaged, in a syntax that is not read, or no plain radiograph.
    """
    syntax = read_syntax(document)
    dataset = _parse(document, syntax)
    admit(dataset, document)
    stored = decode_frame(dataset, syntax, document)
    known = facts(dataset, syntax.uid)
    grey = _colour(stored, known) if stored.ndim == 3 else _grey(stored, dataset, document)
    height, width = int(stored.shape[0]), int(stored.shape[1])
    mm, kind = spacing(dataset)
    return Radiograph(
        pixels=grey.pixels,
        white=grey.white,
        format="dicom",
        sha256=document.sha256,
        full_shape=(height, width),
        spacing_mm=mm,
        spacing_kind=kind,
        view=view(dataset),
        facts=known,
        history=(f"decoded from {syntax.name}", *grey.history),
        warnings=(*grey.warnings, *doubts(dataset)),
    )


def _parse(document: Document, syntax: Syntax) -> Dataset:
    try:
        dataset = dcmread(io.BytesIO(document.data))
        found = str(dataset.file_meta.TransferSyntaxUID)
    except DICOM_ERRORS as error:
        raise document.refusal(
            f"expected a DICOM data set, got one that is damaged or cut short ({error})."
        ) from error
    if found != syntax.uid:
        raise document.refusal(f"expected the transfer syntax {syntax.uid}, got {found}.")
    return dataset


def _grey(stored: NDArray[Any], dataset: Dataset, document: Document) -> GreyLevels:
    try:
        return grey_levels(stored, dataset)
    except DICOM_ERRORS as error:
        raise document.refusal(f"its grey levels cannot be recovered: {error}.") from error


def _colour(stored: NDArray[Any], known: dict[str, str]) -> GreyLevels:
    """Turn RGB pixels grey; a window does not apply to them."""
    grey = grey_picture(Image.fromarray(stored))
    known["colourfulness"] = f"{grey.colourfulness or 0:.1f}"
    return GreyLevels(
        grey.pixels, grey.white, [*grey.history], [*colour_warning(grey.colourfulness)]
    )
