"""The folder a report is written to."""

from __future__ import annotations

from pathlib import Path

from hilum.errors import DataError

__all__ = ["made_folder"]


def made_folder(folder: str | Path) -> Path:
    """Make a folder, and those above it, unless it is there.

    Raises:
        DataError: If it cannot be made, or a file has its name.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"Cannot make the folder {place}: {error.strerror}.") from error
    return place
