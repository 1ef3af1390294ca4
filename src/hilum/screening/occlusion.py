"""What the answer loses when a place of the picture is covered: a slow, plain second opinion.

A patch slides over the prepared square and the network is asked anew for each place. Nothing is
assumed of the network, no gradient is taken and torch is not needed: what falls was needed for the
answer. It costs one inference a place.

A covered place shows the picture's own mean grey, or the picture blurred there (`Fill`). Neither
is a film any more, and both are known to mislead: mean grey in a dark lung looks a little like an
opacity, a blurred opacity is still an opacity. `docs/second-opinions.md` measures both.

References:
    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section
    4.2 (occlusion sensitivity, grey patch).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from hilum.data.preprocessing import normalize
from hilum.errors import BundleError
from hilum.screening.engine import Engine, to_probabilities
from hilum.screening.record import BundleRecord

__all__ = ["FILLS", "Drops", "Fill", "Occluder", "Places"]

Fill = Literal["mean", "blur"]
FILLS: tuple[Fill, ...] = ("mean", "blur")
Grey = NDArray[np.uint8]

_BATCH_PIXELS = 8 * 224 * 224
"""Pixels of a batch: batching gains next to nothing on a processor, and memory grows with it."""

_PATCH_CELLS, _STRIDE_CELLS = 2.0, 0.5
"""Defaults, in cells of the network's own map."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where patches lie on a square.

    Args:
        size: Side of the square in pixels.
        patch: Side of the patch in pixels; at the border it is cut off.
        across: Places along each side; place i has its centre at (i + 1/2) * size / across, so
            that a map with a cell a place lies on the square without shift.
    """

    size: int
    patch: int
    across: int

    @classmethod
    def every(cls, size: int, *, patch: int, stride: int) -> Places:
        """Spread places evenly, no further apart than `stride`, so that every pixel is covered.

        Raises:
            ValueError: If the patch or the stride is no length within the square, or the stride
                would leave pixels that are never covered.
        """
        if not 1 <= patch <= size:
            raise ValueError(f"patch must be in [1, {size}] pixels, got {patch}")
        if not 1 <= stride <= patch:
            raise ValueError(
                f"stride must be in [1, {patch}] pixels, the patch, or parts of the film would "
                f"never be covered; got {stride}"
            )
        return cls(size, patch, math.ceil(size / stride))

    def spans(self) -> list[slice]:
        """Return the pixels that each place covers along one side."""
        centres = (np.arange(self.across) + 0.5) * self.size / self.across
        first = np.floor(centres - self.patch / 2 + 0.5).astype(int)
        return [
            slice(max(start, 0), min(start + self.patch, self.size)) for start in first.tolist()
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drops:
    """What covering takes from each class, place by place; negative where it adds.

    Args:
        logits: Drop of the class's logit, shape (classes, places, places). Of a binary network the
            first class's logit is the negative of the one there is.
        probabilities: Drop of its calibrated probability, same shape.
        places: Where the patches lay.
        fill: What they showed.
        runs: Inferences made.
    """

    logits: NDArray[np.float32]
    probabilities: NDArray[np.float32]
    places: Places
    fill: Fill
    runs: int

    @property
    def evidence(self) -> NDArray[np.float32]:
        """The drops of the logits where above 0: what Grad-CAM's rectified map stands beside."""
        return np.maximum(self.logits, 0)


class Occluder:
    """Covers places of prepared pictures and asks the network each time.

    Args:
        engine: The network.
        record: Of its bundle.
        patch: Side of the patch in network pixels; None for two cells of the network's map.
        stride: Distance of places in network pixels, at most; None for half a cell.
        fill: What a covered place shows.

    Raises:
        ValueError: If patch, stride or fill cannot be.
    """

    def __init__(
        self,
        engine: Engine,
        record: BundleRecord,
        *,
        patch: int | None = None,
        stride: int | None = None,
        fill: Fill = "mean",
    ) -> None:
        if fill not in FILLS:
            raise ValueError(f"fill must be one of {', '.join(FILLS)}, got {fill!r}")
        self._engine, self._record, self.fill = engine, record, fill
        self._patch, self._stride = patch, stride
        size = record.preprocessing.size
        if patch is not None or stride is not None:
            Places.every(size, patch=patch or size, stride=stride or 1)
        self.batch = max(1, _BATCH_PIXELS // size**2)

    def __call__(self, picture: Grey) -> Drops:
        """Return what covering each place of a picture takes from every class.

        Args:
            picture: As `prepare` made it, shape (size, size).

        Raises:
            BundleError: If the network fails or gives NaN or infinity.
            ValueError: If the stride given does not fit the patch.
        """
        whole, cells = self._ask(picture[None])
        places = self._places(cells)
        found = [self._ask(batch)[0] for batch in self._covered(picture, places)]
        logits = np.concatenate([one[0] for one in found])
        probabilities = np.concatenate([one[1] for one in found])
        shape = (-1, places.across, places.across)
        return Drops(
            logits=(whole[0] - logits).T.reshape(shape).astype(np.float32),
            probabilities=(whole[1] - probabilities).T.reshape(shape).astype(np.float32),
            places=places,
            fill=self.fill,
            runs=places.across**2 + 1,
        )

    def _places(self, cells: int) -> Places:
        size = self._record.preprocessing.size
        patch = self._patch or min(size, max(1, round(_PATCH_CELLS * size / cells)))
        stride = self._stride or min(patch, max(1, round(_STRIDE_CELLS * size / cells)))
        return Places.every(size, patch=patch, stride=stride)

    def _covered(self, picture: Grey, places: Places) -> Iterator[Grey]:
        """Yield batches of the picture with one place covered, row by row."""
        cover = _cover(picture, self.fill, places.patch)
        spans = places.spans()
        spots = [(rows, columns) for rows in spans for columns in spans]
        for start in range(0, len(spots), self.batch):
            some = spots[start : start + self.batch]
            batch = np.repeat(picture[None], len(some), axis=0)
            for one, (rows, columns) in zip(batch, some, strict=True):
                one[rows, columns] = cover[rows, columns]
            yield batch

    def _ask(self, pictures: Grey) -> tuple[tuple[NDArray[np.float64], NDArray[np.float64]], int]:
        """Return logits and probabilities, each (n, classes), and the side of the map."""
        record = self._record
        logits, cams = self._engine.run(normalize(pictures, record.preprocessing))
        if not np.isfinite(logits).all():
            raise BundleError("The network gave NaN or infinity for a film with a place covered.")
        binary = record.task == "binary"
        probabilities = to_probabilities(logits, temperature=record.temperature, binary=binary)
        by_class = np.concatenate([-logits, logits], axis=1) if binary else logits
        return (by_class.astype(np.float64), probabilities), max(cams.shape[2:])


def _cover(picture: Grey, fill: Fill, patch: int) -> Grey:
    """Return what lies under the patches, as large as the picture."""
    if fill == "mean":
        return np.full_like(picture, np.rint(picture.mean()))
    blurred = Image.fromarray(picture).filter(ImageFilter.GaussianBlur(patch / 2))
    return np.asarray(blurred)
