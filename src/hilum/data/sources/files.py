"""Which files lie below a folder, asked for by the names that lists give them.

Public archives unpack into all sorts of folders, so a listed file is looked for by its base name
wherever it lies; only where one name occurs in several folders does the folder in the list, or the
kind of folder (masks are no films), decide. The tree is walked once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hilum.data.sources.aliases import aliases

__all__ = ["Files", "Found"]

_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp", ".dcm", ".dicom"})
_NOT_FILMS = frozenset(
    {
        "masks",
        "mask",
        "lung_masks",
        "lung masks",
        "lungvae-masks",
        "infection masks",
        "__macosx",
    }
)


@dataclass(frozen=True, slots=True)
class Found:
    """Where a listed file lies."""

    path: str
    """Relative to the folder that was walked, with forward slashes."""

    rule: str
    """Empty if the name is the listed one; else the rule of renaming that matched."""


@dataclass(frozen=True, slots=True)
class Files:
    """The images below a folder. Make one with `walk`.

    Args:
        by_name: Relative paths by base name in lower case; several where a name is not unique.
        every: The same paths, to tell at once whether one lies there; a tree of DICOM files may
            hold 100,000 of one name.
    """

    by_name: Mapping[str, Sequence[str]]
    every: frozenset[str] = frozenset()

    @classmethod
    def walk(cls, root: Path) -> Files:
        """List the images below `root`, hidden folders and folders of masks left out."""
        by_name: dict[str, list[str]] = {}
        for folder, below, names in os.walk(root):
            below[:] = sorted(
                name for name in below if name[0] != "." and name.lower() not in _NOT_FILMS
            )
            within = Path(folder).relative_to(root)
            for name in sorted(names):
                if name[0] != "." and os.path.splitext(name)[1].lower() in _SUFFIXES:  # noqa: PTH122
                    by_name.setdefault(name.lower(), []).append((within / name).as_posix())
        return cls(by_name, frozenset(path for paths in by_name.values() for path in paths))

    def __len__(self) -> int:
        return sum(map(len, self.by_name.values()))

    def paths(self) -> list[str]:
        """Return every image, sorted."""
        return sorted(path for found in self.by_name.values() for path in found)

    def find(self, file: str) -> Found | None:
        """Return where a listed file lies, under its own name or another it has had."""
        if file in self.every:
            return Found(file, "")
        if exact := self.by_name.get(_base(file)):
            return Found(_closest(file, exact), "")
        for name, rule in aliases(file):
            if other := self.by_name.get(name):
                return Found(_closest(file, other), rule)
        return None


def _base(file: str) -> str:
    return file.rpartition("/")[2].lower()


def _closest(file: str, paths: Sequence[str]) -> str:
    """Return the path that shares most of its last folders with the listed one."""
    if len(paths) == 1:
        return paths[0]
    wanted = file.lower().split("/")[::-1]

    def shared(path: str) -> int:
        parts = path.lower().split("/")[::-1]
        return next(
            (i for i, (a, b) in enumerate(zip(wanted, parts, strict=False)) if a != b),
            min(len(wanted), len(parts)),
        )

    return max(paths, key=lambda path: (shared(path), -path.count("/"), path))
