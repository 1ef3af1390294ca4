"""Notice that the bundle was exchanged or changed while an archive is screened."""

from __future__ import annotations

from hilum.errors import BundleError
from hilum.screening.bundle import Bundle

__all__ = ["BundleWatch"]


class BundleWatch:
    """A bundle that must stay what it was.

    Args:
        folder: The bundle's folder; it is loaded and verified.

    Raises:
        BundleError: If it cannot be used.
    """

    def __init__(self, folder: str) -> None:
        self._marks = _marks(folder)
        self.bundle = Bundle.load(folder)

    def check(self) -> None:
        """Compare sizes and times of the bundle's files, and their hashes where those differ.

        Raises:
            BundleError: If it is no longer the same bundle.
        """
        folder = str(self.bundle.folder)
        marks = _marks(folder)
        if marks == self._marks:
            return
        try:
            found = Bundle.load(folder)
        except BundleError as error:
            raise BundleError(f"{_changed(folder)} {error}") from error
        if found.id != self.bundle.id:
            raise BundleError(
                f"{_changed(folder)} Expected {self.bundle.id[:12]}, got {found.id[:12]}. "
                "Put the first one back and go on with --resume, or begin anew in another folder."
            )
        self._marks = marks


def _changed(folder: str) -> str:
    return f"The bundle {folder} was changed while the archive was screened."


def _marks(folder: str) -> list[tuple[str, int, int, int]]:
    """Return what changes whenever a file of a folder does."""
    import os

    try:
        with os.scandir(folder) as scan:
            stats = [(entry.name, entry.stat()) for entry in scan]
    except OSError:
        return []
    return sorted((name, s.st_size, s.st_mtime_ns, s.st_ino) for name, s in stats)
