"""Memory that is freed stays with the process, up to a bound, and only where it is asked to."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from hilum.data import kept_memory

_FAULTS = """
import resource
import sys
from hilum.data.kept_memory import keep_memory

if sys.argv[1] == "keep":
    assert keep_memory()


def faults(mib, times):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        blocks = [bytearray(mib << 20) for _ in range(2)]  # filled with zeros, page by page
        del blocks
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def rss_mib():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20


faults(12, 2)
start = rss_mib()
print(faults(12, 10), end=" ")
faults(200, 2)
print(rss_mib() - start)
"""

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc can do it")


def _measured(how: str) -> tuple[int, int]:
    said = subprocess.run(
        [sys.executable, "-c", _FAULTS, how], capture_output=True, text=True, check=True
    ).stdout.split()
    return int(said[0]), int(said[1])


@glibc
def test_a_process_that_keeps_memory_takes_it_once() -> None:
    kept, _ = _measured("keep")
    given_back, _ = _measured("not")
    assert kept < given_back / 10


@glibc
def test_what_is_kept_has_a_bound() -> None:
    _, more = _measured("keep")
    assert more <= 300


def test_where_it_cannot_be_done_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(_name: object) -> object:
        return object()

    monkeypatch.setattr(kept_memory.ctypes, "CDLL", none)
    assert not kept_memory.keep_memory()
    monkeypatch.setattr(kept_memory.sys, "platform", "darwin")
    assert not kept_memory.keep_memory()
