from __future__ import annotations

from pathlib import Path

import pytest

from hilum.benchmark.cases.manifest import measured


@pytest.mark.slow
def test_a_million_rows_load_and_split_in_seconds_below_a_gigabyte(tmp_path: Path) -> None:
    load_s, split_s, peak_mib = (row.ours for row in measured(tmp_path / "m.csv", 1_000_000))
    assert load_s + split_s < 20
    assert peak_mib < 1000
