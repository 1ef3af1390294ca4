"""An archive on one machine: films a second with one and two workers in turn, and memory.

    python -m benchmarks.bench_archive                   one worker and two, in turn
    python -m benchmarks.bench_archive --memory 100000   memory over so many films

Rates are taken from the first answer to the last: a worker takes about a second to start, which
matters to a thousand films and not to a million.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.rows import Row
from hilum.data.phantom import draw_phantom
from hilum.screening.archive.item import Item
from hilum.screening.archive.progress import Progress
from hilum.screening.archive.row import FilmRow
from hilum.screening.archive.run import ArchiveOptions, screen_archive
from hilum.screening.archive.worker import Job

FILMS = 200
ROUNDS = 3
WANTED = 0.9
NETWORKS = ("resnet18", "densenet121")
CLASSES = ("normal", "consolidation", "ground_glass")
MAKE = """
import sys
from pathlib import Path
from benchmarks.bundles import random_bundle
random_bundle(sys.argv[1], Path(sys.argv[2]), size=int(sys.argv[3]))
"""


def make_bundle(network: str, folder: Path, *, size: int = 224) -> Path:
    """Write a bundle of random weights, in a process that may import torch: this one must not."""
    words = [sys.executable, "-c", MAKE, network, str(folder), str(size)]
    subprocess.run(words, check=True, capture_output=True)
    return folder


def draw_films(folder: Path, films: int, *, size: int = 1024, distinct: int = 24) -> Path:
    """Write JPEG phantoms into a folder, few distinct ones under many names."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    first = []
    for number in range(min(distinct, films)):
        first.append(folder / f"{number:07d}.jpg")
        Image.fromarray(draw_phantom(rng, size=size).pixels).save(first[-1], quality=92)
    for number in range(len(first), films):
        place = folder / f"{number // 1000:04d}"
        place.mkdir(exist_ok=True)
        os.link(first[number % distinct], place / f"{number:07d}.jpg")
    return folder


class Pace(NamedTuple):
    """Films a second, and processor milliseconds of the workers a film; both after the start."""

    rate: float
    cpu_ms: float


def pace(films: Path, bundle: Path, workers: int) -> Pace:
    """Screen films and return how fast it went."""
    told: list[tuple[Progress, float]] = []

    def say(progress: Progress) -> None:
        if progress.now:
            told.append((progress, _children_cpu_s()))

    with tempfile.TemporaryDirectory() as out:
        options = ArchiveOptions(workers=workers)
        screen_archive([films], bundle, Path(out) / "out", options, say=say)
    (first, begun), (last, ended) = told[0], told[-2]
    return Pace(told[-1][0].rate, 1000 * (ended - begun) / (last.now - first.now))


def rows(
    networks: Sequence[str] = NETWORKS, *, count: int = FILMS, rounds: int = ROUNDS
) -> list[Row]:
    """Screen the same films with one worker and with two, in turn."""
    found = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        films = draw_films(folder / "films", count)
        for network in networks:
            bundle = make_bundle(network, folder / network)
            pairs = [(pace(films, bundle, 1), pace(films, bundle, 2)) for _ in range(rounds)]
            claim = f"archive of 1024-pixel JPEGs, {network}, two workers"
            found += [_rate_row(claim, pairs), _cpu_row(claim, pairs)]
    return found


def _rate_row(claim: str, pairs: Sequence[tuple[Pace, Pace]]) -> Row:
    ratio = statistics.median(two.rate / one.rate for one, two in pairs)
    return Row(
        claim=claim, peer="one worker", unit="films/s", ratio=ratio,
        ours=statistics.median(two.rate for _, two in pairs),
        theirs=statistics.median(one.rate for one, _ in pairs),
        wanted="at least 90 % of linear: 1.8 times", met=ratio >= 2 * WANTED,
    )  # fmt: skip


def _cpu_row(claim: str, pairs: Sequence[tuple[Pace, Pace]]) -> Row:
    """Return what a second worker costs the first: memory and caches are shared, too."""
    ratio = statistics.median(one.cpu_ms / two.cpu_ms for one, two in pairs)
    return Row(
        claim=f"{claim}: processor time a film", peer="one worker", unit="ms", ratio=ratio,
        ours=statistics.median(two.cpu_ms for _, two in pairs),
        theirs=statistics.median(one.cpu_ms for one, _ in pairs),
        wanted="at least 0.9: the same work, whatever else the machine does", met=ratio >= WANTED,
    )  # fmt: skip


def _children() -> list[str]:
    me = os.getpid()
    return Path(f"/proc/{me}/task/{me}/children").read_text().split()


def _children_cpu_s() -> float:
    """Return processor seconds that the children of this process have used so far."""
    ticks = 0
    for pid in _children():
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def fake(_job: Job) -> Callable[[Item, bytes], FilmRow]:
    """Open a screener that answers without looking."""
    odds = dict.fromkeys(CLASSES, 1 / len(CLASSES))
    return lambda item, data: FilmRow(
        key=item.key, path=item.path, member=item.member or None, sha256=f"{len(data):064d}",
        accepted=True, probabilities=odds, decision=CLASSES[0],
    )  # fmt: skip


def memory(films: int, *, real: bool) -> list[dict[str, float]]:
    """Screen so many films and return resident memory in MB of run and workers, as it went.

    Args:
        films: How many; few distinct 128-pixel JPEGs under as many names.
        real: A network of 64 pixels answers; otherwise nobody looks at the films.
    """
    told: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = make_bundle("resnet18", folder / "bundle", size=64)
        draw_films(folder / "films", films, size=128)
        options = ArchiveOptions(workers=2) if real else ArchiveOptions(workers=2, open=fake)

        def say(progress: Progress) -> None:
            if not told or progress.now >= told[-1]["films"] + films / 20:
                told.append({"films": progress.now, **_resident()})

        start, spent = time.perf_counter(), time.process_time()
        screen_archive([folder / "films"], bundle, folder / "out", options, say=say)
        spent = time.process_time() - spent
        seconds = {"seconds": round(time.perf_counter() - start, 1), "run_cpu_s": round(spent, 1)}
        told.append({"films": films, **seconds})
        screen_archive(
            [folder / "films"], bundle, folder / "out",
            ArchiveOptions(workers=2, resume=True, open=options.open),
        )  # fmt: skip
        told.append({"films": films, "after resuming": 1, **_resident()})
    return told


def _resident() -> dict[str, float]:
    """Return resident memory in MB of this process and of the largest of its children."""
    return {"run": _mb(str(os.getpid())), "worker": max(map(_mb, _children()), default=0.0)}


def _mb(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [int(line.split()[1]) for line in lines if line.startswith("VmRSS")]
    return round(sum(found) / 1024, 1)


def main(words: Sequence[str] | None = None) -> None:
    """Print rates, or memory."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--memory", type=int, metavar="FILMS", help="measure memory instead")
    parser.add_argument("--fake", action="store_true", help="of a run in which nobody looks")
    parser.add_argument("--network", nargs="+", default=NETWORKS)
    parser.add_argument("--films", type=int, default=FILMS)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args(words)
    if given.memory:
        for line in memory(given.memory, real=not given.fake):
            print(json.dumps(line), flush=True)
        return
    for row in rows(given.network, count=given.films, rounds=given.rounds):
        print(json.dumps(asdict(row)), flush=True)


if __name__ == "__main__":
    main()
