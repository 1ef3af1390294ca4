"""Measured rows for people."""

from __future__ import annotations

from dataclasses import replace

from hilum.benchmark.results import Results
from hilum.benchmark.table import markdown_table, text_table


def test_a_missed_target_is_a_plain_no(results: Results) -> None:
    (line,) = [line for line in text_table(results).splitlines() if "resnet50" in line]
    assert " 1.50  NO   at least 1.5 times" in line
    assert text_table(results).endswith("4 have a target, 1 miss it; 1 not measured.")


def test_a_row_without_its_peer_says_how_to_get_it(results: Results) -> None:
    (line,) = [line for line in text_table(results).splitlines() if "densenet121" in line]
    assert "not measured: pip install torchxrayvision" in line


def test_markdown_has_a_line_a_row_and_the_machine(results: Results) -> None:
    table = markdown_table(results)
    assert table.startswith("Measured 2026-01-02 in 61 s with `hilum bench --against peers`")
    assert "2 of 2 cores of P (avx2), 8.0 GB, Linux, Python 3.11.7; numpy 2.4.6." in table
    lines = [line for line in table.splitlines() if line.startswith("|")]
    assert len(lines) == 2 + len(results.rows)
    assert {line.count("|") for line in lines} == {8}
    assert lines[3].endswith(
        "| 43 ms | torch, eager, 64.4 ms | 1.50 | at least 1.5 times | **NO** |"
    )


def test_a_quick_run_and_a_busy_machine_are_told(results: Results) -> None:
    doubtful = replace(results, quick=True, busy=True)
    assert "**The machine had other work.**" in markdown_table(doubtful)
    assert "**A quick run: the figures say nothing.**" in markdown_table(doubtful)
    assert text_table(doubtful).endswith("its figures say nothing.")
