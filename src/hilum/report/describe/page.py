"""A description as one HTML file: it opens anywhere, prints, and asks nothing of the network.

The charts are embedded as they are; pictures of films as JPEG, so that the page stays small enough
to be sent, while the PNGs beside it keep every pixel.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from PIL import Image

from hilum.report.describe.collect import UNKNOWN
from hilum.report.describe.drawing import Picture, percent
from hilum.report.describe.pictures import Gathered, statement

__all__ = ["page"]

_WIDEST = 1360
_QUALITY = 80
_ROWS = 40
_MAY_LACK = (("split", "split"), ("view", "view"), ("sex", "sex"), ("age", "age_group"))
_DPI, _CSS_PX = 150, 110
"""Dots an inch in the PNGs, and the CSS pixels that an inch of them takes at most."""


def page(
    record: dict[str, Any],
    gathered: Gathered,
    pictures: dict[str, list[Picture]],
    folder: Path,
) -> str:
    """Return the page's text.

    Args:
        record: Every number, as describe.json holds it.
        gathered: What was found out.
        pictures: By section.
        folder: Where the PNGs lie.
    """
    environment = Environment(
        loader=PackageLoader("hilum.report"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["percent"] = percent
    shown = {
        section: [(picture, _embedded(folder / picture.file, picture)) for picture in group]
        for section, group in pictures.items()
    }
    return environment.get_template("describe.html").render(
        record=record,
        facts=gathered.facts,
        confounding=gathered.confounding,
        statement=statement(gathered.confounding),
        sizes=gathered.sizes,
        pictures=shown,
        unsaid=[name for name, key in _MAY_LACK if _nothing_known(gathered, key)],
        unreadable=record["files"]["unreadable"],
        rows=_ROWS,
    )


def _nothing_known(gathered: Gathered, column: str) -> bool:
    return all(count.value == UNKNOWN for count in gathered.facts.counts[column])


def _embedded(path: Path, picture: Picture) -> dict[str, Any]:
    """Return a picture as a data URI, with its width and height on the page in CSS pixels."""
    with Image.open(path, formats=["PNG"]) as found:
        width, height = (round(side * _CSS_PX / _DPI) for side in found.size)
        small = found.convert("RGB") if picture.film else None
    kind, data = "png", path.read_bytes()
    if small is not None:
        small.thumbnail((_WIDEST, 4 * _WIDEST), Image.Resampling.LANCZOS)
        content = io.BytesIO()
        small.save(content, format="JPEG", quality=_QUALITY)
        kind, data = "jpeg", content.getvalue()
    uri = f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
    return {"source": uri, "width": width, "height": height}
