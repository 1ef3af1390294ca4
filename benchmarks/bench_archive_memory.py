"""Memory of an archive run over many films, as it goes; and again when it is resumed.

python -m benchmarks archive-memory 100000          a network of 64 pixels answers
python -m benchmarks archive-memory 100000 --fake   nobody looks at the films
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from hilum.benchmark.bundles import CLASSES, random_bundle
from hilum.benchmark.pictures import archive_of
from hilum.screening.archive.item import Item
from hilum.screening.archive.progress import Progress
from hilum.screening.archive.row import FilmRow
from hilum.screening.archive.run import ArchiveOptions, screen_archive
from hilum.screening.archive.worker import Job


def fake(_job: Job) -> Callable[[Item, bytes], FilmRow]:
    """Open a screener that answers without looking."""
    odds = dict.fromkeys(CLASSES, 1 / len(CLASSES))
    return lambda item, data: FilmRow(
        key=item.key, path=item.path, member=item.member or None, sha256=f"{len(data):064d}",
        accepted=True, probabilities=odds, decision=CLASSES[0],
    )  # fmt: skip


def memory(folder: Path, bundle: Path, films: int, *, real: bool) -> list[dict[str, float]]:
    """Screen so many films and return resident memory in MB of run and workers, as it went.

    Args:
        folder: Empty; for films and answers.
        bundle: Of a network of three classes.
        films: How many; few distinct 128-pixel JPEGs under as many names.
        real: The network answers; otherwise nobody looks at the films.
    """
    told: list[dict[str, float]] = []
    archive = archive_of(folder / "films", films, side=128)
    options = ArchiveOptions(workers=2) if real else ArchiveOptions(workers=2, open=fake)

    def say(progress: Progress) -> None:
        if not told or progress.now >= told[-1]["films"] + films / 20:
            told.append({"films": progress.now, **_resident()})

    start, spent = time.perf_counter(), time.process_time()
    screen_archive([str(archive)], bundle, folder / "out", options, say=say)
    spent = time.process_time() - spent
    seconds = {"seconds": round(time.perf_counter() - start, 1), "run_cpu_s": round(spent, 1)}
    told.append({"films": films, **seconds})
    again = ArchiveOptions(workers=2, resume=True, open=options.open)
    screen_archive([str(archive)], bundle, folder / "out", again)
    told.append({"films": films, "after resuming": 1, **_resident()})
    return told


def _resident() -> dict[str, float]:
    """Return resident memory in MB of this process and of the largest of its children."""
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children").read_text().split()
    return {"run": _mb(str(me)), "worker": max(map(_mb, children), default=0.0)}


def _mb(pid: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    found = [int(line.split()[1]) for line in lines if line.startswith("VmRSS")]
    return round(sum(found) / 1024, 1)


def _bundle_in_a_child(folder: Path) -> Path:
    """Write a bundle in a process of its own: this one must not hold torch."""
    child = os.fork()
    if not child:
        try:
            random_bundle("resnet18", folder, size=64)
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    return folder


def main() -> None:
    """Print memory, a line a twentieth of the films."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("films", type=int, metavar="FILMS")
    parser.add_argument("--fake", action="store_true", help="nobody looks at the films")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bundle = _bundle_in_a_child(Path(name) / "bundle")
        for line in memory(Path(name), bundle, given.films, real=not given.fake):
            print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
