"""RICORD 1c as COVID-Net's PNG files."""

from __future__ import annotations

from pathlib import Path

from hilum.data.sources import Request

WITHOUT_LISTS = True
FILES = (
    "MIDRC-RICORD-1C-419639-000238-46556-1.png",
    "MIDRC-RICORD-1C-SITE2-000105-65881-0.png",
    "other/stray.png",
)


def write(folder: Path) -> Request:
    """Make two films and an image of another name."""
    for name in FILES:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return Request(root=folder)
