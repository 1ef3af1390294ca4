"""Real processes, really killed."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hilum.screening.bundle import Bundle

Call = Callable[..., Any]
ROWS = 12

SCRIPT = """
import sys
from pathlib import Path
from hilum.screening.archive.run import ArchiveOptions, screen_archive
if __name__ == "__main__":
    sys.path.insert(0, {modules!r})
    {first}
    from hilum_test_openers import slow
    options = ArchiveOptions(workers=2, shard_rows={rows}, resume=True, open=slow)
    print(screen_archive([{films!r}], {bundle!r}, Path({out!r}), options).films)
"""


@pytest.fixture
def many(films: Path) -> Path:
    """A hundred and eight films, and one that cannot be read."""
    for number, path in enumerate(sorted(films.rglob("*.png"))):
        for copy in range(11):
            (films / f"{number}-{copy}.png").write_bytes(path.read_bytes())
    (films / "text.png").write_text("no picture")
    return films


@pytest.fixture
def start(many: Path, bundle: Bundle, opener: Call, tmp_path: Path) -> Call:
    """Return a function that starts a run of its own process group."""
    modules = str(Path(sys.modules[opener("slow").__module__].__file__ or "").parent)

    def begin(out: Path, first: str = "") -> subprocess.Popen[str]:
        (tmp_path / "job.py").write_text(
            SCRIPT.format(
                rows=ROWS, films=str(many), bundle=str(bundle.folder), out=str(out),
                modules=modules, first=first,
            )
        )  # fmt: skip
        return subprocess.Popen(
            [sys.executable, str(tmp_path / "job.py")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    return begin


def children(pid: int) -> list[int]:
    """Return the processes that a process started, on Linux."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def workers(pid: int) -> list[int]:
    return [child for child in children(pid) if "spawn_main" in command(child)]


def command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def state(pid: int) -> str:
    """Return what a process does: S sleeps, T is stopped, Z is dead and not collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().split()[2]
    except OSError:
        return "absent"


def alive(pid: int) -> bool:
    return state(pid) not in ("Z", "absent")


def wait_for(condition: Call, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def shards(out: Path) -> int:
    return len(list(out.glob("part-*.parquet")))


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    return out


def table(out: Path) -> pl.DataFrame:
    return pl.read_parquet(f"{out}/*.parquet").sort("key").drop("seconds")


@pytest.mark.slow
def test_runs_killed_at_random_moments_end_as_an_unbroken_one(start: Call, tmp_path: Path) -> None:
    rng, out = random.Random(5), tmp_path / "broken"
    for kill in range(4):
        process = start(out)
        begun = shards(out)
        wait_for(lambda begun=begun, run=process: shards(out) > begun or run.poll() is not None)
        time.sleep(rng.random() / 4)
        victims = workers(process.pid) if kill % 2 else []
        process.kill()
        process.communicate()
        wait_for(lambda victims=victims: not any(map(alive, victims)), seconds=5)
        rows = table(out)
        assert rows["key"].n_unique() == rows.height
    assert finish(start(out)) == "109\n"
    finish(start(tmp_path / "unbroken"))
    assert table(out).equals(table(tmp_path / "unbroken"))
    assert not list(out.glob(".part*"))


def kill_all_workers(process: subprocess.Popen[str]) -> None:
    """Kill every worker while the run is held still.

    Otherwise it could hand the film of the first to the second in between, and a film that is
    there at two deaths is rightly given up.
    """
    os.kill(process.pid, signal.SIGSTOP)
    wait_for(lambda: state(process.pid) == "T")
    victims = workers(process.pid)
    for victim in victims:
        os.kill(victim, signal.SIGKILL)
    os.kill(process.pid, signal.SIGCONT)
    assert len(victims) == 2


def test_killed_workers_cost_no_film(start: Call, tmp_path: Path) -> None:
    process = start(tmp_path / "out")
    wait_for(lambda: shards(tmp_path / "out") > 0)
    kill_all_workers(process)
    assert finish(process) == "109\n"
    rows = table(tmp_path / "out")
    assert rows["key"].n_unique() == 109
    assert rows["error"].drop_nulls().len() == 1


def test_workers_do_not_outlive_a_killed_parent(start: Call, tmp_path: Path) -> None:
    process = start(tmp_path / "out")
    wait_for(lambda: shards(tmp_path / "out") > 0)
    orphans = workers(process.pid)
    assert len(orphans) == 2
    process.kill()
    process.communicate()
    wait_for(lambda: not any(map(alive, orphans)), seconds=5)


def test_a_disk_that_takes_no_more_stops_the_run_and_another_goes_on(
    start: Call, tmp_path: Path
) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))"
    process = start(tmp_path / "out", limit)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "DataError: The results could not be written to" in err
    assert "go on with --resume" in err
    assert not list((tmp_path / "out").glob("*part*"))
    assert finish(start(tmp_path / "out")) == "109\n"
