"""What there is to fetch for one data set, before anything is fetched."""

from __future__ import annotations

from dataclasses import dataclass

from hilum.data.fetch.download import DEFAULT_CEILING, Remote

__all__ = ["FetchFile", "FetchPlan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchFile:
    """One file to fetch, and perhaps unpack."""

    url: str
    """Where it is."""

    name: str
    """What it is called on the disk."""

    bytes: int | None = None
    """Its length as published; None if it is not, or changes."""

    sha256: str | None = None
    """Its checksum as published; None if there is none that stays."""

    md5: str | None = None
    """The same, where a publisher gives only this one."""

    ceiling: int = DEFAULT_CEILING
    """Bytes above which it is refused."""

    folder: str | None = None
    """Folder it is unpacked into, below the data set's; None for a file that is kept as it is."""

    strip: int = 0
    """Leading folders to take off its members' names."""

    only: tuple[str, ...] = ()
    """Patterns of the members to unpack; empty for all."""

    @property
    def remote(self) -> Remote:
        """What the download needs to know."""
        return Remote(
            url=self.url,
            bytes=self.bytes,
            sha256=self.sha256,
            md5=self.md5,
            ceiling=self.ceiling,
        )

    @property
    def lands(self) -> str:
        """The name that appears in the data set's folder."""
        return self.folder or self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchPlan:
    """Everything that can be fetched for a data set without a login, and what cannot."""

    name: str
    """The data set's name."""

    licence: str
    """As its card words it."""

    citation: str
    """What to cite."""

    home: str
    """Page of the publisher."""

    files: tuple[FetchFile, ...]
    """In the order they are fetched."""

    gigabytes: float | None = None
    """Size of all files in GB; None if unknown."""

    by_hand: tuple[str, ...] = ()
    """What remains to be done by hand, one step a line; empty if this is all of it."""
