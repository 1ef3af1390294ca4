"""What a cache folder says of itself: how its pictures were made, and from which files.

`cache.json` holds the preprocessing; `files.parquet` one row a file ever asked for, with the hash
of its content or the reason why it could not be read. Both are written whole or not at all, and a
damaged table of files costs no more than hashing the files again.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.data.atomic import replacing
from hilum.data.folder_lock import LOCK_NAME
from hilum.data.preprocessing import Preprocessing
from hilum.errors import CacheError, ConfigError

if TYPE_CHECKING:
    import polars as pl

__all__ = ["claim", "command", "load_files", "load_record", "refuse_others", "save_files"]

_log = logging.getLogger(__name__)
_FORMAT = "hilum-cache"
_VERSION = 1
_RECORD = "cache.json"
_FILES = "files.parquet"


def refuse_others(folder: Path) -> None:
    """Refuse a folder that holds something else, before anything is written to it.

    Raises:
        CacheError: If it is not empty and not a cache.
    """
    if folder.exists() and not folder.is_dir():
        raise CacheError(f"{folder} is a file, expected a folder for the cache")
    if folder.is_dir() and not (folder / _RECORD).exists():
        others = [entry.name for entry in folder.iterdir() if entry.name != LOCK_NAME]
        others = [name for name in others if not name.startswith(".")]
        if others:
            raise CacheError(
                f"{folder} is not a cache and not empty (it holds {min(others)}). "
                "Choose an empty or new folder."
            )


def claim(folder: Path, preprocessing: Preprocessing) -> None:
    """Mark a folder as a cache of pictures made so, or see that it already is one.

    Raises:
        CacheError: If it holds pictures that were prepared otherwise; names both.
    """
    if (folder / _RECORD).exists():
        held, pixel_hash = _read_record(folder)
        if pixel_hash != preprocessing.pixel_hash:
            raise CacheError(
                f"{folder} holds pictures prepared with {_words(held)} [{pixel_hash}], asked for "
                f"{_words(preprocessing)} [{preprocessing.pixel_hash}]. "
                "Choose another folder: a cache holds one kind."
            )
        return
    record = {
        "format": _FORMAT,
        "version": _VERSION,
        "pixel_hash": preprocessing.pixel_hash,
        "preprocessing": preprocessing.to_dict(),
    }
    with replacing(folder / _RECORD) as file:
        file.write(json.dumps(record, indent=2).encode())


def load_record(folder: Path) -> Preprocessing:
    """Return how the pictures of a cache were prepared.

    Raises:
        CacheError: If the folder is no cache, or one that this version cannot read.
    """
    held, pixel_hash = _read_record(folder)
    if held.pixel_hash != pixel_hash:
        raise CacheError(
            f"{folder} was prepared by a version of hilum that makes other pixels "
            f"({pixel_hash}, here {held.pixel_hash}). Prepare the images into a new folder."
        )
    return held


def _read_record(folder: Path) -> tuple[Preprocessing, str]:
    path = folder / _RECORD
    try:
        record = json.loads(path.read_bytes())
        if record["format"] != _FORMAT or record["version"] != _VERSION:
            raise CacheError(
                f"{path} says {record['format']} version {record['version']}, "
                f"expected {_FORMAT} version {_VERSION}"
            )
        return Preprocessing.from_dict(record["preprocessing"]), str(record["pixel_hash"])
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CacheError(
            f"{folder} is no cache of prepared images. Make one: "
            f"hilum prepare MANIFEST --out {folder}"
        ) from error
    except (ValueError, KeyError, TypeError, OSError, ConfigError) as error:
        raise CacheError(
            f"{path} cannot be read: {error}. Prepare the images into a new folder."
        ) from error


def _words(preprocessing: Preprocessing) -> str:
    """Say what a record does to pixels, in the words of the command line."""
    return (
        f"size {preprocessing.size}, top {preprocessing.top:g}, square {preprocessing.square}, "
        f"equalization {preprocessing.equalization}"
    )


def command(folder: Path, preprocessing: Preprocessing) -> str:
    """Return the line that fills or mends a cache."""
    equalize = {"none": "", "histogram": " --equalize", "clahe": " --clahe"}
    return (
        f"hilum prepare MANIFEST --out {folder} --size {preprocessing.size} "
        f"--top {preprocessing.top:g} --square {preprocessing.square}"
        f"{equalize[preprocessing.equalization]}"
    )


def load_files(folder: Path) -> pl.DataFrame:
    """Return the table of files: absolute, path, signature, bytes, sha256 (or null), error.

    An absent or damaged table is an empty one: the files are hashed again at the next build.
    """
    import polars as pl

    schema = pl.Schema(
        {
            "absolute": pl.String,
            "path": pl.String,
            "signature": pl.String,
            "bytes": pl.Int64,
            "sha256": pl.String,
            "error": pl.String,
        }
    )
    path = folder / _FILES
    if not path.exists():
        return pl.DataFrame(schema=schema)
    try:
        return pl.read_parquet(path, glob=False).select(*schema).cast(schema)
    except (pl.exceptions.PolarsError, OSError) as error:
        _log.warning("%s cannot be read (%s); files will be hashed again", path, error)
        return pl.DataFrame(schema=schema)


def save_files(folder: Path, files: pl.DataFrame) -> None:
    """Replace the table of files."""
    with replacing(folder / _FILES) as file:
        files.write_parquet(file)
