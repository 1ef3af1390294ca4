"""Single values out of a DICOM data set that may hold anything.

pydicom decodes an element when it is asked for, and a damaged one raises then. Here a value that is
missing, empty, multiple or damaged becomes None or "", and the caller decides what that means.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from hilum.data.reading.boundary import DECODER_ERRORS

__all__ = ["DICOM_ERRORS", "binary", "first_item", "number", "numbers", "text", "whole"]

DICOM_ERRORS = (*DECODER_ERRORS, InvalidDicomError)

_LONGEST = 256


def _value(dataset: Dataset, keyword: str) -> object:
    try:
        return dataset.get(keyword)
    except DICOM_ERRORS:
        return None


def binary(dataset: Dataset, keyword: str) -> bytes:
    """Return a value as bytes; empty if there is none."""
    value = _value(dataset, keyword)
    return bytes(value) if isinstance(value, (bytes, bytearray)) else b""


def text(dataset: Dataset, keyword: str) -> str:
    r"""Return a value as one line of at most 256 characters; "" if there is none.

    Control and formatting characters are removed, so that nothing from a file can forge a line of
    a log or a terminal command. Several values are joined by a backslash, as DICOM writes them.
    """
    value = _value(dataset, keyword)
    if value is None or isinstance(value, (bytes, bytearray)):
        return ""
    several = isinstance(value, Sequence) and not isinstance(value, str)
    try:
        joined = "\\".join(str(part) for part in value) if several else str(value)  # type: ignore[attr-defined]
    except DICOM_ERRORS:
        return ""
    kept = "".join(
        c for c in joined if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp")
    )
    return kept.strip()[:_LONGEST]


def numbers(dataset: Dataset, keyword: str) -> list[float]:
    """Return a value as floats, NaN where a part is no number; [] if there is none."""
    value = _value(dataset, keyword)
    if value is None or value == "":
        return []
    parts = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [_float(part) for part in parts]


def _float(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]
    except DICOM_ERRORS:
        return math.nan


def number(dataset: Dataset, keyword: str) -> float | None:
    """Return the first value as a float (perhaps NaN); None if there is none."""
    return next(iter(numbers(dataset, keyword)), None)


def whole(dataset: Dataset, keyword: str) -> int | None:
    """Return the first value as an int; None if there is none or it is not whole."""
    value = number(dataset, keyword)
    return int(value) if value is not None and value.is_integer() else None


def first_item(dataset: Dataset, keyword: str) -> Dataset | None:
    """Return the first item of a sequence; None if it has none."""
    value = _value(dataset, keyword)
    if isinstance(value, Sequence) and len(value) and isinstance(value[0], Dataset):
        return value[0]
    return None
