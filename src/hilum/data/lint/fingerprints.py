"""The fingerprints of many files: made on all processors, kept in a cache, never made twice.

The cache is one SQLite file, so a run that is killed loses at most the last two seconds, and
several runs may share it. A file whose size, times and inode are as before is not read again; one
that was moved or copied is hashed but not decoded.
"""

from __future__ import annotations

import hashlib
import sqlite3
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.data.cache_workers import (
    Job,
    Outcome,
    outcomes,
    prefixes,
    refuse_unguarded,
    signature,
    usable_cpus,
)
from hilum.data.lint.fingerprint import PRINT, VERSION, fingerprint
from hilum.data.preprocessing import Preprocessing
from hilum.errors import CacheError, ImageReadError

__all__ = ["CACHE_NAME", "NO_FILE", "Fingerprints", "take_fingerprints"]

CACHE_NAME = "fingerprints.sqlite"
NO_FILE = "there is no such file"

_FEW = 64
"""Files that are read sooner than worker processes start."""

_LARGEST = 2**31
_SETTLED_NS = 2_000_000_000
_CHECKPOINT_S = 2.0
_BAD_FILE = (
    *(OSError, ValueError, TypeError, AttributeError),
    *(ArithmeticError, LookupError, RuntimeError, MemoryError),
)
_TABLES = f"""
CREATE TABLE IF NOT EXISTS prints_{VERSION} (sha256 TEXT PRIMARY KEY, record BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS files_{VERSION} (path TEXT PRIMARY KEY, signature TEXT, sha256 TEXT);
"""


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """The records of some files, in the order asked for.

    Args:
        records: Shape (n,), dtype `PRINT`; zeros where a file could not be read.
        sha256: Hash of each file's bytes, hexadecimal; "" where it could not be read.
        errors: Why each unreadable file could not be read, by its place.
        reused: How many came from the cache without decoding the file.
    """

    records: NDArray[np.void]
    sha256: list[str]
    errors: dict[int, str]
    reused: int = 0


def take_fingerprints(
    paths: Sequence[str],
    *,
    workers: int | None = None,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Fingerprints:
    """Read every file once and return its fingerprint, or why there is none.

    Args:
        paths: Absolute paths; none twice.
        workers: Processes; default one a processor. With 1 no process is started.
        cache: Folder to keep fingerprints in; None keeps nothing.
        progress: Called with (done, total) files.

    Raises:
        CacheError: If the cache is damaged or cannot be written.
        ValueError: If `workers` < 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    refuse_unguarded()
    taken = Fingerprints(np.zeros(len(paths), PRINT), [""] * len(paths), {})
    with _opened(cache) as store:
        places = {path: place for place, path in enumerate(paths)}
        held = store.unchanged(places)
        for path, (sha256, record) in held.items():
            _put(taken, places[path], sha256, record)
        todo = [path for path in paths if path not in held]
        known = store.hashes()
        processes = workers or (usable_cpus() if len(todo) > _FEW else 1)
        job = _FingerprintJob(Preprocessing(), prefixes(np.array(sorted(known), "S64")))
        found = outcomes(todo, job, workers=min(processes, max(len(todo), 1)))
        decoded = 0
        for done, outcome in enumerate(found, len(held) + 1):
            decoded += _take(store, taken, places[outcome.path], outcome)
            if progress is not None:
                progress(done, len(paths))
    reused = len(paths) - decoded - len(taken.errors)
    return Fingerprints(taken.records, taken.sha256, taken.errors, reused)


class _FingerprintJob(Job):
    """Takes fingerprints in the worker processes; a record travels as the outcome's image."""

    __slots__ = ()

    def prepare(self, path: str) -> Outcome:
        """Read, hash and fingerprint one file; never raises for what the file is or holds."""
        try:
            return self._outcome(path)
        except ImageReadError as error:
            return Outcome(path, error=error.reason)
        except FileNotFoundError:
            return Outcome(path, error=NO_FILE)
        except _BAD_FILE as error:
            return Outcome(path, error=f"{type(error).__name__}: {error}")

    def _outcome(self, path: str) -> Outcome:
        found = Path(path).stat()
        if not stat.S_ISREG(found.st_mode):
            return Outcome(path, error="expected a file, got a folder or a device")
        if found.st_size > _LARGEST:
            return Outcome(path, error=f"expected at most 2 GiB, got {found.st_size} bytes")
        data = Path(path).read_bytes()
        sha256 = hashlib.sha256(data).hexdigest()
        settled = time.time_ns() - max(found.st_mtime_ns, found.st_ctime_ns) > _SETTLED_NS
        mark = signature(path, found)
        if not settled or signature(path) != mark:
            mark = ""  # it may have changed while it was read, unseen
        if self._seems_known(sha256):
            return Outcome(path, mark, len(data), sha256)
        return Outcome(path, mark, len(data), sha256, fingerprint(data).view(np.uint8))


def _put(taken: Fingerprints, place: int, sha256: str, record: NDArray[np.void]) -> None:
    taken.records[place] = record[0]
    taken.sha256[place] = sha256


def _take(store: _Store, taken: Fingerprints, place: int, outcome: Outcome) -> bool:
    """Record one outcome; say whether its file was decoded."""
    if outcome.error is not None:
        taken.errors[place] = outcome.error
        return False
    if outcome.image is not None:
        record = np.frombuffer(outcome.image.tobytes(), PRINT)
    else:
        record = store.record(outcome)
    _put(taken, place, outcome.sha256, record)
    store.add(outcome, record)
    return outcome.image is not None


class _Store:
    """The cache; without a folder, one that keeps nothing."""

    def __init__(self, connection: sqlite3.Connection, *, keeps: bool) -> None:
        self._connection = connection
        self._keeps = keeps
        self._saved = time.monotonic()
        connection.executescript(_TABLES)

    def unchanged(self, paths: dict[str, int]) -> dict[str, tuple[str, NDArray[np.void]]]:
        """Return hash and record of each path whose file is as it was."""
        rows = self._connection.execute(
            f"SELECT path, signature, sha256, record FROM files_{VERSION} "  # noqa: S608
            f"JOIN prints_{VERSION} USING (sha256) WHERE signature != ''"
        )
        return {
            path: (sha256, np.frombuffer(record, PRINT))
            for path, mark, sha256, record in rows
            if path in paths and signature(path) == mark and len(record) == PRINT.itemsize
        }

    def hashes(self) -> set[str]:
        """Return the hashes of all contents that have a record."""
        query = f"SELECT sha256 FROM prints_{VERSION} WHERE length(record) = ?"  # noqa: S608
        return {sha256 for (sha256,) in self._connection.execute(query, (PRINT.itemsize,))}

    def record(self, outcome: Outcome) -> NDArray[np.void]:
        """Return the record of a content that seemed to be held; make it if it is not."""
        query = f"SELECT record FROM prints_{VERSION} WHERE sha256 = ?"  # noqa: S608
        found = self._connection.execute(query, (outcome.sha256,)).fetchone()
        if found is None or len(found[0]) != PRINT.itemsize:
            return fingerprint(Path(outcome.path).read_bytes())
        return np.frombuffer(found[0], PRINT)

    def add(self, outcome: Outcome, record: NDArray[np.void]) -> None:
        """Keep one record; it is on the disk within two seconds of work."""
        if not self._keeps:
            return
        self._connection.execute(
            f"INSERT OR REPLACE INTO prints_{VERSION} VALUES (?, ?)",  # noqa: S608
            (outcome.sha256, record.tobytes()),
        )
        self._connection.execute(
            f"INSERT OR REPLACE INTO files_{VERSION} VALUES (?, ?, ?)",  # noqa: S608
            (outcome.path, outcome.signature, outcome.sha256),
        )
        if time.monotonic() - self._saved > _CHECKPOINT_S:
            self._connection.commit()
            self._saved = time.monotonic()


@contextmanager
def _opened(cache: Path | None) -> Iterator[_Store]:
    """Open the cache in a folder, or one in memory.

    Raises:
        CacheError: If it is damaged or cannot be written.
    """
    place = ":memory:"
    try:
        if cache is not None:
            cache.mkdir(parents=True, exist_ok=True)
            place = str(cache / CACHE_NAME)
        with closing(sqlite3.connect(place, timeout=60)) as connection:
            try:
                yield _Store(connection, keeps=cache is not None)
            finally:
                connection.commit()
    except (sqlite3.Error, OSError) as error:
        raise CacheError(
            f"The fingerprints in {place} cannot be used: {error}. "
            "Delete that file, or name another folder."
        ) from error
