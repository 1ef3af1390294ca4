"""Where the lungs are: a small network finds them, and says when it did not.

The mask is what a reader would outline, the lung behind the heart included, as on the masks it
learnt from. It serves audits that black out lungs or look at nothing else, and nothing else: it
measures no lung, and a mask that is not `good` is not to be used. Research use only.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.preprocessing import normalize, prepare
from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError
from hilum.screening.bundle import Bundle
from hilum.screening.lungs_components import filled, label_parts
from hilum.screening.lungs_network import LungNetwork
from hilum.screening.lungs_quality import MaskLimits, MaskQuality, overlap, weigh

__all__ = ["SHIPPED", "LungMask", "LungSegmenter", "describe_drawn"]

SHIPPED = Path(__file__).parent / "lung_segmenter"
"""The segmenter that comes with hilum."""

CLASSES = ("outside", "lung")
_Grid = NDArray[np.float32]
_SMALLEST_LUNG = 0.002
"""Parts smaller than this share of the film are no lung."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LungMask:
    """The lungs of a film, and whether to believe them.

    Args:
        mask: True where lung is, shape (height, width) of the film.
        quality: What the mask looks like, in figures.
        reasons: Why it is poor, one sentence each; none if it is good.
    """

    mask: NDArray[np.bool_]
    quality: MaskQuality
    reasons: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether it looks like two lungs, found without much doubt."""
        return not self.reasons

    @property
    def faults(self) -> tuple[str, ...]:
        """The reasons without the film's own figures, so that films can be counted by them."""
        return tuple(reason.partition(" (")[0] for reason in self.reasons)

    @property
    def words(self) -> str:
        """The judgement in a sentence."""
        if self.good:
            return f"good: two lungs on {self.quality.area:.0%} of the film"
        return f"poor: {'; '.join(self.reasons)}"

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the mask as plain values for JSON."""
        return {"good": self.good, "reasons": list(self.reasons), **self.quality.to_dict()}


class LungSegmenter:
    """Finds the lungs on frontal chest radiographs.

    Args:
        bundle: A bundle whose task is segmentation, already verified.
        threads: Threads of the network.

    Raises:
        BundleError: If the bundle finds no lungs, or its network is not that of its record.
    """

    def __init__(self, bundle: Bundle, *, threads: int = 1) -> None:
        record = bundle.record
        if record.task != "segmentation" or record.classes != CLASSES:
            raise BundleError(
                f"The bundle {bundle.folder} does not find lungs: expected a segmentation of "
                f"{CLASSES}, got task {record.task} with classes {record.classes}."
            )
        how = record.preprocessing
        if how.top or how.square == "crop":
            raise BundleError(
                f"The bundle {bundle.folder} does not see whole films: a segmenter pads or "
                f"stretches them, got top {how.top} and square {how.square!r}."
            )
        self.bundle = bundle
        self._limits = MaskLimits.from_dict(record.gate.get("mask_limits"))
        self._network = LungNetwork(bundle, threads=threads)

    @classmethod
    def load(cls, folder: str | Path | None = None, *, threads: int = 1) -> LungSegmenter:
        """Open a segmenter and check every file of it.

        Args:
            folder: The folder; None for the one that comes with hilum.
            threads: Threads of the network.

        Raises:
            BundleError: If a file is missing or changed, or the bundle finds no lungs.
        """
        return cls(Bundle.load(SHIPPED if folder is None else folder), threads=threads)

    @property
    def id(self) -> str:
        """SHA-256 over the record, hexadecimal: the name of exactly this segmenter."""
        return self.bundle.id

    def mask(self, film: Radiograph | NDArray[np.uint8]) -> LungMask:
        """Find the lungs of a film.

        Args:
            film: A radiograph, or grey levels (height, width), brighter = denser.

        Returns:
            The mask, at the size of the film given, and a judgement of it. Look at `good`.

        Raises:
            ValueError: If an array is no picture of 8-bit grey levels.
            BundleError: If the network fails.
        """
        radiograph = film if isinstance(film, Radiograph) else _radiograph(film)
        plain, mirrored = self._probabilities(radiograph)
        likely = np.asarray((plain + mirrored) / 2, np.float32)
        kept = _two_lungs(likely)
        agreement = overlap(plain >= 0.5, mirrored >= 0.5)[0]
        quality = weigh(kept, likely, agreement if (plain >= 0.5).any() else 0.0)
        return LungMask(
            mask=_enlarged(kept, likely, radiograph.shape),
            quality=quality,
            reasons=self._limits.reasons(quality),
        )

    def _probabilities(self, film: Radiograph) -> tuple[_Grid, _Grid]:
        """Return the probability of lung on the film's part of the grid, as is and mirrored."""
        how = self.bundle.record.preprocessing
        image = normalize(prepare(film, how)[None], how)
        found = self._network.run(np.concatenate([image, image[..., ::-1]]))[:, 0]
        top, left, height, width = how.region(film.shape)
        rows = _span(-top, film.shape[0], height, how.size)
        columns = _span(-left, film.shape[1], width, how.size)
        return found[0][rows, columns], found[1][:, ::-1][rows, columns]


def describe_drawn(mask: NDArray[np.bool_], size: int = 192) -> MaskQuality:
    """Return the figures of a mask that somebody drew, as if a network had been sure of it.

    Args:
        mask: True where lung is, shape (height, width).
        size: Longer side in pixels at which it is looked at.
    """
    scale = size / max(mask.shape)
    height, width = (max(1, round(side * scale)) for side in mask.shape)
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    small = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
    likely = small.astype(np.float32) / np.float32(255)
    return weigh(_two_lungs(likely), likely, 1.0)


def _span(start: int, length: int, whole: int, size: int) -> slice:
    """Return which of `size` cells over `whole` pixels hold pixels `start` to `start + length`."""
    first = min(round(start * size / whole), size - 1)
    return slice(first, max(first + 1, round((start + length) * size / whole)))


def _radiograph(pixels: NDArray[np.uint8]) -> Radiograph:
    if pixels.ndim != 2 or pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise ValueError(
            "Expected grey levels, uint8 of shape (height, width), got "
            f"{pixels.dtype} of shape {pixels.shape}. Read files with read_radiograph."
        )
    shape = (pixels.shape[0], pixels.shape[1])
    return Radiograph(pixels=pixels, white=255, format="png", sha256="", full_shape=shape)


def _two_lungs(likely: _Grid) -> NDArray[np.int64]:
    """Return the two largest parts, 1 and 2, without holes; 0 elsewhere."""
    parts = label_parts(likely >= 0.5)
    kept = np.zeros(parts.shape, np.int64)
    for number in (1, 2):
        part = parts == number
        if part.sum() >= _SMALLEST_LUNG * part.size:
            kept[filled(part) & (kept == 0)] = number
    return kept


def _enlarged(kept: NDArray[np.int64], likely: _Grid, shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Return the kept parts at the film's size, their edges where the probability is a half."""
    inside = kept > 0
    soft = np.where(inside, np.maximum(likely, 0.5), np.where(likely < 0.5, likely, 0))
    grey = Image.fromarray(np.rint(soft * 255).astype(np.uint8))
    large = grey.resize((shape[1], shape[0]), Image.Resampling.BILINEAR)
    return np.asarray(large) >= 128
