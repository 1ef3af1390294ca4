"""A download that is not finished: the bytes so far, and what tells whether they still fit.

`.NAME.part` holds the bytes, `.NAME.part.json` the server's validator (its ETag, or the date of
change). The note is on the disk before the first byte is, so a process killed at any moment leaves
either something that can be continued or something that will be thrown away.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from email.message import Message
from pathlib import Path
from typing import BinaryIO

from hilum.data.atomic import PART_SUFFIX, replacing

__all__ = ["Origin", "Part"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Which version of which file the bytes belong to."""

    url: str
    etag: str = ""
    """A strong validator as the server wrote it, or empty."""

    modified: str = ""
    """The server's date of last change, or empty."""

    total: int | None = None
    """Bytes of the whole file as the server says; None if it does not."""

    @classmethod
    def of(cls, url: str, headers: Message, total: int | None) -> Origin:
        """Read an answer's headers; a weak ETag validates no range and counts as none."""
        etag = headers.get("ETag", "").strip()
        strong = etag if etag.startswith('"') else ""
        return cls(url, strong, headers.get("Last-Modified", "").strip(), total)

    @property
    def validator(self) -> str:
        """What to send as If-Range; empty if nothing is known."""
        return self.etag or self.modified

    def same_file(self, other: Origin) -> bool:
        """Say whether nothing that both know contradicts that they are one version."""
        pairs = ((self.etag, other.etag), (self.modified, other.modified))
        if any(mine and theirs and mine != theirs for mine, theirs in pairs):
            return False
        return None in (self.total, other.total) or self.total == other.total


class Part:
    """The unfinished download beside a target.

    Args:
        target: The file that will be.
        url: Where it comes from; bytes of another address are not continued.
    """

    def __init__(self, target: Path, url: str) -> None:
        self.path = target.with_name(f".{target.name}{PART_SUFFIX}")
        self._note = target.with_name(f".{target.name}{PART_SUFFIX}.json")
        self.origin = self._read(url)

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.path.stat().st_size if self.path.exists() else 0

    def begin(self, origin: Origin) -> None:
        """Throw away what is there and note what will come."""
        self.discard()
        with replacing(self._note) as file:
            file.write(json.dumps(asdict(origin)).encode())
        self.origin = origin

    def append(self) -> BinaryIO:
        """Open the bytes for writing at their end."""
        return self.path.open("ab")

    def discard(self) -> None:
        """Remove the bytes, then the note about them."""
        self.path.unlink(missing_ok=True)
        self._note.unlink(missing_ok=True)
        self.origin = replace(self.origin, etag="", modified="", total=None)

    def finish(self, target: Path) -> None:
        """Give the bytes, already flushed to the disk, their final name."""
        self.path.replace(target)
        self._note.unlink(missing_ok=True)

    def _read(self, url: str) -> Origin:
        try:
            origin = Origin(**json.loads(self._note.read_bytes()))
        except (OSError, ValueError, TypeError):
            origin = None
        if origin is None or origin.url != url:
            self.path.unlink(missing_ok=True)
            return Origin(url)
        return origin
