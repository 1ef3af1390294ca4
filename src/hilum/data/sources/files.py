"""Which files lie below a folder, asked for by the names that lists give them.

Public archives unpack into all sorts of folders, so a listed file is looked for by its base name
wherever it lies; only where one name occurs in several folders does the folder in the list, or the
kind of folder (masks are no films), decide. The tree is walked once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
    _tails: dict[int, dict[str, list[str]]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @classmethod
    def walk(cls, root: Path) -> Files:
        """List the images below `root`, hidden folders and folders of masks left out.

        A link to a folder elsewhere is followed, once; one to a folder within `root` is not, nor
        one to a folder around it.
        """
        by_name: dict[str, list[str]] = {}
        inside = [os.path.realpath(root)]
        for folder, below, names in os.walk(root, followlinks=True):
            below[:] = [
                name
                for name in sorted(below)
                if name[0] != "."
                and name.lower() not in _NOT_FILMS
                and _to_enter(f"{folder}/{name}", inside)
            ]
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

    def find_path(self, file: str, root: str) -> Found | None:
        """Return where a listed path lies, if its every folder is there too.

        For lists in which `patient7/view1.png` is not `patient8/view1.png`. The first folders of
        the path may be the last ones of `root`, and folders below `root` may be missing from it.

        Args:
            file: As listed; absolute, or relative to any folder.
            root: Absolute path of what was walked.
        """
        if file in self.every:
            return Found(file, "")
        parts = file.lower().strip("/").split("/")
        above = f"/{root.lower().strip('/')}"
        fits = self._ending("/".join(parts), len(parts))
        for depth in range(1, len(parts)):
            if above.endswith("/" + "/".join(parts[:depth])):
                tail = parts[depth:]
                below = self._ending("/".join(tail), len(tail))
                fits += [path for path in below if path.count("/") == len(tail) - 1]
        return Found(fits[0], "") if len(fits) == 1 else None

    def _ending(self, tail: str, parts: int) -> list[str]:
        """Return the paths whose last parts are these; 100,000 paths may have one base name."""
        if parts not in self._tails:
            index: dict[str, list[str]] = {}
            for path in self.every:
                last = path.lower().split("/")[-parts:]
                index.setdefault("/".join(last), []).append(path)
            self._tails[parts] = index
        return [*self._tails[parts].get(tail, ())]


def _to_enter(folder: str, inside: list[str]) -> bool:
    """Tell whether a folder is to be walked; adds to `inside` where a link to it leads."""
    if not os.path.islink(folder):  # noqa: PTH114 - speed
        return True
    target = f"{os.path.realpath(folder)}/"
    if any(target.startswith(f"{known}/") or f"{known}/".startswith(target) for known in inside):
        return False
    inside.append(target.rstrip("/"))
    return True


def _base(file: str) -> str:
    return file.rpartition("/")[2].lower()


def _closest(file: str, paths: Sequence[str]) -> str:
    """Return the path that shares most of its last folders with the listed one."""
    if len(paths) == 1:
        return paths[0]
    wanted = file.lower().split("/")[::-1]
    name = file.rpartition("/")[2]

    def shared(path: str) -> int:
        parts = path.lower().split("/")[::-1]
        return next(
            (i for i, (a, b) in enumerate(zip(wanted, parts, strict=False)) if a != b),
            min(len(wanted), len(parts)),
        )

    def rank(path: str) -> tuple[int, bool, int, str]:
        return shared(path), path.endswith(name), -path.count("/"), path

    return max(paths, key=rank)
