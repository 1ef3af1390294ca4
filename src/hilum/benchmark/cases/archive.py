"""An archive on one machine: films a second with one worker and with one a core, in turn.

Rates are taken from the first answer to the last: a worker takes about a second to start, which
matters to a thousand films and not to a million.
"""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.pictures import archive_of
from hilum.benchmark.row import Row, compared, limited
from hilum.screening.archive.progress import Progress
from hilum.screening.archive.run import ArchiveOptions, screen_archive
from hilum.screening.cores import usable_cores
from hilum.screening.default import default_bundle

__all__ = ["CASES", "Pace", "measure", "pace"]

WANTED = 0.9
"""Share of linear that is wanted."""

NETWORK = "resnet18"
_ROUNDS = 3


class Pace(NamedTuple):
    """Films a second, and processor milliseconds of the workers a film (None if not known)."""

    rate: float
    cpu_ms: float | None


def pace(films: Path, bundle: Path, workers: int) -> Pace:
    """Screen films and return how fast it went, after the start."""
    told: list[tuple[Progress, float | None]] = []

    def say(progress: Progress) -> None:
        if progress.now:
            told.append((progress, _children_cpu_s()))

    with tempfile.TemporaryDirectory() as out:
        options = ArchiveOptions(workers=workers, force=True)
        screen_archive([str(films)], bundle, Path(out) / "out", options, say=say)
    return Pace(told[-1][0].rate, _cpu_ms(told))


def _cpu_ms(told: Sequence[tuple[Progress, float | None]]) -> float | None:
    """Return processor time a film between two reports, both while workers were alive."""
    if len(told) < 3:
        return None
    (first, begun), (last, ended) = told[0], told[-2]
    if begun is None or ended is None or last.now == first.now:
        return None
    return 1000 * (ended - begun) / (last.now - first.now)


def measure(claim: str, films: Path, bundle: Path, *, workers: int, rounds: int) -> list[Row]:
    """Screen the same films with one worker and with several, in turn.

    Args:
        claim: Which network.
        films: The archive.
        bundle: Its folder.
        workers: Several; with 1 there is nothing to compare.
        rounds: Runs of each.
    """
    one, more = [], []
    for _ in range(rounds):
        one.append(pace(films, bundle, 1))
        if workers > 1:
            more.append(pace(films, bundle, workers))
    alone = statistics.median(each.rate for each in one)
    if not more:
        return [limited(f"{claim}, one worker", alone, unit="films/s")]
    pairs = list(zip(one, more, strict=True))
    found = [
        compared(
            f"{claim}, {workers} workers", statistics.median(each.rate for each in more),
            "one worker", alone, statistics.median(b.rate / a.rate for a, b in pairs),
            unit="films/s", target=WANTED * workers, also=f"{WANTED:.0%} of linear",
        )
    ]  # fmt: skip
    known = [(a.cpu_ms, b.cpu_ms) for a, b in pairs if a.cpu_ms and b.cpu_ms]
    if known:
        mine, other = (statistics.median(side) for side in zip(*known, strict=True))
        found.append(
            compared(
                f"{claim}, {workers} workers: processor time a film", other, "one worker", mine,
                statistics.median(a / b for a, b in known), unit="ms", target=WANTED,
                note="the same work, whatever else the machine does",
            )
        )  # fmt: skip
    return found


def alone(settings: Settings) -> list[Row]:
    """Screen with the default bundle."""
    return measure(
        f"archive of {settings.small}-pixel JPEGs, default bundle", _archive(settings),
        default_bundle(), workers=usable_cores(), rounds=min(settings.few, _ROUNDS),
    )  # fmt: skip


def beside(settings: Settings) -> list[Row]:
    """Screen with a ResNet18, from which the documents project."""
    from hilum.benchmark.bundles import shared_bundle

    _, bundle = shared_bundle(NETWORK, settings.folder)
    return measure(
        f"archive of {settings.small}-pixel JPEGs, {NETWORK}", _archive(settings), bundle.folder,
        workers=usable_cores(), rounds=min(settings.few, _ROUNDS),
    )  # fmt: skip


def _archive(settings: Settings) -> Path:
    folder = settings.folder / "archive"
    if folder.is_dir():
        return folder
    return archive_of(folder, settings.archive, side=settings.small)


def _children_cpu_s() -> float | None:
    """Return processor seconds that this process's children have used so far, where Linux says."""
    me, ticks = os.getpid(), 0
    try:
        for pid in Path(f"/proc/{me}/task/{me}/children").read_text().split():
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    except OSError:
        return None
    return ticks / os.sysconf("SC_CLK_TCK")


CASES = (
    Case(claim="archive, default bundle", alone=alone, packages=("onnxruntime", "pillow")),
    Case(
        claim=f"archive, {NETWORK}", beside=beside, peer="one worker",
        needs=("torch", "torchvision", "safetensors", "onnxscript"),
        packages=("onnxruntime", "pillow"),
    ),
)  # fmt: skip
