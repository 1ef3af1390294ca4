"""Screen an archive on a Ray cluster: the rows, shards and resuming of one machine, on many.

Ray Data hands block numbers to actors and hands them out again when a node is lost. Whatever an
actor finished lies in a staging folder until the driver takes it into the results, one rename a
shard, so nothing is lost and nothing is doubled. All nodes must see the sources, the bundle and
the results under the same paths: shared folders, or URLs for the sources.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from hilum.errors import HilumError, MissingExtraError
from hilum.screening.archive.plan import write_plan
from hilum.screening.archive.progress import Progress
from hilum.screening.archive.ray_block import BlockScreener, Task
from hilum.screening.archive.run import (
    ArchiveOptions,
    Prepared,
    Say,
    full_disk_told,
    prepared_run,
)
from hilum.screening.archive.summary import Summary

__all__ = ["screen_archive_on_ray"]

_BLOCK = 512
"""Films of a block, at most: some 20 s of work, which is what the loss of a node costs."""

_READS = 10_000
_WORK = ".ray-"


def screen_archive_on_ray(
    sources: Sequence[str | Path],
    bundle: str | Path,
    out: Path,
    options: ArchiveOptions | None = None,
    *,
    address: str = "auto",
    say: Say | None = None,
    stop: Callable[[], bool] = bool,
) -> Summary:
    """Screen every film of an archive on a Ray cluster. For research use only.

    Args:
        sources: As for `screen_archive`.
        bundle: The bundle's folder, where every node sees it.
        out: Folder of the results, where every node sees it.
        options: How; `workers` are actors, one a core of the cluster by default.
        address: Of the cluster; "auto" for the one this machine belongs to, "local" to start one
            on this machine. Ignored where the caller has connected already.
        say: Told how far the run is, after each block.
        stop: Asked after each block; when it returns True, blocks that were begun are finished.

    Returns:
        What came of all films, earlier sessions included.

    Raises:
        MissingExtraError: If Ray is not installed.
        HilumError: If the cluster cannot be reached, and as `screen_archive` does.
    """
    options = options or ArchiveOptions()
    with prepared_run(sources, bundle, out, options) as run:
        start = time.monotonic()
        with _work_folder(run.out) as work:
            rows = min(_BLOCK, options.shard_rows)
            with full_disk_told(run.out):
                blocks, films = write_plan(run.to_do(streams=True), work / "plan", rows=rows)
            counter = _Counter(len(run.done), films, say)
            complete = True
            if blocks:
                with _connected(address) as ray:
                    staged = _staged(ray, _task(run, work, options), blocks, options.workers)
                    complete = _adopt(staged, run, work, counter, stop)
        run.watch.check()
        return run.finish(now=counter.now, seconds=time.monotonic() - start, complete=complete)


def _task(run: Prepared, work: Path, options: ArchiveOptions) -> Task:
    return Task(
        job=run.job,
        out=str(run.out.absolute()),
        go=str(work / "go"),
        plan=str(work / "plan"),
        staging=str(work / "staging"),
        classes=run.watch.bundle.record.classes,
        same=run.shards.same,
        rows=options.shard_rows,
        retry_failed=options.retry_failed,
        film_timeout_s=options.film_timeout_s,
    )


def _staged(ray: Any, task: Task, blocks: int, workers: int | None) -> Iterator[dict[str, Any]]:
    """Yield what became of each block, in the order in which they are done."""
    actors = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
    data = import_module("ray.data")
    context = data.DataContext.get_current()
    context.enable_progress_bars = False
    logging.getLogger("ray.data").setLevel(logging.ERROR)
    context.execution_options.preserve_order = False
    numbers = data.range(blocks, override_num_blocks=min(blocks, _READS))
    done = numbers.map_batches(
        BlockScreener,
        fn_constructor_args=(task,),
        batch_size=1,
        # Ray Data restarts actors and repeats their tasks without end unless told otherwise.
        compute=data.ActorPoolStrategy(min_size=1, max_size=min(actors, blocks)),
        num_cpus=1,
    )
    try:
        for row in done.iter_rows():
            yield json.loads(row["staged"])
    except ray.exceptions.RayError as error:
        raise HilumError(
            f"The Ray cluster failed: {error}\nWhat is done is safe; go on with --resume."
        ) from error


def _adopt(
    staged: Iterator[dict[str, Any]],
    run: Prepared,
    work: Path,
    counter: _Counter,
    stop: Callable[[], bool],
) -> bool:
    """Take finished blocks into the results; return whether all came.

    Ray must not be left while it works. To stop, a file is taken away (which a full disk allows);
    the actors skip what they have not begun, and the iteration comes to its end by itself.
    """
    fault: HilumError | None = None
    seen: set[int] = set()
    complete = True
    for block in staged:
        if block["skipped"]:
            complete = False
        elif fault is None and block["block"] not in seen:
            seen.add(block["block"])
            try:
                _take(block, run, work / "staging", counter)
            except HilumError as error:
                fault = error
        if fault is not None or stop():
            (work / "go").unlink(missing_ok=True)
    if fault is not None:
        raise fault
    return complete


def _take(block: dict[str, Any], run: Prepared, staging: Path, counter: _Counter) -> None:
    if block["error"] is not None:
        raise HilumError(f"{block['error']} What is done is safe; go on with --resume.")
    for shard in block["shards"]:
        run.adopt(staging / shard["name"])
        counter.add(shard)


class _Counter:
    """Count films of adopted shards and say how far the run is."""

    def __init__(self, before: int, films: int, say: Say | None) -> None:
        self._before, self._films, self._say = before, films, say
        self._begun = time.monotonic()
        self.now = self._refused = self._failed = 0

    def add(self, shard: dict[str, Any]) -> None:
        """Count a shard."""
        self.now += shard["films"]
        self._refused += shard["refused"]
        self._failed += shard["failed"]
        if self._say is not None:
            elapsed = time.monotonic() - self._begun
            progress = Progress(
                done=self._before + self.now,
                now=self.now,
                refused=self._refused,
                failed=self._failed,
                rate=self.now / elapsed if elapsed > 0 else 0.0,
                total=self._before + max(self._films, self.now),
                counted=True,
            )
            self._say(progress)


@contextmanager
def _work_folder(out: Path) -> Iterator[Path]:
    """Yield a folder of this attempt, and delete it and those of killed ones."""
    for left in out.glob(f"{_WORK}*"):
        shutil.rmtree(left, ignore_errors=True)
    work = (out / f"{_WORK}{uuid.uuid4().hex[:12]}").absolute()
    with full_disk_told(out):
        for name in ("plan", "staging"):
            (work / name).mkdir(parents=True)
        (work / "go").touch()
    try:
        yield work
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Yield Ray, connected; disconnect unless the caller had connected before.

    Raises:
        MissingExtraError: If Ray is not installed.
        HilumError: If the cluster cannot be reached.
    """
    try:
        ray = import_module("ray")
        import_module("ray.data")
    except ImportError as error:
        raise MissingExtraError("ray", "scale") from error
    if ray.is_initialized():
        yield ray
        return
    # Hospital networks are closed, and nobody was asked.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise HilumError(
            f"There is no Ray cluster at {address!r} ({error}). Start one with `ray start --head`, "
            "give its address, or start one on this machine with --ray local."
        ) from error
    try:
        yield ray
    finally:
        ray.shutdown()
