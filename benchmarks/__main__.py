"""Run a study: python -m benchmarks NAME [its own arguments]. Speed is `hilum bench`."""

from __future__ import annotations

import argparse
import importlib
import sys

from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row

NAMES = (
    "archive-memory",
    "coverage",
    "duplicates",
    "gate",
    "gate-distance",
    "planted-flaws",
)


def _table(rows: list[Row]) -> Table:
    table = Table("claim", "hilum", "peer", "ratio", "wanted", "met")
    for row in rows:
        theirs = "" if row.theirs is None else f"{row.theirs:.3g} {row.unit} ({row.peer})"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        met = "yes" if row.met else "NO"
        table.add_row(row.claim, f"{row.ours:.3g} {row.unit}", theirs, ratio, row.wanted, met)
    return table


def main() -> None:
    """Run the study named; one that has a program of its own is given the rest of the line."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=len(sys.argv) < 3)
    parser.add_argument("name", metavar="NAME", choices=NAMES, help=", ".join(NAMES))
    chosen, rest = parser.parse_known_args()
    study = importlib.import_module(f"benchmarks.bench_{chosen.name.replace('-', '_')}")
    if hasattr(study, "main"):
        sys.argv = [f"python -m benchmarks {chosen.name}", *rest]
        study.main()
    else:
        Console().print(_table(study.rows()))


if __name__ == "__main__":
    main()
