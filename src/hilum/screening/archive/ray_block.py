"""What a Ray actor does with one block: screen it, and stage its shard.

The actor keeps a crew of one worker process, as one machine keeps several, so that a film that
kills a decoder takes down neither the actor nor its node. The shard goes into a folder of this
attempt, under a name of its own; only the driver, which holds the lock, makes it part of the
results. A block that is done twice because its node was lost counts once, and what a lost node
still writes counts never.
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from hilum.errors import HilumError
from hilum.screening.archive.crew import Crew
from hilum.screening.archive.feed import Feed
from hilum.screening.archive.files import files_of
from hilum.screening.archive.item import Item, Stream
from hilum.screening.archive.plan import read_block
from hilum.screening.archive.row import FilmRow
from hilum.screening.archive.shards import encoded
from hilum.screening.archive.tars import tar_items
from hilum.screening.archive.worker import Job

__all__ = ["BlockScreener", "Task"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What every actor of an attempt is told.

    Args:
        job: What its worker process is told.
        out: The folder of results, on storage that all nodes share.
        go: A file; when it is gone, further blocks are skipped.
        plan: Folder of the blocks.
        staging: Folder for finished shards.
        classes: Class names; a probability column each.
        same: Columns that hold one value in every row.
        rows: Rows of a shard, at most.
        retry_failed: Whether a film whose row tells of an error is done again.
        film_timeout_s: Seconds one film may take.
    """

    job: Job
    out: str
    go: str
    plan: str
    staging: str
    classes: tuple[str, ...]
    same: dict[str, str]
    rows: int
    retry_failed: bool
    film_timeout_s: float


class BlockScreener:
    """Screen blocks, for `Dataset.map_batches`.

    Args:
        task: What to do.
    """

    def __init__(self, task: Task) -> None:
        self._task = task

    @cached_property
    def _crew(self) -> Crew:
        return Crew(self._task.job, 1, film_timeout_s=self._task.film_timeout_s)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Screen the blocks whose numbers are in `id`; return what was staged, as JSON."""
        return {"staged": [json.dumps(self._block(int(number))) for number in batch["id"]]}

    def _block(self, number: int) -> dict[str, Any]:
        found: dict[str, Any] = {"block": number, "shards": [], "error": None, "skipped": False}
        if not Path(self._task.go).exists():
            return {**found, "skipped": True}
        rows: list[FilmRow] = []
        try:
            for row in self._crew.answers(Feed(self._items(number))):
                if row is not None:
                    rows.append(row)
                    if len(rows) == self._task.rows:
                        found["shards"].append(self._stage(rows))
            if rows:
                found["shards"].append(self._stage(rows))
        except HilumError as error:
            found["error"] = str(error)
        except OSError as error:
            found["error"] = f"A node could not read the plan or write its results: {error}."
        return found

    def _items(self, number: int) -> Iterator[Item]:
        for item in read_block(Path(self._task.plan), number):
            if isinstance(item.where, Stream):
                yield from self._streamed(item)
            else:
                yield item

    def _streamed(self, item: Item) -> Iterator[Item]:
        """Yield the films of a compressed tar that no finished shard holds."""
        import polars as pl

        done: set[str] = set()
        if any(Path(self._task.out).glob("part-*.parquet")):
            table = pl.scan_parquet(f"{self._task.out}/part-*.parquet")
            kept = table.filter(pl.col("path") == item.key)
            if self._task.retry_failed:
                kept = kept.filter(pl.col("error").is_null())
            done = set(kept.select("key").collect()["key"].to_list())
        for film in tar_items(files_of(item.path), item.path):
            if film.key not in done:
                yield film

    def _stage(self, rows: list[FilmRow]) -> dict[str, Any]:
        """Write rows to a file of their own, flushed to the disk, and forget them."""
        path = Path(self._task.staging) / f"{uuid.uuid4().hex}.parquet"
        with path.open("wb") as file:
            file.write(encoded(rows, self._task.classes, self._task.same))
            file.flush()
            os.fsync(file.fileno())
        refused = sum(row.accepted is False for row in rows)
        failed = sum(row.error is not None for row in rows)
        counts = {"films": len(rows), "refused": refused, "failed": failed}
        rows.clear()
        return {"name": path.name, **counts}
