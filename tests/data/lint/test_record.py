from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from hilum.data.lint import Finding, LintReport
from hilum.data.lint.record import ROWS_KEPT

ONE = Finding(
    code="H999",
    severity="error",
    title="3 things are wrong",
    count=3,
    examples=("row 2: a", "row 3: b"),
    why="It matters.",
    cure="Mend it.",
    rows=(2, 3, 4),
)


def test_a_report_puts_the_gravest_first_and_counts_them() -> None:
    note, warning = replace(ONE, code="H1", severity="note"), replace(ONE, severity="warning")
    report = LintReport.of("m.csv", 9, [note, warning, ONE])
    assert [one.severity for one in report.findings] == ["error", "warning", "note"]
    assert report.counts() == {"error": 1, "warning": 1, "note": 1}


def test_only_errors_falsify() -> None:
    assert LintReport.of("m", 1, [ONE]).falsifies
    assert not LintReport.of("m", 1, [replace(ONE, severity="warning")]).falsifies


def test_the_text_says_what_why_and_what_to_do_and_ends_with_the_verdict() -> None:
    text = LintReport.of("m.csv", 9, [ONE], ["the image files, as asked"]).text()
    assert text.startswith("m.csv: 9 images, 1 error, 0 warnings, 0 notes\n")
    assert "H999 3 things are wrong\n     - row 2: a\n     - row 3: b\n     ... 3 in all" in text
    assert "why: It matters." in text
    assert "do:  Mend it." in text
    assert "not looked at: the image files, as asked" in text
    assert text.splitlines()[-1] == (
        "No score on these images can be believed as it stands: 3 things are wrong."
    )


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ([], "Nothing was found that would falsify a result on these images."),
        ([replace(ONE, severity="note")], "Nothing was found that would falsify"),
        ([replace(ONE, severity="warning")], "1 warning(s) must be looked at first."),
        ([ONE, replace(ONE, title="more")], "3 things are wrong, and 1 more."),
    ],
)
def test_the_verdict_follows_from_the_gravest(findings: list[Finding], verdict: str) -> None:
    assert verdict in LintReport.of("m", 1, findings).verdict


def test_json_holds_everything_the_text_does(tmp_path: Path) -> None:
    report = LintReport.of("m.csv", 9, [ONE])
    report.write(tmp_path / "new" / "lint.json")
    read = json.loads((tmp_path / "new" / "lint.json").read_text())
    assert read == json.loads(json.dumps(report.to_dict()))
    assert read["findings"][0]["rows"] == [2, 3, 4]
    assert read["falsifies"] is True


def test_only_so_many_rows_are_kept_but_all_are_counted() -> None:
    many = replace(ONE, count=50_000, rows=tuple(range(50_000)))
    assert len(many.rows) == ROWS_KEPT
    assert many.count == 50_000


def test_a_finding_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="must count at least 1, got 0"):
        replace(ONE, count=0)


def test_an_unknown_severity_is_refused() -> None:
    with pytest.raises(ValueError, match="severity must be one of"):
        replace(ONE, severity="fatal")  # type: ignore[arg-type]
