"""A radiograph: pixels, and what is known of them.

This record is what every reader returns and every later step takes. It is separate from the
readers so that nothing downstream depends on a file format.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Radiograph"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Radiograph:
    """One greyscale radiograph, brighter = denser, with the facts that came with it.

    Args:
        pixels: Grey values, shape (height, width), uint8 or uint16. Zero is black; `white` is
            full brightness. Bone is bright whatever the file's photometric interpretation was.
        white: The value that stands for white: 255 for 8-bit files, up to 65535 for deeper ones.
        format: "png", "jpeg", "webp" or "dicom".
        sha256: Hash of the file's bytes, hexadecimal.
        full_shape: (height, width) of the image in the file; larger than `pixels` where a JPEG
            was decoded at a reduced scale.
        spacing_mm: Distance between pixel centres (rows, columns) in mm, of `pixels`, if known.
        spacing_kind: "calibrated" for PixelSpacing, "detector" for ImagerPixelSpacing.
        view: "PA", "AP", "LATERAL" or another view code as recorded, if known.
        facts: What else the file said of itself, for reports (DICOM keywords to text).
        history: What was done between the file and these pixels, in order.
        warnings: What looks doubtful but did not prevent reading.
    """

    pixels: NDArray[np.uint8] | NDArray[np.uint16]
    white: int
    format: Literal["png", "jpeg", "webp", "dicom"]
    sha256: str
    full_shape: tuple[int, int]
    spacing_mm: tuple[float, float] | None = None
    spacing_kind: Literal["calibrated", "detector"] | None = None
    view: str | None = None
    facts: Mapping[str, str] = field(default_factory=dict)
    history: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.pixels.ndim != 2 or self.pixels.dtype not in (np.uint8, np.uint16):
            raise ValueError(
                "pixels must be uint8 or uint16 of shape (height, width), "
                f"got {self.pixels.dtype} of shape {self.pixels.shape}"
            )
        if not 0 < self.white <= np.iinfo(self.pixels.dtype).max:
            raise ValueError(f"white must be in [1, dtype maximum], got {self.white}")

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of `pixels`."""
        height, width = self.pixels.shape
        return height, width
