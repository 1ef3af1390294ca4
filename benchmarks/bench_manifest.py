"""How long a million rows take to load, check and split by patient, and in how much memory."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

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
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(loaded - start, split - loaded, peak)


def main() -> None:
    """Print one row: seconds to load and split, peak memory, and the share of each limit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "manifest.csv"
        write_rows(path, ROWS)
        command = [sys.executable, __file__, "--measure", str(path)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    load, split, peak = map(float, printed.split())
    print(
        f"manifest  {ROWS:,} rows  load {load:.2f} s  split {split:.2f} s  peak {peak:.0f} MiB  "
        f"ratio {(load + split) / LIMIT_S:.2f} of {LIMIT_S:.0f} s, "
        f"{peak / LIMIT_MIB:.2f} of {LIMIT_MIB:.0f} MiB"
    )


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(Path(sys.argv[-1]))
    else:
        main()
