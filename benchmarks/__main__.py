"""Run every benchmark, print a table, and write benchmarks/results/speed.json."""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.rows import Row

NAMES = (
    "cold",
    "reading",
    "install",
    "engine",
    "training",
    "feeding",
    "archive",
    "cache",
    "manifest",
    "evaluation",
    "duplicates",
    "coverage",
    "planted-flaws",
)
RESULTS = Path(__file__).parent / "results" / "speed.json"


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    found = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return found[0] if found else platform.processor()


def _table(rows: list[Row]) -> Table:
    table = Table("claim", "hilum", "peer", "ratio", "wanted", "met")
    for row in rows:
        theirs = "" if row.theirs is None else f"{row.theirs:.3g} {row.unit} ({row.peer})"
        ratio = "" if row.ratio is None else f"{row.ratio:.2f}"
        met = "yes" if row.met else "NO"
        table.add_row(row.claim, f"{row.ours:.3g} {row.unit}", theirs, ratio, row.wanted, met)
    return table


def main() -> None:
    """Run the benchmarks named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    chosen = parser.parse_args().names or NAMES
    rows: list[Row] = []
    for name in chosen:
        rows += importlib.import_module(f"benchmarks.bench_{name.replace('-', '_')}").rows()
        Console().print(_table(rows[-20:]))
    packages = ("hilum", "torch", "torchvision", "onnxruntime", "numpy", "pillow", "polars")
    values = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "processor": _processor(),
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        },
        "versions": {name: version(name) for name in packages},
        "rows": [asdict(row) for row in rows],
    }
    if tuple(chosen) == NAMES:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
