"""Small tables to lint."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import polars as pl
import pytest

from hilum.data.lint import Finding
from hilum.data.lint.run import lint
from hilum.data.manifest import RawTable, read_table

Columns = Mapping[str, Sequence[object]]


def clean(n: int = 240) -> dict[str, list[object]]:
    """A set with nothing wrong: two sources, two labels, three splits, two images a patient."""
    people = [i // 2 for i in range(n)]
    return {
        "path": [f"images/{i}.png" for i in range(n)],
        "patient_id": [f"p{p}" for p in people],
        "source": [("east", "west")[p % 2] for p in people],
        "label": [("normal", "covid")[p // 2 % 2] for p in people],
        "split": [("train", "val", "test")[p // 4 % 3] for p in people],
        "view": ["PA", "AP"] * (n // 2),
        "sex": [("M", "F")[p // 8 % 2] for p in people],
        "age": [20 + p % 60 for p in people],
    }


@pytest.fixture
def raw(tmp_path: Path) -> Callable[..., RawTable]:
    """Make the clean set with some columns replaced or, when None, left out, and read it."""

    def make(**columns: Sequence[object] | None) -> RawTable:
        rows = {name: x for name, x in {**clean(), **columns}.items() if x is not None}
        pl.DataFrame(rows, strict=False).write_csv(tmp_path / "m.csv")
        return read_table(tmp_path / "m.csv")

    return make


@pytest.fixture
def found(raw: Callable[..., RawTable]) -> Callable[..., dict[str, Finding]]:
    """Lint the clean set with some columns replaced; findings by code."""

    def look(**columns: Sequence[object] | None) -> dict[str, Finding]:
        report = lint(raw(**columns), check_files=False)
        return {finding.code: finding for finding in report.findings}

    return look
