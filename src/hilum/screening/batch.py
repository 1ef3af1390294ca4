"""Screen an archive: every radiograph of a manifest, with one bundle, into a table.

Films are decoded in threads while the network works on those already decoded, and only a few
batches are ever held in memory, however long the manifest.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hilum.errors import DataError, HilumError, ImageReadError
from hilum.screening.bundle import Bundle
from hilum.screening.cores import usable_cores
from hilum.screening.screener import Screener

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest
    from hilum.evaluation.predictions import Predictions

__all__ = ["predict_manifest"]

Progress = Callable[[int, int], None]
"""Called with (done, total)."""

_COLUMNS = ("path", "patient_id", "label", "source")
_SHOWN = 20
_AHEAD = 4
"""Films decoded or waiting for each thread."""

logger = logging.getLogger(__name__)


def predict_manifest(
    bundle_folder: str | Path | Bundle,
    manifest: Manifest,
    *,
    progress: Progress | None = None,
    workers: int | None = None,
    batch_size: int = 16,
    skip_failures: bool = False,
) -> Predictions:
    """Return calibrated probabilities for every radiograph of a manifest.

    The input gate is not asked: an evaluation that leaves out what a gate refuses measures
    something else.

    Args:
        bundle_folder: The bundle, or its folder.
        manifest: Its labels must be classes of the bundle.
        progress: Called with (done, total) after each batch.
        workers: Threads that decode; None for one a core.
        batch_size: Pictures in one inference.
        skip_failures: Leave out films that give no answer, with a warning in the log, instead of
            raising.

    Returns:
        Predictions in the manifest's order, with its paths, patients, labels and sources.

    Raises:
        BundleError: If the bundle cannot be used.
        DataError: If labels are no classes of the bundle, or films give no answer; all are listed.
        ValueError: If `batch_size` or `workers` is below 1.
    """
    if batch_size < 1 or (workers is not None and workers < 1):
        raise ValueError(f"batch_size and workers must be at least 1, got {batch_size}, {workers}")
    screener = Screener(bundle_folder)
    classes = screener.bundle.record.classes
    _check_labels(manifest, classes)
    paths = manifest.paths()
    probabilities = np.full((len(paths), len(classes)), np.nan)
    problems: dict[int, str] = {}
    films = _read_ahead(screener, paths, workers or usable_cores(), problems)
    for batch in _batches(films, batch_size):
        rows, pictures = [row for row, _ in batch], np.stack([picture for _, picture in batch])
        probabilities[rows] = screener.infer(pictures)[0]
        if progress is not None:
            progress(rows[-1] + 1, len(paths))
    for row in np.flatnonzero(np.isnan(probabilities).any(axis=1)):
        problems.setdefault(int(row), "the network gave NaN or infinity for it")
    if progress is not None:
        progress(len(paths), len(paths))
    _report(paths, problems, skip_failures=skip_failures)
    return _predictions(manifest, classes, probabilities)


def _check_labels(manifest: Manifest, classes: Sequence[str]) -> None:
    unknown = [label for label in manifest.labels if label not in classes]
    if unknown:
        raise DataError(
            f"The manifest has labels that are no classes of the bundle: {', '.join(unknown)}. "
            f"Its classes are {', '.join(classes)}. Select rows, or rename the labels."
        )


def _read_ahead(
    screener: Screener, paths: Sequence[Path], workers: int, problems: dict[int, str]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """Yield (row, prepared picture) in order; films that fail go to `problems`."""
    waiting: deque[tuple[int, Future[NDArray[np.uint8]]]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="hilum-read") as pool:
        try:
            for row, path in enumerate(paths):
                waiting.append((row, pool.submit(_prepared, screener, path)))
                if len(waiting) >= _AHEAD * workers:
                    yield from _finished(waiting.popleft(), problems)
            while waiting:
                yield from _finished(waiting.popleft(), problems)
        finally:
            for _, future in waiting:
                future.cancel()


def _prepared(screener: Screener, path: Path) -> NDArray[np.uint8]:
    return screener.read(path)[1]


def _finished(
    item: tuple[int, Future[NDArray[np.uint8]]], problems: dict[int, str]
) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    row, future = item
    try:
        yield row, future.result()
    except ImageReadError as error:
        problems[row] = error.reason
    except (HilumError, OSError, MemoryError) as error:
        problems[row] = str(error) or type(error).__name__


def _batches(
    films: Iterator[tuple[int, NDArray[np.uint8]]], size: int
) -> Iterator[list[tuple[int, NDArray[np.uint8]]]]:
    while batch := list(islice(films, size)):
        yield batch


def _report(paths: Sequence[Path], problems: dict[int, str], *, skip_failures: bool) -> None:
    """Raise for the films that gave no answer, or log them."""
    if not problems:
        return
    lines = [f"{paths[row]}: {problems[row]}" for row in sorted(problems)]
    if skip_failures and len(problems) < len(paths):
        for line in lines:
            logger.warning("left out: %s", line)
        return
    shown = "".join(f"\n  - {line}" for line in lines[:_SHOWN])
    rest = f"\n  - ... and {len(lines) - _SHOWN} more" if len(lines) > _SHOWN else ""
    raise DataError(
        f"{len(lines)} of {len(paths)} radiographs gave no answer:{shown}{rest}\n"
        "Mend them, or take them out of the manifest."
    )


def _predictions(
    manifest: Manifest, classes: Sequence[str], probabilities: NDArray[np.float64]
) -> Predictions:
    from hilum.evaluation.predictions import Predictions

    rows = np.flatnonzero(~np.isnan(probabilities).any(axis=1))
    table = {name: manifest.frame[name].to_list() for name in _COLUMNS}
    kept = {name: [values[row] for row in rows] for name, values in table.items()}
    return Predictions(
        images=kept["path"],
        patient_ids=kept["patient_id"],
        labels=[classes.index(label) for label in kept["label"]],
        classes=classes,
        probabilities=probabilities[rows],
        sources=kept["source"],
    )
