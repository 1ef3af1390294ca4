"""One film of an archive: what it is called, and where its bytes lie."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Item", "Packed", "Span", "Stream", "shown"]


@dataclass(frozen=True, slots=True)
class Span:
    """Bytes that lie in a file as they are: a member of an uncompressed tar.

    Args:
        offset: Where they begin.
        size: How many there are.
    """

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Packed:
    """A member of a zip file, stored or deflated, without a password.

    Args:
        header: Where its local header begins.
        packed: Bytes it takes in the file.
        size: Bytes it has unpacked.
        crc: Their checksum.
        deflated: Whether they are compressed.
    """

    header: int
    packed: int
    size: int
    crc: int
    deflated: bool


@dataclass(frozen=True, slots=True)
class Stream:
    """All films of a tar that is compressed as a whole, not looked at yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One film, or one fault found where a film was looked for.

    Args:
        path: The file, or the tar or zip file it lies in: an absolute path or a URL.
        member: Its name in there; empty for a file of its own.
        copy: 2 for the second member of the same name, and so on.
        where: How to get at the bytes: None for the whole file; the bytes themselves where they
            can be had only in passing, from a tar that is compressed as a whole; `Stream` for such
            a tar that is left to be opened elsewhere.
        error: Why it cannot be read, where that is known without reading it.
    """

    path: str
    member: str = ""
    copy: int = 1
    where: Span | Packed | Stream | bytes | None = None
    error: str | None = None

    @property
    def key(self) -> str:
        """Name it by path and member: the same in every run, and no two alike."""
        inner = f"::{self.member}" if self.member else ""
        again = f"::{self.copy}" if self.copy > 1 else ""
        return shown(f"{self.path}{inner}{again}")

    @property
    def held(self) -> int:
        """Bytes of the film that are held in memory already."""
        return len(self.where) if isinstance(self.where, bytes) else 0


def shown(text: str) -> str:
    r"""Return text that can be stored as UTF-8, whatever bytes a file's name is made of.

    >>> shown("film-\udcff.png")
    'film-\\udcff.png'
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
