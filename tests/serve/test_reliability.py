"""docs/reliability.md names tests that exist, and a test or a reason for everything."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOC = ROOT / "docs" / "reliability.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def _rows(heading: str) -> list[list[str]]:
    text = DOC.read_text(encoding="utf-8").split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("| ").split("|")] for line in lines[2:]]


def test_every_test_that_is_named_exists() -> None:
    named = NAMED.findall(DOC.read_text(encoding="utf-8"))
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []
    assert len(named) > 70


def test_every_fault_and_every_class_of_bugs_has_a_test_or_a_reason() -> None:
    rows = [*_rows("Faults"), *_rows("Classes of bugs")]
    without = [
        row[0] for row in rows if not NAMED.search(" ".join(row)) and "not tested:" not in str(row)
    ]
    assert without == []
    assert len(rows) > 50
