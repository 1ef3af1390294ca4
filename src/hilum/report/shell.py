"""What every page of hilum is made with: its templates, and pictures inside the file.

A page is one HTML file: it opens anywhere, prints, and asks nothing of the network. The shell and
the style that all pages share are `templates/_shell.html` and `templates/_style.css`.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from hilum.report.drawing import percent

__all__ = ["Picture", "embedded", "environment", "jpeg_uri"]

_WIDEST = 1360
_QUALITY = 80
_DPI, _CSS_PX = 150, 110
"""Dots an inch in the PNGs, and the CSS pixels that an inch of them takes at most."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A file of the folder and what the page says of it.

    Args:
        file: Name of the PNG.
        caption: What is seen.
        alt: The same for who cannot see it, with the numbers that matter.
        film: Whether it shows radiographs, whose greys must never be turned or tinted.
        wide: Whether it needs the page's whole width.
    """

    file: str
    caption: str
    alt: str
    film: bool = False
    wide: bool = False


def environment(filters: Mapping[str, Any] | None = None) -> Environment:
    """Return the environment in which every page is rendered: all text is escaped.

    Args:
        filters: Further filters of this page's template, by name.
    """
    made = Environment(
        loader=PackageLoader("hilum.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["percent"] = percent
    made.filters.update(filters or {})
    return made


def embedded(path: Path, picture: Picture) -> dict[str, Any]:
    """Return a picture as a data URI, with its width and height on the page in CSS pixels.

    Charts are embedded as they are; pictures of films as JPEG, so that the page stays small enough
    to be sent, while the PNG beside it keeps every pixel.

    Args:
        path: Of the PNG.
        picture: What it shows.
    """
    with Image.open(path, formats=["PNG"]) as found:
        width, height = (round(side * _CSS_PX / _DPI) for side in found.size)
        small = found.convert("RGB") if picture.film else None
    if small is None:
        uri = f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode()}"
    else:
        small.thumbnail((_WIDEST, 4 * _WIDEST), Image.Resampling.LANCZOS)
        uri = jpeg_uri(small)
    return {"source": uri, "width": width, "height": height}


def jpeg_uri(picture: Image.Image, quality: int = _QUALITY) -> str:
    """Return a picture as the data URI of a JPEG.

    Args:
        picture: Grey or RGB.
        quality: 1 to 95.
    """
    content = io.BytesIO()
    picture.save(content, format="JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(content.getvalue()).decode()}"
