"""The page of an audit: verdicts worst first, each number with its n, one file, nothing fetched."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from hilum.audit.record import Audit, Bars, Lines, Outcome, Result, Table, Verdict
from hilum.errors import DataError
from hilum.evaluation.record import Estimate
from hilum.report.audit_page import write_audit_page
from hilum.report.whole.verdicts import belief

HOSTILE = '<script>alert("x")</script>'


def number(value: float | None, *, n: int = 120) -> Estimate:
    known = value is not None
    return Estimate(
        estimate=value, low=value - 0.05 if known else None, high=value + 0.04 if known else None,
        n=n, patients=90, method="percentiles", reason=None if known else "only one class",
    )  # fmt: skip


def outcome(verdict: Verdict) -> Outcome:
    if verdict == "not run":
        return Outcome.not_run("no lungs are drawn")
    bars = Bars(title="Scores", axis="AUROC", rows=(("all", number(0.9)), ("none", number(None))))
    points = tuple((float(q), number(0.5 + q / 200)) for q in (10, 50, 90))
    lines = Lines(title="By quality", x="JPEG quality", y="AUROC", curves=(("model", points),))
    table = Table(title="Sources", columns=("source", "films"), rows=((HOSTILE, 3), ("=b", None)))
    return Outcome(
        verdict=verdict, summary=f"It {verdict}s.", reason="Fails below 0.6.",
        numbers={"AUROC without lungs": number(0.81)}, charts=(bars, lines), tables=(table,),
        notes=(f"left out {HOSTILE}",),
    )  # fmt: skip


def result(check: str, verdict: Verdict) -> Result:
    return Result(
        check=check, title=f"Check {check}", question="Is it so?", asked_by=("A et al. 2020",),
        outcome=outcome(verdict), seconds=1.5,
    )  # fmt: skip


@pytest.fixture
def audit() -> Audit:
    return Audit(
        headline=number(0.95), headline_name="mean AUROC", baseline=number(0.88),
        results=(result("a", "pass"), result("b", "fail"), result("c", "not run"),
                 result("d", "warn")),
        about={"bundle": f"net {HOSTILE}", "bundle_id": "ab" * 32, "split": "test", "seed": 0},
    )  # fmt: skip


class Read(HTMLParser):
    """Collects what a page refers to, its tags, and its headings."""

    def __init__(self) -> None:
        super().__init__()
        self.references: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "srcset", "action") and value:
                self.references.append(value)
            if name == "id" and value:
                self.ids.append(value)


def read(page: Path) -> Read:
    found = Read()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def test_the_page_is_one_file_that_fetches_nothing(audit: Audit, tmp_path: Path) -> None:
    page = write_audit_page(audit.to_dict(), tmp_path)
    found = read(page)
    assert page == tmp_path / "index.html"
    assert all(one.startswith(("#", "data:")) for one in found.references)
    assert "script" not in found.tags
    assert "link" not in found.tags
    assert "Research use only" in page.read_text()


def test_every_id_is_there_once_and_every_anchor_leads_somewhere(
    audit: Audit, tmp_path: Path
) -> None:
    found = read(write_audit_page(audit.to_dict(), tmp_path))
    assert len(found.ids) == len(set(found.ids))
    assert {one[1:] for one in found.references if one.startswith("#")} <= set(found.ids)


def test_names_from_files_are_text_and_never_markup(audit: Audit, tmp_path: Path) -> None:
    text = write_audit_page(audit.to_dict(), tmp_path).read_text()
    assert HOSTILE not in text
    assert "&lt;script&gt;" in text


def test_what_fails_stands_first_and_each_verdict_is_a_word(audit: Audit, tmp_path: Path) -> None:
    text = write_audit_page(audit.to_dict(), tmp_path).read_text()
    order = re.findall(r'<section id="check-(\w)"', text)
    assert order == ["b", "d", "c", "a"]
    for word in ("1 fail", "1 warn", "1 not run", "1 pass"):
        assert f"</svg>{word}</span>" in text


def test_the_rule_that_never_looks_stands_beside_the_score(audit: Audit, tmp_path: Path) -> None:
    text = write_audit_page(audit.to_dict(), tmp_path).read_text()
    assert "Never looks: source only" in text
    assert "0.880 (0.830 to 0.920), n 120" in text
    assert "0.950 (0.900 to 0.990), n 120" in text


def test_a_rule_within_the_models_limits_is_said(audit: Audit) -> None:
    near = replace(audit, baseline=number(0.91))
    assert "within the model's own limits" in belief(near.to_dict())[0]
    assert "within the model's own limits" not in belief(audit.to_dict())[0]


def test_without_sources_the_missing_rule_is_said(audit: Audit, tmp_path: Path) -> None:
    page = write_audit_page(replace(audit, baseline=None).to_dict(), tmp_path)
    assert "There is no rule to stand beside the model" in page.read_text()


def test_checks_that_pass_are_called_no_proof(audit: Audit) -> None:
    fine = replace(audit, results=(result("a", "pass"), result("b", "pass")))
    said = belief(fine.to_dict())
    assert any("2 of 2 checks found nothing on 120 films. That is no proof" in one for one in said)


def test_a_value_that_is_undefined_says_why(audit: Audit, tmp_path: Path) -> None:
    assert "only one class" in write_audit_page(audit.to_dict(), tmp_path).read_text()


def test_pictures_are_inside_the_page_and_those_missing_are_counted(
    audit: Audit, tmp_path: Path
) -> None:
    (tmp_path / "pictures").mkdir()
    Image.fromarray(np.zeros((900, 900), np.uint8)).save(tmp_path / "pictures" / "b-0.png")
    shown = (("one film", "pictures/b-0.png"), ("lost", "pictures/b-1.png"))
    results = (replace(result("b", "fail"), pictures=shown),)
    text = write_audit_page(replace(audit, results=results).to_dict(), tmp_path).read_text()
    assert text.count("data:image/jpeg;base64,") == 1
    assert 'alt="one film"' in text
    assert "1 picture is not there any more" in text


def test_a_picture_outside_the_folder_is_not_read(audit: Audit, tmp_path: Path) -> None:
    folder = tmp_path / "audit"
    folder.mkdir()
    Image.fromarray(np.zeros((9, 9), np.uint8)).save(tmp_path / "secret.png")
    results = (replace(result("b", "fail"), pictures=(("c", "../secret.png"),)),)
    text = write_audit_page(replace(audit, results=results).to_dict(), folder).read_text()
    assert "data:image/jpeg" not in text


def test_tables_are_csv_too_with_limits_n_and_no_formulas(audit: Audit, tmp_path: Path) -> None:
    write_audit_page(audit.to_dict(), tmp_path)
    files = {path.name: path for path in (tmp_path / "tables").iterdir()}
    with files["check-b-check-b-the-figures.csv"].open() as file:
        row = next(csv.DictReader(file))
    assert float(row["value"]) == 0.81
    assert (float(row["value: low"]), row["value: n"]) == (pytest.approx(0.76), "120")
    assert "'=b" in files["check-b-sources.csv"].read_text()


@pytest.mark.parametrize("missing", ["checks", "headline", "about"])
def test_what_is_no_audit_is_refused(audit: Audit, tmp_path: Path, missing: str) -> None:
    values = {name: value for name, value in audit.to_dict().items() if name != missing}
    with pytest.raises(DataError, match=f"got one without {missing}"):
        write_audit_page(values, tmp_path)


def test_a_folder_that_is_not_there_is_refused(audit: Audit, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder"):
        write_audit_page(audit.to_dict(), tmp_path / "nowhere")


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_and_a_phone_need_not_scroll_sideways(
    audit: Audit, tmp_path: Path, dark: bool, browser: ModuleType
) -> None:
    page = write_audit_page(audit.to_dict(), tmp_path)
    assert browser.axe_findings(page, tmp_path, dark=dark) == []
    assert browser.widest(page, tmp_path, width=390) <= 390
