"""One page about everything found: headline beside never looking, all tables, nothing fetched."""

from __future__ import annotations

import csv
import json
import re
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from hilum.errors import DataError
from hilum.evaluation import Evaluation, Predictions, evaluate
from hilum.evaluation.compare import compare
from hilum.evaluation.confidence import class_reliability, measure_confidence
from hilum.evaluation.evidence import gather_evidence
from hilum.evaluation.operating import Target, operating_point
from hilum.report.comparison_pages import write_comparison
from hilum.report.folder import write_evaluation
from hilum.report.whole.sheet import Sheet, Value, slug
from hilum.report.whole.write import write_report

HOSTILE = '<img src="http://x.example/a.png" onerror="alert(1)">'

Scored = tuple[Predictions, Evaluation]
Score = Callable[..., Scored]


def scored(predictions: Predictions, *, resamples: int = 50) -> Evaluation:
    found = evaluate(predictions, resamples=resamples)
    evidence = gather_evidence(predictions, found, resamples=resamples)
    return replace(found, evidence=evidence)


def make_run(folder: Path, predictions: Predictions) -> None:
    folder.mkdir(parents=True)
    run = {
        "name": "try", "classes": list(predictions.classes), "counts": {"train/a": 9, "val/a": 4},
        "command": ["hilum", "train", "a recipe.yaml"], "versions": {"numpy": "2"},
        "git": {"commit": "abc", "changed": True}, "manifest": {"path": "m", "sha256": "0" * 64},
        "finished": None, "result": {},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(run))
    (folder / "recipe.yaml").write_text(f"name: try # {HOSTILE}\n")
    (folder / "metrics.csv").write_text("epoch,train_loss,val_loss\n0,0.9,0.8\n1,0.5,\n2,nan,0.4\n")
    (folder / "predictions-val.csv").write_text(predictions.to_csv())


@pytest.fixture(scope="session")
def places(score: Score, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("report")
    predictions, _ = score()
    write_evaluation(
        root / "evaluation", predictions, scored(predictions), {"scored": "net", "split": "test"}
    )
    other, _ = score(n=60)
    write_comparison(root / "comparison", compare(predictions, other, resamples=50))
    make_run(root / "run", predictions)
    return root


@pytest.fixture(scope="session")
def page(places: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out") / "report.html"
    return write_report([places], out, title="A <title>").page


def test_the_page_fetches_nothing_and_runs_nothing(page: Path) -> None:
    text = page.read_text()
    referred = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert referred
    assert all(one.startswith(("#", "data:")) for one in referred)
    assert "<script" not in text
    assert "@import" not in text
    assert "A &lt;title&gt;" in text


def test_the_first_page_has_score_baseline_limits_and_what_is_not_known(page: Path) -> None:
    first = page.read_text().partition('id="review"')[0]
    assert re.search(r"Mean AUROC \d\.\d{3} \(\d\.\d{3} to \d\.\d{3}\), accuracy", first)
    assert "on 60 films of 60 patients (normal 20, pneumonia 20, covid 20)" in first
    assert "A rule that never looks" in first
    assert "no audit was found" in first
    assert "Training try is not finished" in first
    assert "Research use only" in first


def test_a_reviewer_finds_every_part(page: Path) -> None:
    text = page.read_text()
    for heading in (
        "Each class against the rest", "Which is taken for which", "Where to cut",
        "What an answer is worth", "Is it as sure as it is right, and by source?",
        "Compared: A and B", "Training: try", "CLAIM 2024", "TRIPOD+AI", "Model card: try",
    ):  # fmt: skip
        assert heading in text, heading
    for figure in ("Receiver operating characteristic", "Precision and recall", "net benefit",
                   "Confusion matrix", "said and true", "Loss by epoch"):  # fmt: skip
        assert figure in text, figure


def test_anchors_lead_somewhere_and_ids_are_there_once(page: Path) -> None:
    text = page.read_text()
    ids = re.findall(r' id="([^"]+)"', text)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)


def test_a_runs_own_predictions_are_scored_and_said_to_flatter(page: Path) -> None:
    text = page.read_text()
    assert "Scores: run, split val" in text
    assert "The weights kept are those that did best on this split" in text


def test_a_recipe_is_text_and_never_markup(page: Path) -> None:
    text = page.read_text()
    assert HOSTILE not in text
    assert "&lt;img src=" in text


def test_every_table_is_in_json_and_csv_beside_the_page(page: Path) -> None:
    record = json.loads(page.with_suffix(".json").read_text())
    files = {table["file"] for table in record["tables"]}
    assert files == {path.name for path in (page.parent / "tables").iterdir()}
    table = next(one for one in record["tables"] if one["section"] == "score-1-classes")
    assert table["rows"][0]["AUROC"]["n"] == 60
    with (page.parent / "tables" / table["file"]).open() as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == ["normal", "pneumonia", "covid"]
    assert float(rows[0]["F1: low"]) < float(rows[0]["F1"]) <= float(rows[0]["F1: high"])


def test_names_of_classes_are_escaped_everywhere(score: Score, tmp_path: Path) -> None:
    predictions, _ = score((HOSTILE, "=cmd|' /C calc'!A0"))
    write_evaluation(tmp_path / "e", predictions, scored(predictions))
    written = write_report([tmp_path / "e"], tmp_path / "r.html")
    assert HOSTILE not in written.page.read_text()
    texts = [path.read_text() for path in written.tables.iterdir()]
    assert any("'=cmd" in text for text in texts)
    assert not any(re.search(r'(^|,|")=cmd', text, re.MULTILINE) for text in texts)


def test_two_classes_have_one_curve_and_plain_auroc(score: Score, tmp_path: Path) -> None:
    predictions, _ = score(("no", "yes"))
    write_evaluation(tmp_path / "e", predictions, scored(predictions))
    text = write_report([tmp_path / "e"], tmp_path / "r.html").page.read_text()
    assert "AUROC 0." in text
    assert "ean AUROC" not in text.partition('id="appendix"')[0]


def test_one_class_gives_a_report_that_says_why_there_is_no_score(tmp_path: Path) -> None:
    p = np.tile([0.7, 0.3], (5, 1))
    said = Predictions(list("abcde"), list("abcde"), [0] * 5, ("no", "yes"), p)
    write_evaluation(tmp_path / "e", said, scored(said))
    text = write_report([tmp_path / "e"], tmp_path / "r.html").page.read_text()
    assert "undefined" in text
    assert "No threshold was chosen" in text


def test_without_predictions_the_missing_curves_are_said(score: Score, tmp_path: Path) -> None:
    predictions, _ = score()
    write_evaluation(tmp_path / "e", predictions, scored(predictions))
    (tmp_path / "e" / "predictions.csv").unlink()
    text = write_report([tmp_path / "e"], tmp_path / "r.html").page.read_text()
    assert "No curves: predictions.csv does not lie beside evaluation.json" in text


def test_other_predictions_beside_an_evaluation_draw_nothing(score: Score, tmp_path: Path) -> None:
    predictions, _ = score()
    other, _ = score(n=30)
    write_evaluation(tmp_path / "e", predictions, scored(predictions))
    (tmp_path / "e" / "predictions.csv").write_text(other.to_csv())
    text = write_report([tmp_path / "e"], tmp_path / "r.html").page.read_text()
    assert "holds other films or classes" in text


def test_an_evaluation_without_evidence_says_what_adds_it(score: Score, tmp_path: Path) -> None:
    write_evaluation(tmp_path / "e", *score())
    text = write_report([tmp_path / "e"], tmp_path / "r.html").page.read_text()
    assert "`hilum evaluate --out` adds them" in text


def test_a_folder_named_twice_is_reported_once(places: Path, tmp_path: Path) -> None:
    both = [places / "evaluation", places / "evaluation" / "evaluation.json"]
    text = write_report(both, tmp_path / "r.html").page.read_text()
    assert 'id="score-1"' in text
    assert 'id="score-2"' not in text


def test_tables_of_an_earlier_report_do_not_stay(places: Path, tmp_path: Path) -> None:
    out = tmp_path / "r.html"
    write_report([places], out)
    (tmp_path / "tables" / "mine.csv").write_text("kept")
    write_report([places / "comparison"], out)
    left = {path.name for path in (tmp_path / "tables").iterdir()}
    assert left == {"mine.csv", "comparison-1-both-models-and-the-difference.csv"}


def test_nothing_to_report_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is nothing to report"):
        write_report([tmp_path], tmp_path / "r.html")
    with pytest.raises(DataError, match="is not a folder"):
        write_report([tmp_path / "nowhere"], tmp_path / "r.html")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("audit.json", "{}", "is not what `hilum audit` writes: it lacks headline"),
        ("evaluation.json", "[]", "is not what `hilum evaluate --out` writes"),
        ("cost.json", "{", "cannot be read"),
        ("screenings.json", "{}", "must hold what `hilum screen --json` prints"),
    ],
)
def test_a_file_of_another_make_is_named(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        write_report([tmp_path], tmp_path / "r.html")


def test_a_page_that_is_a_folder_or_json_is_refused(places: Path, tmp_path: Path) -> None:
    for out in (tmp_path, tmp_path / "report.json"):
        with pytest.raises(DataError, match="cannot be the page"):
            write_report([places], out)


def audit() -> dict[str, Any]:
    def check(name: str, verdict: str, rows: int) -> dict[str, Any]:
        table = {"title": "Many", "columns": ["row"], "rows": [[i] for i in range(rows)]}
        return {
            "check": name, "title": f"Check {name}", "question": "?", "asked_by": [],
            "verdict": verdict, "summary": "It is so.", "reason": "A rule.", "numbers": {},
            "charts": [], "tables": [table], "pictures": [], "notes": [], "seconds": 0.1,
        }  # fmt: skip

    checks = [check("a", "pass", 3), check("b", "fail", 60)]
    return {
        "use": "Research use only.", "verdict": "fail",
        "counts": {"fail": 1, "warn": 0, "not run": 0, "pass": 1},
        "headline": {"name": "AUROC", **estimate(estimate=0.9, low=0.85, high=0.95)},
        "baseline": estimate(estimate=0.88, low=0.8, high=0.9), "checks": checks,
        "about": {"bundle": "net", "bundle_id": "ab" * 32, "command": "hilum audit net"},
    }  # fmt: skip


def test_an_audit_is_on_the_first_page_with_words_for_its_lights(tmp_path: Path) -> None:
    (tmp_path / "audit.json").write_text(json.dumps(audit()))
    text = write_report([tmp_path], tmp_path / "r.html").page.read_text()
    first = text.partition('id="review"')[0]
    assert "</svg>1 fail</span>" in first
    assert "1 of 2 checks fails: Check b" in first
    assert "within the model&#39;s own limits" in first
    assert "<summary>Many: 60 rows</summary>" in text
    assert "<summary>Many: 3 rows</summary>" not in text


def test_a_calibration_shows_each_class_before_and_after(score: Score, tmp_path: Path) -> None:
    said, _ = score()
    before, after = (
        measure_confidence(said, group=name, resamples=20).to_dict() for name in ("before", "after")
    )
    bins = [class_reliability(said, c).to_dict() for c in range(3)]
    points = [operating_point(said, 2, Target("sensitivity", 0.95), resamples=20).to_dict()]
    values = {
        "bundle": "models/net", "id": "ab", "temperature": 1.3, "before": before, "after": after,
        "operating_points": points, "reliability": {"before": bins, "after": bins},
    }  # fmt: skip
    (tmp_path / "calibration.json").write_text(json.dumps(values))
    text = write_report([tmp_path], tmp_path / "r.html").page.read_text()
    assert "Calibration: net" in text
    for label in said.classes:
        assert f">{label}, before</figcaption>" in text
        assert f">{label}, after</figcaption>" in text
    assert "covid: sensitivity=0.95" in text


def test_errors_and_costs_have_their_n(tmp_path: Path) -> None:
    rate = {"wrong": 3, "rate": 0.3, "low": 0.1, "high": 0.6}
    group = {
        "column": "source", "p_value": 0.01, "p_holm": 0.02, "reason": None,
        "values": [{"value": HOSTILE, "images": 10, "patients": 9, "expected": 0.2, **rate}],
    }  # fmt: skip
    errors = {
        "errors": rate, "images": 10, "patients": 9, "never_looking": None, "groups": [group],
        "confusions": [{"true": "a", "called": "b", "images": 3, "patients": 3, "of": 5}],
    }  # fmt: skip
    times = {"median_ms": 5.0, "low_ms": 4.0, "high_ms": 9.0, "rounds": 20, "warm_up": 2}
    model = {
        "name": "net", "architecture": "resnet18", "trained": True, "size": 224,
        "parameters": 11, "multiply_adds": 12, "cpu": times, "cpu_with_maps": times, "gpu": None,
        "memory_bytes": None, "model_bytes": 5,
    }  # fmt: skip
    (tmp_path / "errors.json").write_text(json.dumps(errors))
    (tmp_path / "cost.json").write_text(json.dumps({"models": [model], "machine": {"threads": 2}}))
    text = write_report([tmp_path], tmp_path / "r.html").page.read_text()
    assert "errors gather" in text
    assert "n = 10 films of 9 patients" in text
    assert HOSTILE not in text
    assert "of n 20 pictures" in text
    assert "not measured" in text


def estimate(**changed: Any) -> dict[str, Any]:
    plain = {"estimate": 0.5, "low": 0.4, "high": 0.6, "n": 9, "patients": 8, "method": "m"}
    return {**plain, **changed}


def test_one_n_is_said_once_for_a_table() -> None:
    sheet = Sheet("t", ("a", "b"), [("x", Value(estimate())), ("y", Value(estimate()))])
    assert sheet.common_n == (9, 8)
    assert all(not cell["small"] for row in sheet.body for cell in row)


def test_one_n_a_row_has_a_column() -> None:
    sheet = Sheet("t", ("a", "b"), [("x", Value(estimate())), ("y", Value(estimate(n=7)))])
    assert [cell["text"] for cell in sheet.head] == ["a", "n (patients)", "b"]
    assert [row[1]["text"] for row in sheet.body] == ["9 (8)", "7 (8)"]


def test_several_n_in_a_row_stand_in_their_cells() -> None:
    sheet = Sheet("t", ("a", "b", "c"), [("x", Value(estimate()), Value(estimate(n=7)))])
    assert [cell["small"] for cell in next(iter(sheet.body))][1:] == [
        "n 9 (8 patients)", "n 7 (8 patients)",
    ]  # fmt: skip


def test_a_number_without_limits_says_why() -> None:
    sheet = Sheet("t", ("a", "b"), [("x", Value(estimate(low=None, reason="one patient")))])
    assert next(iter(sheet.body))[1]["small"] == "one patient"


def test_a_table_with_a_short_row_is_refused() -> None:
    with pytest.raises(ValueError, match="Every row of 't' needs 2 cells"):
        Sheet("t", ("a", "b"), [("x",)])


def test_a_table_without_a_name_still_has_a_file() -> None:
    assert slug("…") == "table"


@pytest.mark.slow
@pytest.mark.parametrize("dark", [False, True])
def test_axe_finds_nothing_and_a_phone_need_not_scroll_sideways(
    page: Path, tmp_path: Path, dark: bool, browser: ModuleType
) -> None:
    assert browser.axe_findings(page, tmp_path, dark=dark) == []
    assert browser.widest(page, tmp_path, width=390) <= 390


@pytest.mark.slow
def test_thirty_thousand_predictions_take_less_than_half_a_minute_of_a_core(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    n = 30_000
    labels = rng.integers(0, 3, n)
    p = rng.dirichlet(np.ones(3), n) * 0.6
    p[np.arange(n), labels] += 0.4
    names = [f"image-{i}" for i in range(n)]
    said = Predictions(
        names, names, labels, ("a", "b", "c"), p, sources=[f"s{i % 5}" for i in range(n)]
    )
    make_run(tmp_path / "run", said)
    start = time.process_time()
    written = write_report([tmp_path / "run"], tmp_path / "r.html")
    assert time.process_time() - start < 30
    assert written.page.stat().st_size < 5_000_000
