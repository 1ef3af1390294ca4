"""Speed: what hilum takes here, and what it takes beside its natural peers.

Every claim of speed that the documents make is a row that this room measures. Peers are imported
inside functions, so that the room works where torch is not installed; where a peer is missing, its
row says how to get it.

* row.py, turns.py          a measured claim; timing several things fairly
* case.py, groups.py        what can be measured, and what it needs
* run.py, machine.py        measuring it, and the machine it was measured on
* results.py                the file it is kept in
* table.py, plot.py         the same for people
* cases/                    one file a group
* peers/                    what others' programs look like
"""

from __future__ import annotations

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.groups import GROUPS
from hilum.benchmark.results import Results, read_results, write_results
from hilum.benchmark.row import Row
from hilum.benchmark.run import run_benchmarks

__all__ = [
    "GROUPS",
    "Case",
    "Results",
    "Row",
    "Settings",
    "read_results",
    "run_benchmarks",
    "write_results",
]
