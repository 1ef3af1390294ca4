"""Unpacking an archive into a folder, all of it or nothing, and nothing outside the folder.

Members are written into a hidden folder beside the target, which takes the target's name when the
last byte is on the disk; a run that is killed leaves only the hidden folder, and the next run
removes it. Links are never made, devices and paths that lead elsewhere refuse the whole archive,
and an archive that swells beyond reason is stopped while it swells.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from hilum.data.atomic import sync_folder
from hilum.data.fetch.member_names import alike, safe_parts
from hilum.data.fetch.tar_members import Member, tar_members
from hilum.data.fetch.zip_members import zip_members
from hilum.errors import DataError

__all__ = ["Limits", "Unpacked", "is_archive", "unpack"]

_BLOCK = 2**20
_SMALL = 256 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What an archive may swell to."""

    bytes: int = 64 * 2**30
    """Of all members together."""

    ratio: float = 200.0
    """Bytes of members for each byte of the archive, asked of archives that fill over 256 MiB."""

    members: int = 2_000_000
    """Files, folders and links."""


@dataclass(slots=True)
class Unpacked:
    """What came out of an archive."""

    files: dict[str, int] = field(default_factory=dict)
    """Bytes by path, relative to the folder, with forward slashes."""

    links: list[str] = field(default_factory=list)
    """Links, which were left out."""

    alike: list[str] = field(default_factory=list)
    """Paths that differ from an earlier one only in case, and collide on some disks."""

    commit: str = ""
    """The commit a repository's archive was made of; empty if it does not say."""


def is_archive(path: Path) -> bool:
    """Say whether a file begins like a zip, gzip or tar archive."""
    return _opener(path) is not None


def unpack(
    archive: Path,
    folder: Path,
    *,
    strip: int = 0,
    only: Sequence[str] = (),
    limits: Limits | None = None,
) -> Unpacked:
    """Unpack a zip, tar or tar.gz archive.

    Args:
        archive: The file.
        folder: What will hold the members; must not be there, or be empty.
        strip: Leading folders to take off every name; members with no more than these are left out.
        only: Patterns such as `labels/*.txt` that a name, stripped, must match; default all.
        limits: What it may swell to.

    Raises:
        DataError: If it is no archive, is damaged, holds what must not be unpacked, swells beyond
            the limits, or the folder is in use. The folder is then as it was.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder} is there already; move it away to have {archive.name} unpacked.")
    opener = _opener(archive)
    if opener is None:
        raise DataError(f"{archive} is no zip, tar or gzip archive. {_looks_like(archive)}")
    beside = folder.with_name(f".{folder.name}.unpacking")
    shutil.rmtree(beside, ignore_errors=True)
    try:
        beside.mkdir(parents=True)
        with opener as members:
            done = _write(archive, members, beside, strip=strip, only=only, limits=limits)
        os.sync()
        if folder.exists():
            folder.rmdir()
        beside.rename(folder)
    except OSError as error:
        raise DataError(f"Cannot unpack {archive}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    sync_folder(folder.parent)
    return done


def _opener(archive: Path) -> AbstractContextManager[Iterator[Member]] | None:
    """Return what reads the archive, told by its first bytes."""
    with archive.open("rb") as file:
        head = file.read(265)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zip_members(archive)
    if head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar":
        return tar_members(archive)
    return None


def _looks_like(archive: Path) -> str:
    with archive.open("rb") as file:
        head = file.read(512).lstrip().lower()
    if head.startswith((b"<!doctype html", b"<html")):
        return "It is a web page: a login, or a notice that the file has moved."
    return f"It begins with {head[:16]!r}."


def _write(
    archive: Path,
    members: Iterator[Member],
    folder: Path,
    *,
    strip: int,
    only: Sequence[str],
    limits: Limits | None,
) -> Unpacked:
    done, seen = Unpacked(), set[str]()
    gauge = _Gauge(limits or Limits(), archive.stat().st_size)
    for member in members:
        gauge.member()
        done.commit = done.commit or member.commit
        parts = safe_parts(member.name)[strip:]
        path = "/".join(parts)
        wanted = bool(parts) and (not only or any(fnmatchcase(path, each) for each in only))
        if member.kind == "link" and wanted:
            done.links.append(path)
        elif member.kind == "folder" and wanted:
            _make_folder(folder.joinpath(*parts), path)
        elif member.body is not None:
            target = folder.joinpath(*parts) if wanted else None
            size = _copy(member, target, gauge, path)
            if target is not None:
                done.files[path] = size
                if alike(path) in seen:
                    done.alike.append(path)
                seen.add(alike(path))
    if not done.files:
        wanted_names = f" that match {', '.join(only)}" if only else ""
        raise DataError(f"{archive} holds no files{wanted_names}.")
    return done


def _make_folder(path: Path, name: str) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise _twice(name) from error


def _copy(member: Member, target: Path | None, gauge: _Gauge, name: str) -> int:
    """Write a member, or read over it if it is not wanted; return its bytes."""
    body = member.body
    size = 0
    if target is None:
        while body is not None and (block := body.read(_BLOCK)):
            gauge.add(len(block))
        return 0
    _make_folder(target.parent, name)
    try:
        file = target.open("xb")
    except FileExistsError as error:
        raise _twice(name) from error
    with file:
        while body is not None and (block := body.read(_BLOCK)):
            gauge.add(len(block))
            size += file.write(block)
    return size


def _twice(name: str) -> DataError:
    return DataError(f"The archive holds {name!r} twice, perhaps once in another case.")


class _Gauge:
    """Watches how far an archive has swollen."""

    def __init__(self, limits: Limits, packed: int) -> None:
        self._limits = limits
        self._allowed = min(limits.bytes, max(_SMALL, int(limits.ratio * packed)))
        self._bytes = self._members = 0

    def member(self) -> None:
        self._members += 1
        if self._members > self._limits.members:
            raise DataError(f"The archive holds over {self._limits.members:,} members; refused.")

    def add(self, count: int) -> None:
        self._bytes += count
        if self._bytes > self._allowed:
            raise DataError(
                f"The archive swells to over {self._allowed:,} bytes; it was stopped, and nothing "
                "of it was kept."
            )
