"""One film from a cold process: `hilum screen` beside the usual torch script.

Both run with compiled modules, as an installed package does: without them every import costs two to
three times as much, and the ratio says more about Python's compiler than about either program.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from benchmarks.bundles import random_bundle
from benchmarks.rows import Row
from hilum.data.phantom import draw_phantom

ROUNDS = 7
PEER = Path(__file__).parent / "peers" / "cold_torch.py"
SMALL = "timm/mobilenetv3_large_100"
"""A network of 4 million parameters, about the size of one that can be shipped."""


# A small process starts and waits for the one measured: a child inherits its parent's peak memory
# until it replaces its program, and this process holds torch.
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
wall = time.perf_counter() - start
print(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)
sys.exit(status != 0)
"""


class Cost(NamedTuple):
    """What one process cost."""

    wall_s: float
    processor_s: float
    memory_mb: float


def _run(words: list[str], compiled: Path) -> Cost:
    """Run a command whose modules are compiled to, and found in, a folder."""
    environment = {name: value for name, value in os.environ.items() if not _compiles(name)}
    environment["PYTHONPYCACHEPREFIX"] = str(compiled)
    launch = [sys.executable, "-S", "-c", LAUNCHER, *words]
    done = subprocess.run(launch, check=True, capture_output=True, text=True, env=environment)
    return Cost(*map(float, done.stdout.split()))


def _compiles(name: str) -> bool:
    return name in {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"}


def _medians(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(column) for column in zip(*costs, strict=True)))


def _screen(film: Path, bundle: Path, heat: Path) -> list[str]:
    words = [sys.executable, "-m", "hilum", "screen", str(film), "--bundle", str(bundle)]
    return [*words, "--heatmaps", str(heat), "--json"]


def rows() -> list[Row]:
    """Time all in turn, each in a fresh process, a heatmap a class included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = folder / "film.png"
        picture = Image.fromarray(draw_phantom(np.random.default_rng(0), size=1024).pixels)
        picture.save(film)
        random_bundle("resnet18", folder / "bundle")
        random_bundle(SMALL, folder / "small")
        weights = str(folder / "bundle" / "weights.safetensors")
        commands = {
            "same": _screen(film, folder / "bundle", folder / "heat"),
            "torch": [sys.executable, str(PEER), str(film), weights, str(folder / "peer.png")],
            "small": _screen(film, folder / "small", folder / "heat"),
            "help": [sys.executable, "-m", "hilum", "--help"],
        }
        rounds = [
            {key: _run(words, folder / "compiled") for key, words in commands.items()}
            for _ in range(ROUNDS + 1)
        ][1:]  # the first compiles
    return _judged({key: [costs[key] for costs in rounds] for key in commands})


def _judged(costs: dict[str, list[Cost]]) -> list[Row]:
    median = {key: _medians(each) for key, each in costs.items()}
    ours, torch, small, helped = (median[key] for key in ("same", "torch", "small", "help"))
    pairs = list(zip(costs["same"], costs["torch"], strict=True))
    wall = statistics.median(b.wall_s / a.wall_s for a, b in pairs)
    processor = statistics.median(b.processor_s / a.processor_s for a, b in pairs)
    film, script = "one film from a cold process, three heatmaps", "torch script, one heatmap"
    return [
        Row(
            claim=f"{film}, resnet18", peer=script, ours=ours.wall_s, theirs=torch.wall_s,
            unit="s", ratio=wall, wanted="at least 10 times, under 0.7 s",
            met=wall >= 10 and ours.wall_s < 0.7,
        ),
        Row(
            claim="processor time of that", peer=script, ours=ours.processor_s,
            theirs=torch.processor_s, unit="s", ratio=processor, wanted="", met=True,
        ),
        Row(
            claim="peak memory of that", peer=script, ours=ours.memory_mb, theirs=torch.memory_mb,
            unit="MB", ratio=torch.memory_mb / ours.memory_mb, wanted="under 300 MB",
            met=ours.memory_mb < 300,
        ),
        Row(
            claim=f"{film}, 4 million parameters", peer="limit", ours=small.wall_s, theirs=None,
            unit="s", ratio=None, wanted="under 0.7 s", met=small.wall_s < 0.7,
        ),
        Row(
            claim="processor time of that, 4 million parameters", peer="", ours=small.processor_s,
            theirs=None, unit="s", ratio=None, wanted="", met=True,
        ),
        Row(
            claim="peak memory of that, 4 million parameters", peer="limit", ours=small.memory_mb,
            theirs=None, unit="MB", ratio=None, wanted="under 300 MB", met=small.memory_mb < 300,
        ),
        Row(
            claim="hilum --help", peer="limit", ours=helped.wall_s, theirs=None, unit="s",
            ratio=0.3 / helped.wall_s, wanted="under 0.3 s", met=helped.wall_s < 0.3,
        ),
    ]  # fmt: skip
