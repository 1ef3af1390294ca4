from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.report.study import audit, bundle, evaluation, manifest

from hilum.report.checklists import gather_facts
from hilum.report.model_card import ModelCard, Section, model_card


def card(tmp_path: Path, **changes: Any) -> ModelCard:
    study = manifest(tmp_path)
    made = bundle(tmp_path / "tiny", study)
    known = {"bundle": made, "manifest": study, "evaluation": evaluation(study)}
    return model_card(gather_facts(**{**known, **changes}))


def section(of: ModelCard, title: str) -> Section:
    return next(part for part in of.sections if part.title == title)


def test_the_card_has_every_section_a_reader_looks_for(tmp_path: Path) -> None:
    assert [part.title for part in card(tmp_path).sections] == [
        "The model", "Intended use", "Not for", "Data", "How a film becomes input", "Training",
        "Figures", "Calibration", "How it decides", "Audit", "Ethics", "Limits",
        "Hashes and versions",
    ]  # fmt: skip


def test_research_use_only_stands_before_everything(tmp_path: Path) -> None:
    lines = card(tmp_path).markdown().splitlines()
    assert lines[0] == "# Model card: tiny"
    assert lines[2].startswith("**Research use only")


def test_every_figure_of_the_model_stands_beside_never_looking(tmp_path: Path) -> None:
    table = section(card(tmp_path), "Figures").tables[0]
    assert table.columns == ("figure", "model", "never looks, knows the source", "difference")
    assert [row[0] for row in table.rows] == ["macro_auroc", "accuracy", "balanced_accuracy"]
    assert all("24 films of 12 patients" in cell for row in table.rows for cell in row[1:])


def test_without_sources_the_baseline_is_said_to_be_missing(tmp_path: Path) -> None:
    scores = evaluation(manifest(tmp_path))
    rule = scores["baselines"]["source_majority"]
    rule |= {"available": False, "reason": "no sources", "metrics": {}, "model_minus_baseline": {}}
    figures = section(card(tmp_path, evaluation=scores), "Figures")
    assert "No baseline that knows only each film's source: no sources." in figures.points
    assert {row[2] for row in figures.tables[0].rows} == {"not available"}


def test_films_are_counted_by_split_source_and_label(tmp_path: Path) -> None:
    table = section(card(tmp_path), "Data").tables[0]
    assert table.columns == ("split", "source", "covid", "normal")
    assert [row[:2] for row in table.rows] == [
        (split, source) for split in ("train", "val", "test") for source in ("a", "b")
    ]
    total = sum(int(cell.split()[0]) for row in table.rows for cell in row[2:])
    assert total == 120


def test_without_an_evaluation_the_bundles_own_figures_are_said_to_flatter(tmp_path: Path) -> None:
    own = {"note": "flatters", "accuracy": {"value": 0.8, "low": 0.7, "high": 0.9, "n": 50}}
    made = bundle(tmp_path / "own", measured={"validation": own})
    figures = section(card(tmp_path, bundle=made, evaluation=None), "Figures")
    assert figures.tables[0].rows == (("accuracy", "0.800 (interval 0.700 to 0.900; 50 films)"),)
    assert "flatters" in figures.points
    assert any("never looks" in point for point in figures.points)


def test_where_nothing_was_measured_the_card_says_so(tmp_path: Path) -> None:
    figures = section(card(tmp_path, evaluation=None), "Figures")
    assert figures.points == ("Nothing was measured. Believe no figure quoted elsewhere.",)


def test_figures_on_the_validation_split_are_called_no_test(tmp_path: Path) -> None:
    scores = evaluation(manifest(tmp_path), split="val")
    points = section(card(tmp_path, evaluation=scores), "Figures").points
    assert any(point.startswith("No test: ") for point in points)


def test_audit_lights_stand_with_what_was_found(tmp_path: Path) -> None:
    made = card(tmp_path, audit=audit(jpeg="pass", heatmap="fail"))
    rows = section(made, "Audit").tables[0].rows
    assert [row[:2] for row in rows] == [
        ("PASS", "The jpeg check"),
        ("FAIL", "The heatmap check"),
    ]
    assert any("The heatmap check (fail)" in point for point in section(made, "Limits").points)


def test_without_an_audit_nothing_is_known_of_shortcuts(tmp_path: Path) -> None:
    assert "No audit was given" in section(card(tmp_path), "Audit").points[0]


def test_hashes_of_every_file_and_manifest_are_given(tmp_path: Path) -> None:
    study = manifest(tmp_path)
    rows = dict(section(card(tmp_path), "Hashes and versions").tables[0].rows)
    made = bundle(tmp_path / "again", study)
    assert rows["sha256 of model.onnx"] == made.record.files["model.onnx"].sha256
    assert rows["manifest trained on (sha256)"] == study.sha256
    assert rows["numpy"] == "2.4.6"


def test_a_name_with_a_bar_does_not_break_a_table(tmp_path: Path) -> None:
    frame = manifest(tmp_path).frame.with_columns(source=pl.lit("a|b"))
    page = card(tmp_path, manifest=manifest(tmp_path, frame), evaluation=None).markdown()
    line = next(line for line in page.splitlines() if line.startswith("| train |"))
    assert line.count("|") - line.count("\\|") == 5


def test_the_dict_is_plain_json(tmp_path: Path) -> None:
    found = card(tmp_path).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_a_card_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs a model"):
        model_card(gather_facts())
