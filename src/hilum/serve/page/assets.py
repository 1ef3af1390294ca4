"""Scripts and styles: read once, served from memory under a path that changes with their bytes.

A browser may keep them forever: other bytes have another path. What is not in the table is not
there, so that no request can name a file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

from hilum.screening.colours import heat_colours

__all__ = ["Assets", "assets"]

_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Assets:
    """Everything a page loads.

    Args:
        version: 16 hexadecimal digits that stand for all bytes.
        content: Bytes by name.
    """

    version: str
    content: Mapping[str, bytes]

    def path(self, name: str) -> str:
        """Return where a page finds an asset.

        Raises:
            KeyError: If there is none of this name.
        """
        if name not in self.content:
            raise KeyError(name)
        return f"/static/{self.version}/{name}"

    @staticmethod
    def media_type(name: str) -> str:
        """Return what kind of file it is, by its ending."""
        return _TYPES[name[name.rindex(".") :]]


@cache
def assets() -> Assets:
    """Return the assets of this version of hilum."""
    folder = files("hilum.serve.page") / "static"
    content = {
        each.name: each.read_bytes()
        for each in folder.iterdir()
        if each.name[each.name.rfind(".") :] in _TYPES
    }
    content["heat-colours.js"] = _heat_colours()
    digest = hashlib.sha256()
    for name in sorted(content):
        digest.update(f"{name}\0{len(content[name])}\0".encode())
        digest.update(content[name])
    return Assets(digest.hexdigest()[:16], MappingProxyType(content))


def _heat_colours() -> bytes:
    """Return the colours of heat as a script, from the table that drawn pictures use."""
    table = json.dumps(heat_colours().tolist(), separators=(",", ":"))
    return f"/** sRGB of heat 0 to 255. */\nexport const HEAT_COLOURS = {table};\n".encode()
