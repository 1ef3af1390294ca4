"""The machine that something was measured on, as far as speed depends on it."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from hilum.screening.cores import load_average, usable_cores
from hilum.screening.engines.processor import processor_flags, processor_name

__all__ = ["describe_machine", "fair_threads", "too_busy"]

_MEMORY = Path("/proc/meminfo")
_FREE = 0.5
"""Share of a core that others may have before figures are called into doubt."""


def describe_machine() -> dict[str, Any]:
    """Return processor, cores, instructions, memory, system and Python; plain values for JSON."""
    return {
        "processor": processor_name(),
        "cores": os.cpu_count(),
        "cores_used": usable_cores(),
        "instructions": list(processor_flags()),
        "memory_gb": _memory_gb(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _memory_gb() -> float | None:
    """Return main memory in GB (10^9 bytes), where the system says."""
    try:
        lines = _MEMORY.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found = [int(line.split()[1]) for line in lines if line.startswith("MemTotal")]
    return round(found[0] * 1024 / 1e9, 1) if found else None


def too_busy(load: float | None) -> bool:
    """Say whether others had the machine before anything was measured."""
    return load is not None and load > _FREE


def fair_threads() -> int:
    """Return how many threads an inference should have: one a core, or 1 on a busy machine.

    Threads that wait for one that was put aside lose turns, and libraries lose differently: with
    two threads on two busy cores eager torch took ten times as long as with one, and ONNX Runtime
    no longer.
    """
    return 1 if too_busy(load_average()) else usable_cores()
