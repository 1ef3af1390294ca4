"""The shards of an archive run: Parquet files that are either complete or not there.

A shard is written beside, flushed to the disk and renamed, so the files that have a shard's name
are the only truth about what is done. Whatever else a killed run left is deleted.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Container, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.data.atomic import PART_SUFFIX, replacing, sync_folder
from hilum.errors import DataError
from hilum.screening.archive.keys import KeySet
from hilum.screening.archive.row import FilmRow

if TYPE_CHECKING:
    import polars as pl

__all__ = ["ROWS", "Shards", "as_parquet", "encoded", "probability_column", "read_shard"]

ROWS = 4096
"""Rows of a shard, at most: about a minute and a half of work on two cores."""

_NAME = re.compile(r"part-(\d{8})\.parquet")


class Shards:
    """The shards in a folder.

    Args:
        folder: Where they lie; it exists.
        classes: Class names, in the bundle's order; a probability column each.
        same: Columns that hold one value in every row: which bundle and threshold answered.
    """

    def __init__(self, folder: Path, classes: Sequence[str], same: dict[str, str]) -> None:
        self._folder = folder
        self._classes = tuple(classes)
        self.same = dict(same)
        self._next = max((_number(path) for path in self.finished()), default=-1) + 1

    def finished(self) -> list[Path]:
        """Return the complete shards, by number."""
        return sorted(path for path in self._folder.iterdir() if _NAME.fullmatch(path.name))

    def sweep(self) -> None:
        """Delete what a killed run left unfinished."""
        for path in self._folder.glob(f".part-*{PART_SUFFIX}"):
            path.unlink(missing_ok=True)

    def check_columns(self) -> None:
        """Refuse to go on with shards that have other columns than those still to be written.

        Raises:
            DataError: If they have, or the first of them cannot be read.
        """
        expected = {*_schema(self._classes, self.same)}
        for path in self.finished()[:1]:
            if differing := expected ^ {*read_shard(path).columns}:
                raise DataError(
                    f"The shard {path} was written by another version of hilum: only it or only "
                    f"this one knows the columns {', '.join(sorted(differing))}. Go on with that "
                    "version, or name another folder."
                )

    def keys(self, *, without: Container[str] = ()) -> KeySet:
        """Return the keys of every film that is done.

        Args:
            without: Keys of films that are to be done again.

        Raises:
            DataError: If a shard cannot be read.
        """
        done = KeySet()
        for path in self.finished():
            for key in read_shard(path, ["key"])["key"]:
                if key not in without:
                    done.add(key)
        return done

    def failed(self) -> dict[str, Path]:
        """Return the keys of films that have no answer because of an error, each with its shard.

        Raises:
            DataError: If a shard cannot be read.
        """
        found: dict[str, Path] = {}
        for path in self.finished():
            table = read_shard(path, ["key", "error"])
            found |= dict.fromkeys(table.filter(table["error"].is_not_null())["key"], path)
        return found

    def rewrite(self, path: Path, *, without: Collection[str], rows: pl.DataFrame) -> None:
        """Leave rows of a shard out and add others, so that readers see the old ones or the new.

        Args:
            path: The shard.
            without: Keys of the rows to leave out.
            rows: With the columns of a shard.

        Raises:
            DataError: If it cannot be read.
            OSError: If it cannot be written; then it is as it was.
        """
        import polars as pl

        old = read_shard(path)
        kept = old.filter(~old["key"].is_in(list(without)))
        with replacing(path) as file:
            file.write(as_parquet(pl.concat([kept, rows.select(kept.columns)]).sort("key")))

    def encode(self, rows: Sequence[FilmRow]) -> bytes:
        """Return rows as the bytes of a Parquet file."""
        return encoded(rows, self._classes, self.same)

    def adopt(self, staged: Path) -> Path:
        """Give a complete shard that was written elsewhere in the folder its name.

        Raises:
            OSError: If it cannot be renamed.
        """
        path = self._folder / f"part-{self._next:08d}.parquet"
        staged.replace(path)
        sync_folder(self._folder)
        self._next += 1
        return path

    def publish(self, content: bytes) -> Path:
        """Write the bytes of the next shard, so that a power cut leaves all of it or nothing.

        Raises:
            OSError: If it cannot be written; then nothing of it remains.
        """
        path = self._folder / f"part-{self._next:08d}.parquet"
        with replacing(path) as file:
            file.write(content)
        self._next += 1
        return path


def encoded(rows: Sequence[FilmRow], classes: Sequence[str], same: dict[str, str]) -> bytes:
    """Return rows as the bytes of a Parquet file, ordered by key.

    Args:
        rows: At least one.
        classes: Class names; a probability column each.
        same: Columns that hold one value in every row.
    """
    import polars as pl

    rows = sorted(rows, key=lambda row: row.key)
    columns: dict[str, Any] = {
        name: [getattr(row, name) for row in rows]
        for name in FilmRow.__dataclass_fields__
        if name != "probabilities"
    }
    for label in classes:
        columns[probability_column(label)] = [
            None if row.probabilities is None else row.probabilities[label] for row in rows
        ]
    columns |= {name: [value] * len(rows) for name, value in same.items()}
    schema = _schema(classes, same)
    for name in ("reasons", "warnings"):
        columns[name] = [list(value) for value in columns[name]]
    return as_parquet(pl.DataFrame({name: columns[name] for name in schema}, schema=schema))


def as_parquet(table: pl.DataFrame) -> bytes:
    """Return a table as the bytes of a Parquet file."""
    stream = io.BytesIO()
    table.write_parquet(stream, compression="zstd")
    return stream.getvalue()


def read_shard(path: Path, columns: list[str] | None = None) -> pl.DataFrame:
    """Return some columns of a shard, or all.

    Raises:
        DataError: If it is damaged, which no kill can have done.
    """
    import polars as pl

    try:
        return pl.read_parquet(path, columns=columns)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"The shard {path} cannot be read: {error}. Delete it and go on with --resume; its "
            "films are then screened again."
        ) from error


def probability_column(label: str) -> str:
    """Return the name of a class's column.

    >>> probability_column("covid")
    'probability_covid'
    """
    return f"probability_{label}"


def _number(path: Path) -> int:
    found = _NAME.fullmatch(path.name)
    return -1 if found is None else int(found[1])


def _schema(classes: Sequence[str], same: dict[str, str]) -> dict[str, Any]:
    import polars as pl

    texts = ("key", "path", "member", "sha256", "study_uid", "series_uid", "sop_uid", "view")
    return {
        **dict.fromkeys(texts, pl.String),
        "accepted": pl.Boolean,
        "reasons": pl.List(pl.String),
        "warnings": pl.List(pl.String),
        "gate_distance": pl.Float64,
        "gate_limit": pl.Float64,
        **{probability_column(label): pl.Float64 for label in classes},
        "decision": pl.String,
        "error": pl.String,
        **dict.fromkeys(same, pl.String),
        "seconds": pl.Float64,
    }
