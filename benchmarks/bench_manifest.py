"""How long a million rows take to load, check and split by patient, and in how much memory."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.rows import Row

ROWS = 1_000_000
LIMIT_S = 10.0
LIMIT_MIB = 1000.0


def write_rows(path: Path, rows: int) -> None:
    """Write a manifest of `rows` images of about 0.4 patients an image in four hospitals."""
    rng = np.random.default_rng(7)
    patient = rng.integers(0, max(rows * 2 // 5, 1), rows)
    labels = np.array(["covid", "normal", "other_disease", "pneumonia"])
    frame = pl.DataFrame(
        {
            "path": np.char.add("images/", np.char.zfill(np.arange(rows).astype(str), 10)),
            "patient_id": np.char.zfill(patient.astype(str), 7),
            "source": np.array(["a", "b", "c", "d"])[patient % 4],
            "label": labels[rng.choice(4, rows, p=[0.05, 0.5, 0.3, 0.15])],
            "view": np.array(["PA", "AP"])[rng.integers(0, 2, rows)],
            "age": rng.integers(0, 100, rows),
            "license": np.full(rows, "free use, with attribution"),
        }
    )
    frame.with_columns(pl.col("path") + ".png").write_csv(path)


def measure(path: Path) -> None:
    """Load and split in this process; print seconds, seconds and peak memory in MiB."""
    from hilum.data.manifest import Manifest
    from hilum.data.splits import check_no_leak, split_by_patient

    start = time.perf_counter()
    manifest = Manifest.read(path, check_files=False)
    loaded = time.perf_counter()
    check_no_leak(split_by_patient(manifest, seed=0))
    split = time.perf_counter()
    print(loaded - start, split - loaded, _peak_mib())


def _peak_mib() -> float:
    """Return this program's peak memory; getrusage would count the process it was forked from."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM; peak memory is measured on Linux only")


def rows() -> list[Row]:
    """Measure in a fresh process, so that peak memory is the manifest's own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.csv"
        write_rows(path, ROWS)
        command = [sys.executable, "-m", "benchmarks.bench_manifest", "--measure", str(path)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    load, split, peak = map(float, printed.split())
    return [
        row("load and check a manifest of 1,000,000 rows", load, "s", LIMIT_S / 2),
        row("split 1,000,000 images by patient", split, "s", LIMIT_S / 2),
        row("peak memory of both", peak, "MiB", LIMIT_MIB),
    ]


def row(claim: str, ours: float, unit: str, limit: float) -> Row:
    """Set a figure beside its limit; the ratio is how many times it fits."""
    return Row(
        claim=claim,
        peer="limit",
        ours=ours,
        theirs=None,
        unit=unit,
        ratio=limit / ours,
        wanted=f"at most {limit:.0f} {unit}",
        met=ours <= limit,
    )


def main() -> None:
    """Print one row a claim; write nothing."""
    for found in rows():
        print(f"{found.claim}: {found.ours:.4g} {found.unit}, {found.wanted} ({found.ratio:.1f}x)")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(Path(sys.argv[-1]))
    else:
        main()
