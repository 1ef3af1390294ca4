"""What a process does that looks at films nobody has vouched for: it can be spared."""

from __future__ import annotations

import contextlib
import ctypes
import signal
import sys
from pathlib import Path

__all__ = ["be_expendable"]

_PR_SET_PDEATHSIG = 1


def be_expendable() -> None:
    """Leave Ctrl-C to the parent, do not outlive it, and be the first to go if memory is short."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
