"""Filling a cache: every image of a manifest read and prepared once, whatever interrupts it.

A file whose size, times and inode are as before is not read again; one whose content is already in
the cache is hashed but not decoded; damaged pictures are made anew where they lie; everything else
is prepared and appended. A run that was killed is simply run again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from hilum.data import cache_files
from hilum.data.cache_workers import (
    Job,
    Outcome,
    outcomes,
    prefixes,
    refuse_unguarded,
    signature,
    usable_cpus,
)
from hilum.data.folder_lock import only_writer
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.data.shard import Shard, ShardWriter, load_shards, sweep

__all__ = ["CacheReport", "build_cache"]

_log = logging.getLogger(__name__)
_FEW = 64
"""Files that are prepared sooner than worker processes start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheReport:
    """What a build did. Every file of the manifest is in one of the first three or `repaired`.

    Args:
        prepared: Images decoded and prepared now.
        reused: Images that were there already, or whose content is that of another.
        failed: (path, reason) of each image that could not be read.
        repaired: Damaged pictures made anew, also those of other manifests.
        given_up: Damaged pictures removed because the file they were made from is gone.
        seconds: Wall time.
    """

    prepared: int
    reused: int
    failed: tuple[tuple[str, str], ...]
    repaired: int
    given_up: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        failed = [{"path": path, "reason": reason} for path, reason in self.failed]
        return {**asdict(self), "failed": failed}


def build_cache(
    manifest: Manifest,
    preprocessing: Preprocessing,
    folder: str | Path,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    rehash: bool = False,
    wait_s: float = 600.0,
    checkpoint_s: float = 2.0,
) -> CacheReport:
    """Prepare every image of a manifest that the cache does not hold yet.

    Args:
        manifest: Its files need not exist: those that cannot be read are reported.
        preprocessing: What to do with each; a cache holds one kind.
        folder: New, empty, or a cache.
        workers: Processes; default one a processor. With 1 no process is started.
        progress: Called with (done, total) files.
        rehash: Read every file, also those whose size, times and inode are as before.
        wait_s: Seconds to wait for another writer.
        checkpoint_s: Seconds of work that may be lost if this process is killed.

    Returns:
        Counts, and the images that could not be read with the reason.

    Raises:
        CacheError: If the folder holds something else or pictures prepared otherwise, another
            writer does not finish in time, or the disk cannot be written.
        ValueError: If `workers` < 1.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, got {workers}")
    refuse_unguarded()
    started = time.monotonic()
    folder = Path(folder)
    cache_files.refuse_others(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with only_writer(folder, wait_s=wait_s):
        cache_files.claim(folder, preprocessing)
        build = _Build(folder, preprocessing, checkpoint_s)
        build.run(manifest, workers=workers, progress=progress, rehash=rehash)
        return build.report(time.monotonic() - started)


class _Build:
    """One run over a manifest, by the only writer of the folder."""

    def __init__(self, folder: Path, preprocessing: Preprocessing, checkpoint_s: float) -> None:
        self._folder = folder
        self._preprocessing = preprocessing
        self._shards, lost = load_shards(folder, preprocessing.size)
        sweep(folder, lost)
        self._damaged = self._find_damage()
        self._known = self._find_known()
        self._files = cache_files.load_files(folder)
        self._writer = ShardWriter(folder, preprocessing.size, self._shards, checkpoint_s)
        self._seen: list[Outcome] = []
        self._prepared = self._reused = self._repaired = self._given_up = 0
        self._failed: list[tuple[str, str]] = []

    def _find_damage(self) -> dict[bytes, tuple[Shard, int]]:
        """Map the content hash of each damaged picture to its place."""
        found = {
            bytes(shard.index["sha256"][row]): (shard, int(row))
            for shard in self._shards
            for row in shard.damaged()
        }
        if found:
            _log.warning("%d damaged pictures in %s; making them anew", len(found), self._folder)
        return found

    def _find_known(self) -> set[bytes]:
        """Return the content hashes of all sound pictures."""
        hashes = {sha for shard in self._shards for sha in shard.index["sha256"].tolist() if sha}
        return hashes - self._damaged.keys()

    def run(
        self,
        manifest: Manifest,
        *,
        workers: int | None,
        progress: Callable[[int, int], None] | None,
        rehash: bool,
    ) -> None:
        """Prepare what is missing and record every file."""
        listed = pl.DataFrame(
            {"path": manifest.frame["path"], "absolute": manifest.absolute_paths()}
        ).unique("absolute", keep="first", maintain_order=True)
        todo = self._not_held(listed, rehash=rehash)
        self._reused = listed.height - len(todo)
        todo += self._sources_of_damage(todo)
        total = self._reused + len(todo)
        known = prefixes(np.array(sorted(self._known), "S64"))
        job = Job(self._preprocessing, known)
        processes = workers or (usable_cpus() if len(todo) > _FEW else 1)
        try:
            found = outcomes(todo, job, workers=min(processes, max(len(todo), 1)))
            for done, outcome in enumerate(found, self._reused + 1):
                self._take(job, outcome)
                if progress is not None:
                    progress(done, total)
            self._give_up_the_rest()
            self._writer.close()
        except BaseException:
            self._writer.abandon()
            raise
        self._record(listed)

    def _not_held(self, listed: pl.DataFrame, *, rehash: bool) -> list[str]:
        """Return the files to read: new, changed, failed before, or with a damaged picture."""
        if rehash:
            return listed["absolute"].to_list()
        now = listed.with_columns(
            now=pl.Series([signature(path) for path in listed["absolute"]], dtype=pl.String)
        )
        before = self._files.select("absolute", "signature", "sha256")
        joined = now.join(before, on="absolute", how="left", maintain_order="left")
        sound = pl.Series([sha.decode() for sha in self._known], dtype=pl.String)
        held = (
            (pl.col("now") == pl.col("signature"))
            & (pl.col("now") != "")
            & pl.col("sha256").is_in(sound.implode())
        )
        return joined.filter(~held.fill_null(value=False))["absolute"].to_list()

    def _sources_of_damage(self, todo: list[str]) -> list[str]:
        """Return further files from which damaged pictures can be made anew."""
        if not self._damaged:
            return []
        wanted = pl.Series([sha.decode() for sha in self._damaged], dtype=pl.String)
        sources = self._files.filter(
            pl.col("sha256").is_in(wanted.implode())
            & ~pl.col("absolute").is_in(pl.Series(todo, dtype=pl.String).implode())
        )
        return sources.unique("sha256", keep="first", maintain_order=True)["absolute"].to_list()

    def _take(self, job: Job, outcome: Outcome) -> None:
        """Store one file's picture, unless its content is there already."""
        sha = outcome.sha256.encode()
        if outcome.error is None and outcome.image is None and sha not in self._known:
            # Its hash begins like a known one: as good as impossible, but then decode it here.
            outcome = Job(job.preprocessing, prefixes(np.empty(0, "S64"))).prepare(outcome.path)
            sha = outcome.sha256.encode()
        if outcome.error is not None:
            self._failed.append((outcome.path, outcome.error))
        elif sha in self._known or outcome.image is None:
            self._reused += 1
        elif sha in self._damaged:
            self._writer.mend(*self._damaged.pop(sha), outcome.image)
            self._known.add(sha)
            self._repaired += 1
        else:
            self._writer.append(sha, outcome.image)
            self._known.add(sha)
            self._prepared += 1
        self._seen.append(outcome._replace(image=None))

    def _give_up_the_rest(self) -> None:
        """Remove damaged pictures that no file is left to make anew."""
        for shard in self._shards:
            rows = [row for owner, row in self._damaged.values() if owner is shard]
            if rows:
                self._writer.give_up(shard, rows)
        self._given_up = len(self._damaged)
        if self._given_up:
            _log.warning("%d damaged pictures had no file left and were removed", self._given_up)
        self._damaged.clear()

    def _record(self, listed: pl.DataFrame) -> None:
        """Write the table of files: what was learnt now before what was known."""
        schema = self._files.schema
        seen = pl.DataFrame(
            {
                "absolute": [outcome.path for outcome in self._seen],
                "signature": [outcome.signature for outcome in self._seen],
                "bytes": [outcome.bytes for outcome in self._seen],
                "sha256": [outcome.sha256 or None for outcome in self._seen],
                "error": [outcome.error for outcome in self._seen],
            },
            schema={name: kind for name, kind in schema.items() if name != "path"},
        )
        learnt = listed.join(seen, on="absolute", how="inner", maintain_order="left")
        kept = self._files.join(learnt, on="absolute", how="anti", maintain_order="left")
        # A file known from before may be listed under another relative name now.
        named = listed.rename({"path": "now"})
        kept = kept.join(named, on="absolute", how="left", maintain_order="left")
        kept = kept.with_columns(path=pl.coalesce("now", "path"))
        cache_files.save_files(
            self._folder, pl.concat([kept.select(*schema), learnt.select(*schema)])
        )

    def report(self, seconds: float) -> CacheReport:
        """Return what was done."""
        return CacheReport(
            prepared=self._prepared,
            reused=self._reused,
            failed=tuple(self._failed),
            repaired=self._repaired,
            given_up=self._given_up,
            seconds=seconds,
        )
