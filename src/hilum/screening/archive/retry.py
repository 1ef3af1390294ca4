"""Doing failed films again: the new row takes the place of the old one, in the shard it stood in.

A shard is replaced as a whole, so a reader sees the old row or the new one: never both, never
neither. Whatever kills the run, a film keeps the last row that was written.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

from hilum.errors import HilumError
from hilum.screening.archive.contained import container
from hilum.screening.archive.files import files_of
from hilum.screening.archive.shards import Shards, as_parquet, read_shard

__all__ = ["Retry"]


class Retry:
    """Put the rows of films that are done again where their old ones stand.

    Args:
        shards: The run's.
        places: Keys of the films to do again, each with its shard.
    """

    def __init__(self, shards: Shards, places: Mapping[str, Path]) -> None:
        self._shards = shards
        self._places = dict(places)

    def settle(self, content: bytes) -> bytes | None:
        """Write the rows that replace another, and return a shard of the others.

        Args:
            content: A shard that is about to be published.

        Returns:
            `content` itself where no row replaces another; None where all did.

        Raises:
            DataError: If a shard cannot be read.
            OSError: If one cannot be written; it is then as it was.
        """
        if not self._places:
            return content
        import polars as pl

        table = pl.read_parquet(io.BytesIO(content))
        keys: dict[Path, list[str]] = defaultdict(list)
        for key in table["key"]:
            if key in self._places:
                keys[self._places[key]].append(key)
        for path, again in keys.items():
            self._shards.rewrite(path, without=again, rows=table.filter(pl.col("key").is_in(again)))
        settled = [key for again in keys.values() for key in again]
        for key in settled:
            del self._places[key]
        if not settled:
            return content
        rest = table.filter(~pl.col("key").is_in(settled))
        return as_parquet(rest) if rest.height else None

    def forget_mended(self) -> None:
        """Drop the faults of folders, tar and zip files that a complete walk did not meet again.

        What lies in them has rows of its own by now. A film that is gone keeps its row.

        Raises:
            DataError: If a shard cannot be read.
            OSError: If one cannot be written; it is then as it was.
        """
        keys: dict[Path, list[str]] = defaultdict(list)
        for key, path in self._places.items():
            if _holds_films(key):
                keys[path].append(key)
        for path, mended in keys.items():
            self._shards.rewrite(path, without=mended, rows=read_shard(path).clear())


def _holds_films(path: str) -> bool:
    """Say whether there is a folder, tar or zip file of that name; no where it cannot be known."""
    try:
        kind = files_of(path).kind(path)
    except (OSError, HilumError):
        return False
    return kind == "folder" or (kind == "file" and container(path) is not None)
