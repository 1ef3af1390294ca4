from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_a_million_rows_load_and_split_in_seconds_below_a_gigabyte() -> None:
    script = "from benchmarks.bench_manifest import rows; [print(row.ours) for row in rows()]"
    command = [sys.executable, "-c", script]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    load_s, split_s, peak_mib = map(float, printed.split())
    assert load_s + split_s < 20
    assert peak_mib < 1000
