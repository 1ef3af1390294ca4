"""Memory that a process keeps from one film to the next.

glibc takes large blocks from the kernel and gives them back when they are freed, so every film of
2,000 pixels a side comes with thousands of page faults. A process that reads films one after the
other keeps what it has instead.

References:
    mallopt(3): M_MMAP_THRESHOLD, M_TRIM_THRESHOLD.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["keep_memory"]

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGEST = 1 << 30
_MOST_KEPT = 256 << 20


def keep_memory() -> bool:
    """Have this process keep up to 256 MiB that it has freed; return whether that was possible.

    For processes that are hilum's own, before they read the first film: it holds for all that the
    process does. The most it ever takes is not changed. Only glibc can do it.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGEST)) & bool(mallopt(_M_TRIM_THRESHOLD, _MOST_KEPT))
