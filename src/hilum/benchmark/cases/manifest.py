"""How long a million rows take to load, check and split by patient, and in how much memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.row import Row, limited
from hilum.errors import HilumError

__all__ = ["CASES", "measure", "measured", "write_rows"]

LIMIT_S = 5.0
LIMIT_MIB = 1000.0
_MEASURE = "import sys; from hilum.benchmark.cases.manifest import measure; measure(sys.argv[1])"


def write_rows(path: Path, rows: int) -> None:
    """Write a manifest of `rows` images of about 0.4 patients an image in four hospitals."""
    import polars as pl

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


def measure(path: str) -> None:
    """Load and split in this process; write seconds, seconds and peak memory in MiB."""
    from hilum.data.manifest import Manifest
    from hilum.data.splits import check_no_leak, split_by_patient

    start = time.perf_counter()
    manifest = Manifest.read(path, check_files=False)
    loaded = time.perf_counter()
    check_no_leak(split_by_patient(manifest, seed=0))
    split = time.perf_counter()
    sys.stdout.write(f"{loaded - start} {split - loaded} {_peak_mib()}\n")


def _peak_mib() -> float:
    """Return this program's peak memory; getrusage would count the process it was forked from."""
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise HilumError("/proc/self/status has no VmHWM; peak memory is measured on Linux only")


def measured(path: Path, rows: int) -> list[Row]:
    """Write a manifest and measure in a fresh process, so that peak memory is its own.

    Args:
        path: Of the manifest to write.
        rows: Of it.

    Raises:
        HilumError: If the process fails.
    """
    write_rows(path, rows)
    done = subprocess.run(  # noqa: S603  (our own interpreter and our own words)
        [sys.executable, "-c", _MEASURE, str(path)], check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise HilumError(f"A manifest of {rows:,} rows was not read: {done.stderr[-500:]}")
    load, split, peak = map(float, done.stdout.split())
    return [
        limited(f"load and check a manifest of {rows:,} rows", load, unit="s", limit=LIMIT_S),
        limited(f"split {rows:,} images by patient", split, unit="s", limit=LIMIT_S),
        limited("peak memory of both", peak, unit="MiB", limit=LIMIT_MIB),
    ]


def alone(settings: Settings) -> list[Row]:
    """Measure a million rows."""
    return measured(settings.folder / "manifest.csv", settings.rows)


CASES = (Case(claim="a manifest of 1,000,000 rows", alone=alone, packages=("polars", "numpy")),)
