"""Whether what lies in a folder is the data set it should be, however it came there.

For sets that hilum fetched and for those that a person had to log in for. It looks at the label
lists, the number of images and every image's ends; which images are the right ones is for the
build to say, which knows the lists.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from hilum.data.fetch.endings import image_fault
from hilum.data.fetch.receipt import RECEIPT_NAME, Receipt
from hilum.data.folder_lock import LOCK_NAME
from hilum.data.manifest_layouts import IMAGE_SUFFIXES
from hilum.data.sources.source import Card
from hilum.errors import DataError

__all__ = ["Arrival", "check_folder"]

_ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar")
_UNFINISHED = (".part", ".crdownload", ".download", ".partial", ".aria2")
_SHOWN = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """What lies in a data set's folder."""

    name: str
    images: int
    expected: int | None
    """Images as published; None if it varies."""

    lists: tuple[str, ...]
    """Label lists found, relative to the folder."""

    missing_lists: tuple[str, ...]
    """Names or patterns of lists that were not found."""

    faulty: tuple[tuple[str, str], ...]
    """(path, what is wrong with it) of each file that is damaged."""

    changed: tuple[str, ...]
    """What is no longer as hilum fetched it."""

    packed: tuple[str, ...]
    """Archives that may still have to be unpacked."""

    unfinished: tuple[str, ...]
    """Downloads that did not end."""

    @property
    def right(self) -> bool:
        """Whether nothing was found that would make a build wrong or poorer."""
        short = self.expected is not None and self.images < self.expected
        lists = self.missing_lists or self.unfinished
        return not (short or lists or self.faulty or self.changed or not self.images)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        return {**asdict(self), "right": self.right}

    def text(self) -> str:
        """Return what a person should read, with up to ten examples of everything."""
        of = f" of {self.expected:,} published" if self.expected is not None else ""
        lines = [f"{self.name}: {self.images:,} images{of}"]
        lines += [f"list: {path}" for path in self.lists[:_SHOWN]]
        lines += _more(self.lists)
        lines += [f"missing: no list {name} anywhere below" for name in self.missing_lists]
        for title, rows in (
            ("damaged", [f"{path} {what}" for path, what in self.faulty]),
            ("changed", list(self.changed)),
            ("unfinished", list(self.unfinished)),
            ("packed", list(self.packed) if not self.right else []),
        ):
            lines += [f"{title}: {row}" for row in rows[:_SHOWN]]
            lines += _more(rows)
        lines.append("Nothing is wrong with it." if self.right else "Something is wrong with it.")
        return "\n".join(lines)


def check_folder(
    card: Card, root: Path, progress: Callable[[int, int], None] | None = None
) -> Arrival:
    """Look at everything below a folder.

    Args:
        card: The data set that should be there.
        root: The folder.
        progress: Called with images looked at, and how many there are.

    Raises:
        DataError: If there is no such folder.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder {root} to check; expected {card.title} in it.")
    files = [path for path in _walk(root) if Path(path).name not in (RECEIPT_NAME, LOCK_NAME)]
    images = [path for path in files if Path(path).suffix.lower() in IMAGE_SUFFIXES]
    faulty = []
    for done, path in enumerate(images, 1):
        if fault := image_fault(root / path):
            faulty.append((path, fault))
        if progress is not None:
            progress(done, len(images))
    lists = {name: _named(files, name) for name in card.labels}
    found = sorted({path for paths in lists.values() for path in paths})
    faulty += [(path, "is empty") for path in found if not (root / path).stat().st_size]
    receipt = Receipt.read(root)
    return Arrival(
        name=card.name,
        images=len(images),
        expected=card.images,
        lists=tuple(found),
        missing_lists=tuple(name for name, paths in lists.items() if not paths),
        faulty=tuple(faulty),
        changed=tuple(
            line
            for entry in (receipt.entries if receipt else {}).values()
            for line in entry.faults(root)
        ),
        packed=tuple(path for path in files if path.lower().endswith(_ARCHIVES)),
        unfinished=tuple(path for path in files if path.lower().endswith(_UNFINISHED)),
    )


def _walk(root: Path) -> Iterator[str]:
    """Yield every file, sorted, relative to the root, with forward slashes."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if name not in (".git", "__MACOSX"))
        within = Path(folder).relative_to(root)
        yield from ((within / name).as_posix() for name in sorted(names))


def _named(files: list[str], pattern: str) -> list[str]:
    """Return the files whose name, whatever its case, fits a pattern."""
    return [path for path in files if fnmatchcase(Path(path).name.lower(), pattern.lower())]


def _more(rows: object) -> list[str]:
    count = len(rows) - _SHOWN if isinstance(rows, (list, tuple)) else 0
    return [f"... and {count:,} more like these"] if count > 0 else []
