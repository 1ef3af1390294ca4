"""Measure how much memory a bundle's network takes, in a process of its own.

Run as `python -m hilum.screening.cost_memory BUNDLE THREADS`; prints one JSON object. A process of
its own, because the greatest memory a process ever held says nothing of one network among several,
and because a network's memory is not all given back when it is closed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np

from hilum.errors import HilumError
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine

__all__ = ["memory_bytes", "peak_bytes"]

_STATUS = Path("/proc/self/status")
_RUNS = 3
_LIMIT_S = 600


def memory_bytes(bundle: str | Path, threads: int) -> int:
    """Return by how much a process grows to open a bundle's network and run it on one image.

    Args:
        bundle: Its folder.
        threads: Of one inference.

    Raises:
        HilumError: If the process fails, or this system does not say how much memory it held.
    """
    command = [sys.executable, "-m", "hilum.screening.cost_memory", str(bundle), str(threads)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module, no shell
            command, capture_output=True, text=True, check=False, timeout=_LIMIT_S
        )
    except subprocess.TimeoutExpired as error:
        raise HilumError(f"Measuring memory took more than {_LIMIT_S} s.") from error
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise HilumError(f"Memory could not be measured: {last}")
    answer = json.loads(done.stdout)
    return int(answer["after"]) - int(answer["before"])


def peak_bytes() -> int:
    """Return the most memory this process ever held, in bytes.

    On Linux /proc is asked: what getrusage says there begins with the memory of the parent.

    Raises:
        HilumError: If this system does not say.
    """
    if _STATUS.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", _STATUS.read_text())
        if found:
            return int(found[1]) * 1024
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    raise HilumError("this system does not say how much memory a process held")


def _measure(folder: str, threads: int) -> dict[str, int]:

    bundle = Bundle.load(folder, verify=False)
    record = bundle.record
    side = record.preprocessing.size
    image = np.zeros((1, record.architecture.channels, side, side), np.float32)
    before = peak_bytes()
    engine = Engine(bundle, threads=threads)
    for _run in range(_RUNS):
        engine.run(image)
    return {"before": before, "after": peak_bytes()}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_measure(sys.argv[1], int(sys.argv[2]))))
