"""How many processor cores this process may really use, and how many threads want one.

Inference is fastest with one thread a physical core: two hyper-threads share one multiplier, and
a container's quota may be less than what the machine has.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

__all__ = ["load_average", "usable_cores"]

_CPUS = Path("/sys/devices/system/cpu")
_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> int:
    """Return the number of physical cores, at least 1, within affinity and container quota."""
    if hasattr(os, "sched_getaffinity"):
        allowed = os.sched_getaffinity(0)
        cores = len({_siblings(cpu) for cpu in allowed})
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _quota(cores)))


def load_average() -> float | None:
    """Return how many threads wanted a core in the last minute, where the system says."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _siblings(cpu: int) -> str:
    """Return a name that is the same for all logical processors of one physical core."""
    try:
        return (_CPUS / f"cpu{cpu}" / "topology" / "thread_siblings_list").read_text()
    except OSError:
        return str(cpu)


def _quota(cores: int) -> int:
    """Return the whole cores that the container's quota allows; `cores` without a quota."""
    try:
        limit, period = _QUOTA.read_text().split()
        return cores if limit == "max" else math.ceil(int(limit) / int(period))
    except (OSError, ValueError):
        return cores
