"""PNG, JPEG and WebP through Pillow.

Pillow's format classes are called by name, never `Image.open`: nothing else can be opened, and the
size in the header is judged here, before anything is decoded. Each is imported when the first film
of its format is met. Truncated files stay refused.
"""

from __future__ import annotations

import io
import struct
from typing import IO, TYPE_CHECKING, Any, Literal, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.radiograph import Radiograph
from hilum.data.reading.boundary import DECODER_ERRORS
from hilum.data.reading.colour import GreyPicture, colour_warning, grey_picture
from hilum.data.reading.document import Document

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from PIL.JpegImagePlugin import JpegImageFile

__all__ = ["read_raster"]

RasterFormat = Literal["png", "jpeg", "webp"]

_ORIENTATION = 274  # EXIF tag
_TURNS = {
    2: "mirrored left to right",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "mirrored along its main diagonal",
    6: "turned by 90 degrees clockwise",
    7: "mirrored along its other diagonal",
    8: "turned by 90 degrees anticlockwise",
}


def read_raster(document: Document, kind: RasterFormat) -> Radiograph:
    """Decode a PNG, JPEG or WebP file.

    Raises:
        ImageReadError: If it is damaged, cut short, too large, animated or CMYK.
    """
    picture = _open(document, kind)
    width, height = picture.size
    grey = _decode(document, kind, picture)
    turn, doubts = _orientation(picture)
    pixels, history = grey.pixels, [*grey.history]
    if turn in _TURNS:
        pixels = _turn(pixels, turn)
        height, width = (width, height) if turn >= 5 else (height, width)
        history.append(f"{_TURNS[turn]} as its EXIF orientation says")
    return Radiograph(
        pixels=pixels,
        white=grey.white,
        format=kind,
        sha256=document.sha256,
        full_shape=(height, width),
        facts=_facts(grey),
        history=tuple(history),
        warnings=(*colour_warning(grey.colourfulness), *doubts),
    )


def _open(document: Document, kind: RasterFormat) -> Image.Image:
    """Read the header and judge it."""
    if kind == "webp":  # Pillow allocates its canvas when it opens one
        document.check_size(*_webp_shape(document.data))
    try:
        picture = _header(kind, io.BytesIO(document.data))
    except DECODER_ERRORS as error:
        raise document.refusal(
            f"expected a {kind.upper()} image, got a header that cannot be read ({error})."
        ) from error
    document.check_size(picture.height, picture.width)
    frames = getattr(picture, "n_frames", 1)
    if frames > 1:
        raise document.refusal(f"expected one still image, got an animation of {frames} frames.")
    if picture.mode in ("CMYK", "YCCK"):
        raise document.refusal(
            "expected greys or RGB, got CMYK, a printer's colours. Save it as greyscale."
        )
    if kind == "png":  # only now that its size was judged
        from hilum.data.reading.png_inflate import open_stored

        return _header(kind, open_stored(document.data))
    return picture


def _header(kind: RasterFormat, file: IO[bytes]) -> ImageFile:
    """Return a picture of which nothing but the header is decoded."""
    if kind == "jpeg":
        from PIL.JpegImagePlugin import JpegImageFile

        return JpegImageFile(file)
    if kind == "webp":
        from PIL.WebPImagePlugin import WebPImageFile

        return WebPImageFile(file)
    from PIL.PngImagePlugin import PngImageFile

    return PngImageFile(file)


def _webp_shape(data: bytes) -> tuple[int, int]:
    """Return (height, width) from a WebP header; (1, 1) if it has none, for Pillow to refuse."""
    chunk, body = data[12:16], data[20:30].ljust(10, b"\0")
    if chunk == b"VP8X":
        return 1 + int.from_bytes(body[7:10], "little"), 1 + int.from_bytes(body[4:7], "little")
    if chunk == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 1)
        return 1 + (bits >> 14 & 0x3FFF), 1 + (bits & 0x3FFF)
    if chunk == b"VP8 ":
        width, height = struct.unpack_from("<HH", body, 6)
        return height & 0x3FFF, width & 0x3FFF
    return 1, 1


def _draft(picture: JpegImageFile, smallest_side: int | None) -> None:
    """Ask for a reduced decoding, and for luma and chroma instead of RGB where they are stored.

    The factor Pillow chooses is that of `reduction`.
    """
    size = (smallest_side, smallest_side) if smallest_side else None
    ids = tuple(layer[0] for layer in picture.layer)
    stored_as_rgb = picture.info.get("adobe_transform") == 0 or ids == (82, 71, 66)
    picture.draft(None if stored_as_rgb else "YCbCr", size)


def _decode(document: Document, kind: RasterFormat, picture: Image.Image) -> GreyPicture:
    try:
        if kind == "jpeg":
            _draft(cast("JpegImageFile", picture), document.smallest_side)
        picture.load()
        grey = grey_picture(picture)
    except DECODER_ERRORS as error:
        raise document.refusal(
            f"expected a whole {kind.upper()} image, got one damaged or cut short ({error})."
        ) from error
    if kind != "png" or document.data[24] != 16 or grey.pixels.dtype == np.uint16:
        return grey
    note = "16 bits a channel read by their high byte"
    return GreyPicture(grey.pixels, grey.white, grey.colourfulness, (note, *grey.history))


def _orientation(picture: Image.Image) -> tuple[int, tuple[str, ...]]:
    try:
        value = picture.getexif().get(_ORIENTATION, 1)
    except DECODER_ERRORS:
        return 1, (
            "Its EXIF data cannot be read: if it says how to turn the picture, that is lost.",
        )
    return (value if isinstance(value, int) else 1), ()


def _turn(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Return the pixels upright, given the EXIF orientation they were stored in."""
    if orientation >= 5:
        pixels = pixels.T
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return np.ascontiguousarray(pixels)


def _facts(grey: GreyPicture) -> dict[str, str]:
    if grey.colourfulness is None:
        return {}
    return {"colourfulness": f"{grey.colourfulness:.1f}"}
