"""What a whole process costs: wall time, processor time, peak memory.

A small process starts and waits for the one measured: a child inherits its parent's peak memory
until it replaces its program, and the parent may hold torch. Modules are compiled first, as an
installed package's are: without that every import costs two to three times as much, and a ratio
says more about Python's compiler than about either program.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from hilum.errors import HilumError

__all__ = ["ProcessCost", "cost_in_turn", "medians"]

_LAUNCHER = """
import os, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6)
sys.exit(status != 0)
"""
_COMPILING = {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}


class ProcessCost(NamedTuple):
    """What one process cost: seconds on the wall, of processors, and peak memory in 10^6 bytes."""

    wall_s: float
    processor_s: float
    memory_mb: float


def cost_in_turn(
    commands: Mapping[str, Sequence[str]], *, rounds: int, compiled: Path
) -> dict[str, list[ProcessCost]]:
    """Run commands in turn, each in a fresh process, and return what each cost every time.

    Args:
        commands: The words of each, by name.
        rounds: Timed runs of each; one before them compiles modules.
        compiled: Folder for compiled modules.

    Raises:
        HilumError: If a command fails; says what it wrote.
    """
    taken = [
        {name: _run(words, compiled) for name, words in commands.items()} for _ in range(rounds + 1)
    ][1:]
    return {name: [costs[name] for costs in taken] for name in commands}


def _run(words: Sequence[str], compiled: Path) -> ProcessCost:
    environment = {name: text for name, text in os.environ.items() if name not in _COMPILING}
    environment["PYTHONPYCACHEPREFIX"] = str(compiled)
    launch = [sys.executable, "-S", "-c", _LAUNCHER, *words]
    done = subprocess.run(  # noqa: S603  (our own interpreter and our own words)
        launch, check=False, capture_output=True, text=True, env=environment
    )
    if done.returncode:
        raise HilumError(f"{' '.join(words)} failed: {done.stderr.strip()[-500:]}")
    return ProcessCost(*map(float, done.stdout.split()))


def medians(costs: Sequence[ProcessCost]) -> ProcessCost:
    """Return the median of each part."""
    return ProcessCost(*(statistics.median(column) for column in zip(*costs, strict=True)))
