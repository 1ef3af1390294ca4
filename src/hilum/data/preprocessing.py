"""The only path from a radiograph to what a network sees.

Training, evaluation and screening all call `prepare` and `normalize` with the same small record,
so that "right weights, wrong pixels" cannot happen. The record's hash names the cache and is
written into every bundle. Resampling is Pillow's and the equalisers are those below: libraries
differ by several grey levels, so there is one of each.

The order is fixed: to 8 bits, strip cropped from the top, square, resize, equalise; then, on
batches, scale to [0, 1], subtract the mean, divide by the standard deviation, repeat channels.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.radiograph import Radiograph
from hilum.errors import ConfigError
from hilum.registry import suggestion

__all__ = ["Preprocessing", "clahe", "equalize", "normalize", "prepare", "to_uint8"]

PIXELS_VERSION = 1
"""Raised whenever `prepare` gives other pixels for the same record; part of `pixel_hash`."""

_MAX_SIZE = 4096
_PIXEL_FIELDS = ("top", "square", "size", "equalization")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preprocessing:
    """How a radiograph becomes network input. Recipes set these under `preprocessing:`."""

    top: float = 0.0
    """Share of the height cropped from the top, in [0, 0.5]; COVID-Net crops 0.08."""

    square: Literal["crop", "pad", "stretch"] = "crop"
    """Centre crop to the shorter side, pad the shorter side with black, or ignore the aspect."""

    size: int = 224
    """Side of the square in pixels, in [16, 4096]."""

    equalization: Literal["none", "histogram", "clahe"] = "none"
    """Histogram equalisation of the resized picture: none, global, or contrast limited."""

    channels: Literal[1, 3] = 1
    """Input channels of the network; with 3 the grey picture is repeated."""

    mean: tuple[float, ...] = (0.5,)
    """Subtracted after scaling to [0, 1]; one value, or one a channel."""

    std: tuple[float, ...] = (0.25,)
    """Divided by after the mean is subtracted; one value, or one a channel."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "mean", tuple(float(value) for value in self.mean))
        object.__setattr__(self, "std", tuple(float(value) for value in self.std))
        problems = list(self._problems())
        if problems:
            raise ConfigError("This preprocessing cannot be applied:", problems)
        # One spelling of each number, so that 0 and 0.0 in a recipe have the same hash.
        object.__setattr__(self, "top", float(self.top) + 0.0)
        object.__setattr__(self, "size", int(self.size))
        object.__setattr__(self, "channels", int(self.channels))

    def _problems(self) -> list[str]:
        found = []
        if not 0 <= self.top <= 0.5:
            found.append(f"top must be a share in [0, 0.5], got {self.top}")
        if self.square not in ("crop", "pad", "stretch"):
            found.append(f"square must be crop, pad or stretch, got {self.square!r}")
        if not 16 <= self.size <= _MAX_SIZE or int(self.size) != self.size:
            found.append(f"size must be whole and in [16, {_MAX_SIZE}] pixels, got {self.size}")
        if self.equalization not in ("none", "histogram", "clahe"):
            found.append(
                f"equalization must be none, histogram or clahe, got {self.equalization!r}"
            )
        if self.channels not in (1, 3):
            found.append(f"channels must be 1 or 3, got {self.channels}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) not in (1, self.channels):
                found.append(f"{name} must have 1 or {self.channels} values, got {len(values)}")
            if not all(math.isfinite(value) for value in values):
                found.append(f"{name} must be finite, got {values}")
        if any(value <= 0 for value in self.std):
            found.append(f"std must be above 0, got {self.std}")
        return found

    @property
    def decode_side(self) -> int:
        """Shorter side in pixels below which a reduced decoding would lose detail."""
        return math.ceil(self.size / (1 - self.top))

    @property
    def pixel_hash(self) -> str:
        """Name of the 8-bit pictures this record makes; the cache is keyed by it."""
        named = {name: getattr(self, name) for name in _PIXEL_FIELDS}
        return _digest({"version": PIXELS_VERSION, **named})

    @property
    def hash(self) -> str:
        """Name of the network input this record makes; written into every bundle."""
        return _digest({"version": PIXELS_VERSION, **self.to_dict()})

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values for JSON or YAML."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """Make a record from plain values, refusing keys it does not know.

        Raises:
            ConfigError: If a key is unknown or a value cannot be honoured.
        """
        known = [entry.name for entry in fields(cls)]
        unknown = [key for key in values if key not in known]
        if unknown:
            raise ConfigError(
                "This preprocessing has keys that this version of hilum does not know:",
                [f"{key!r}. {suggestion(key, known)}" for key in unknown],
            )
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise ConfigError(
                f"This preprocessing has a value of the wrong type: {error}"
            ) from error

    def region(self, shape: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return where in an image of `shape` the prepared square comes from.

        Args:
            shape: (height, width) of the radiograph in pixels.

        Returns:
            (top, left, height, width) in pixels of the radiograph. With padding, the region may
            begin before the image and end after it.
        """
        height, width = shape
        first = int(self.top * height)
        kept = height - first
        if self.square == "stretch":
            return first, 0, kept, width
        side = min(kept, width) if self.square == "crop" else max(kept, width)
        # Floor division also of negative numbers: padding then begins before the image.
        return first + (kept - side) // 2, (width - side) // 2, side, side


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def to_uint8(radiograph: Radiograph) -> NDArray[np.uint8]:
    """Return the pixels (height, width) scaled so that `white` becomes 255, and rounded."""
    if radiograph.pixels.dtype == np.uint8 and radiograph.white == 255:
        return radiograph.pixels.astype(np.uint8, copy=False)
    table = np.arange(np.iinfo(radiograph.pixels.dtype).max + 1, dtype=np.float64)
    table = np.minimum(np.rint(table * (255 / radiograph.white)), 255)
    return table.astype(np.uint8)[radiograph.pixels]


def equalize(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Spread the grey levels of an image so that each is about equally common.

    Level v becomes round(255 * (cdf(v) - cdf_min) / (n - cdf_min)), where n is the number of
    pixels and cdf_min the count of the darkest level present. A constant image is unchanged.

    Args:
        image: Grey levels, shape (height, width).

    References:
        Gonzalez and Woods, "Digital Image Processing", section 3.3.
    """
    picture = Image.fromarray(np.ascontiguousarray(image))
    counts = np.array(picture.histogram())  # Pillow counts and looks up twice as fast as NumPy
    first = int(counts[np.flatnonzero(counts)[0]])
    if first == image.size:
        return image.copy()
    # In float32, as OpenCV computes it, so that halves are rounded to the same side.
    step = np.float32(255) / np.float32(image.size - first)
    spread = (np.cumsum(counts) - first).astype(np.float32) * step
    return np.asarray(picture.point(np.rint(np.clip(spread, 0, 255)).tolist()))


def clahe(
    image: NDArray[np.uint8], *, clip_limit: float = 2.0, tiles: int = 8
) -> NDArray[np.uint8]:
    """Equalise in tiles with a limit on contrast, blending between tile centres.

    Args:
        image: Grey levels, shape (height, width).
        clip_limit: Ceiling on a histogram bin, as a multiple of the mean bin.
        tiles: Tiles along each side.

    References:
        Zuiderveld, "Contrast Limited Adaptive Histogram Equalization", Graphics Gems IV, 1994.
    """
    height, width = image.shape
    # Like OpenCV: if either side needs padding, both get some.
    even = height % tiles == 0 and width % tiles == 0
    pad_rows, pad_columns = (0, 0) if even else (tiles - height % tiles, tiles - width % tiles)
    padded = np.pad(image, ((0, pad_rows), (0, pad_columns)), mode="reflect")
    tile_height, tile_width = padded.shape[0] // tiles, padded.shape[1] // tiles
    blocks = padded.reshape(tiles, tile_height, tiles, tile_width).swapaxes(1, 2)
    tables = np.stack([_clipped_table(block, clip_limit) for block in blocks.reshape(tiles**2, -1)])
    tables = tables.reshape(tiles, tiles, 256)
    row0, row1, row_share = _neighbours(height, tile_height, tiles)
    col0, col1, col_share = _neighbours(width, tile_width, tiles)
    down, right = row_share[:, None], col_share[None, :]

    def look_up(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = tables[rows[:, None], columns[None, :], image]
        return found

    above = look_up(row0, col0) * (1 - right) + look_up(row0, col1) * right
    below = look_up(row1, col0) * (1 - right) + look_up(row1, col1) * right
    return np.rint(np.clip(above * (1 - down) + below * down, 0, 255)).astype(np.uint8)


def _clipped_table(tile: NDArray[np.uint8], clip_limit: float) -> NDArray[np.float32]:
    """Return the 256-entry grey table of one tile, its histogram clipped and refilled evenly."""
    counts = np.bincount(tile, minlength=256)
    ceiling = max(int(clip_limit * tile.size / 256), 1)
    surplus = int(np.maximum(counts - ceiling, 0).sum())
    counts = np.minimum(counts, ceiling) + surplus // 256
    left = surplus % 256
    if left:
        counts[:: max(256 // left, 1)][:left] += 1
    table: NDArray[np.float32] = np.rint(np.cumsum(counts) * (255.0 / tile.size)).astype(np.float32)
    return table


def _neighbours(
    length: int, tile: int, tiles: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return, for each pixel along an axis, its two nearest tiles and the share of the second."""
    position = np.arange(length) / tile - 0.5
    first = np.floor(position).astype(np.intp)
    share = (position - first).astype(np.float32)
    return np.clip(first, 0, tiles - 1), np.clip(first + 1, 0, tiles - 1), share


def _resize(image: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    top, left, height, width = preprocessing.region((image.shape[0], image.shape[1]))
    if preprocessing.square == "pad":
        first = int(preprocessing.top * image.shape[0])
        canvas = np.zeros((height, width), np.uint8)
        kept = image[first:]
        row, column = first - top, -left
        canvas[row : row + kept.shape[0], column : column + kept.shape[1]] = kept
    else:
        canvas = image[top : top + height, left : left + width]
    side = preprocessing.size
    picture = Image.fromarray(np.ascontiguousarray(canvas))
    return np.asarray(picture.resize((side, side), Image.Resampling.BICUBIC))


def prepare(radiograph: Radiograph, preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the 8-bit square picture that the cache stores and the network is given.

    Args:
        radiograph: As `read_radiograph` returned it.
        preprocessing: What to do.

    Returns:
        Grey levels, shape (size, size), contiguous. The same bytes for the same input, always.
    """
    square = _resize(to_uint8(radiograph), preprocessing)
    if preprocessing.equalization == "histogram":
        square = equalize(square)
    elif preprocessing.equalization == "clahe":
        square = clahe(square)
    return np.ascontiguousarray(square)


def normalize(images: NDArray[np.uint8], preprocessing: Preprocessing) -> NDArray[np.float32]:
    """Turn prepared pictures into network input: (grey / 255 - mean) / std.

    Args:
        images: Prepared pictures, shape (n, size, size).
        preprocessing: The record they were prepared with.

    Returns:
        Shape (n, channels, size, size), float32.

    Raises:
        ValueError: If `images` has another shape or type.
    """
    side = preprocessing.size
    if images.dtype != np.uint8 or images.ndim != 3 or images.shape[1:] != (side, side):
        raise ValueError(
            f"images must be uint8 of shape (n, {side}, {side}), "
            f"got {images.dtype} of shape {images.shape}"
        )
    shape = (1, preprocessing.channels, 1, 1)
    mean = np.broadcast_to(
        np.asarray(preprocessing.mean, np.float32), preprocessing.channels
    ).reshape(shape)
    std = np.broadcast_to(
        np.asarray(preprocessing.std, np.float32), preprocessing.channels
    ).reshape(shape)
    scaled = images[:, None].astype(np.float32) * np.float32(1 / 255)
    return np.ascontiguousarray((scaled - mean) / std, dtype=np.float32)
