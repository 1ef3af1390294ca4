"""What processor this is, as far as the result of a fast engine depends on it."""

from __future__ import annotations

import platform
from pathlib import Path

__all__ = ["FLAGS", "processor_flags", "processor_name"]

FLAGS = (
    "avx2",
    "avx512f",
    "avx512_vnni",
    "avx_vnni",
    "avx512_bf16",
    "amx_bf16",
    "amx_int8",
    "asimd",
    "asimddp",
    "bf16",
    "i8mm",
)
"""Instructions by which engines choose how to multiply, as Linux names them."""

_LISTED = Path("/proc/cpuinfo")


def processor_name() -> str:
    """Return the processor's name, or its family where the system does not say."""
    for line in _lines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def processor_flags() -> tuple[str, ...]:
    """Return which of `FLAGS` the processor has; none where the system does not say."""
    for line in _lines():
        if line.startswith(("flags", "Features")):
            have = {*line.partition(":")[2].split()}
            return tuple(flag for flag in FLAGS if flag in have)
    return ()


def _lines() -> list[str]:
    try:
        return _LISTED.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
