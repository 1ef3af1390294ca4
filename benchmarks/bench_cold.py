"""One film from a cold process: `hilum screen` beside the usual torch script."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.bundles import random_bundle
from benchmarks.rows import Row
from hilum.data.phantom import draw_phantom

ROUNDS = 5
PEER = Path(__file__).parent / "peers" / "cold_torch.py"


# A small process starts and waits for the one measured: a child inherits its parent's peak memory
# until it replaces its program, and this process holds torch.
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
quiet = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
_, status, usage = os.wait4(child, 0)
print(time.perf_counter() - start, usage.ru_maxrss / 1024)
sys.exit(status != 0)
"""


def _timed(words: list[str]) -> tuple[float, float]:
    """Run a command; return its wall seconds and its peak memory in MB."""
    launch = [sys.executable, "-S", "-c", LAUNCHER, *words]
    printed = subprocess.run(launch, check=True, capture_output=True, text=True).stdout
    seconds, memory = map(float, printed.split())
    return seconds, memory


def rows() -> list[Row]:
    """Time both in turn, each in a fresh process, heatmap included."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _, bundle = random_bundle("resnet18", folder / "bundle")
        film = folder / "film.png"
        picture = Image.fromarray(draw_phantom(np.random.default_rng(0), size=1024).pixels)
        picture.save(film)
        ours = [sys.executable, "-m", "hilum", "screen", str(film), "--bundle", str(bundle.folder)]
        ours += ["--heatmaps", str(folder / "heat"), "--json"]
        weights = str(folder / "bundle" / "weights.safetensors")
        theirs = [sys.executable, str(PEER), str(film), weights, str(folder / "peer.png")]
        _timed(ours), _timed(theirs)
        pairs = [(_timed(ours), _timed(theirs)) for _ in range(ROUNDS)]
    seconds = statistics.median(a[0] for a, _ in pairs)
    peer = statistics.median(b[0] for _, b in pairs)
    ratio = statistics.median(b[0] / a[0] for a, b in pairs)
    memory = statistics.median(a[1] for a, _ in pairs)
    peer_memory = statistics.median(b[1] for _, b in pairs)
    helped = statistics.median(
        _timed([sys.executable, "-m", "hilum", "--help"])[0] for _ in "12345"
    )
    name = "torch + torchvision script"
    return [
        Row(
            claim="one film from a cold process, with heatmap", peer=name, ours=seconds,
            theirs=peer, unit="s", ratio=ratio, wanted="at least 8 times, under 1 s",
            met=ratio >= 8 and seconds < 1,
        ),
        Row(
            claim="peak memory of that process", peer=name, ours=memory, theirs=peer_memory,
            unit="MB", ratio=peer_memory / memory, wanted="under 350 MB", met=memory < 350,
        ),
        Row(
            claim="hilum --help", peer="limit", ours=helped, theirs=None, unit="s",
            ratio=0.3 / helped, wanted="under 0.3 s", met=helped < 0.3,
        ),
    ]  # fmt: skip
