"""What was fetched into a folder: from where, when, how large, with which checksum and licence.

`fetch.json` is rewritten after every file, so that a run that is killed goes on with the next, and
a run that is repeated finds out from the folder itself that there is nothing to fetch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hilum.data.atomic import PART_SUFFIX, replacing
from hilum.data.file_hash import file_sha256
from hilum.errors import DataError

__all__ = ["RECEIPT_NAME", "Entry", "Receipt", "sweep_receipts"]

RECEIPT_NAME = "fetch.json"

_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file that was fetched."""

    url: str
    lands: str
    """The file or folder it became, relative to the receipt's."""

    bytes: int
    sha256: str
    etag: str
    fetched: str
    """When, in UTC, ISO 8601."""

    commit: str = ""
    """The repository's commit, if the archive says it."""

    members: dict[str, int] | None = None
    """Bytes by path of what was unpacked; None for a file that is kept as it is."""

    def faults(self, out: Path) -> list[str]:
        """Say what is no longer as it was fetched; files added since are nobody's fault."""
        place = out / self.lands
        if self.members is None:
            return [] if _is_same(place, self.bytes, self.sha256) else [f"{self.lands} has changed"]
        lines = []
        for path, size in self.members.items():
            file = place / path
            if not file.is_file():
                lines.append(f"{self.lands}/{path} is gone")
            elif (now := file.stat().st_size) != size:
                lines.append(f"{self.lands}/{path} had {size:,} bytes and has {now:,}")
        return lines


@dataclass(slots=True, kw_only=True)
class Receipt:
    """All that was fetched into a folder."""

    name: str
    licence: str
    citation: str
    home: str
    entries: dict[str, Entry] = field(default_factory=dict)
    """By the name each became."""

    @classmethod
    def read(cls, out: Path) -> Receipt | None:
        """Read the receipt of a folder; None if there is none.

        Raises:
            DataError: If it cannot be read.
        """
        path = out / RECEIPT_NAME
        if not path.exists():
            return None
        try:
            data = json.loads(path.read_bytes())
            rows = [Entry(**row) for row in data.pop("files")]
            return cls(**data, entries={row.lands: row for row in rows})
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{path} is no receipt of a fetch ({error}). Move it away to fetch anew."
            ) from error

    def write(self, out: Path) -> None:
        """Write it into the folder, whole or not at all."""
        with replacing(out / RECEIPT_NAME) as file:
            text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False)
            file.write(text.encode() + b"\n")

    def to_dict(self) -> dict[str, Any]:
        """Return everything, for JSON."""
        rest = {"name": self.name, "licence": self.licence, "citation": self.citation}
        return {**rest, "home": self.home, "files": [asdict(row) for row in self.entries.values()]}


def _is_same(path: Path, size: int, sha256: str) -> bool:
    return path.is_file() and path.stat().st_size == size and file_sha256(path) == sha256


def sweep_receipts(out: Path) -> None:
    """Delete receipts that a killed process left half-written; only the folder's one writer may."""
    for part in out.glob(f".{RECEIPT_NAME}.*{PART_SUFFIX}"):
        part.unlink(missing_ok=True)
