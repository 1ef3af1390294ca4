from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tests.report.study import audit, bundle, evaluation, films, manifest

from hilum.data.manifest import Manifest
from hilum.errors import ConfigError, DataError
from hilum.report.checklists import CHECKLISTS, COLUMNS, Filled, fill, gather_facts, load_checklist
from hilum.report.checklists.items import Checklist
from hilum.report.checklists.topics import TOPICS
from hilum.screening.threshold import Threshold

NEVER = {
    "claim": {"1", "2", "4", "5", "6", "11", "14", "15", "16", "17", "18", "21", "34", "41", "44"},
    "tripod-ai": {
        "1", "2", "3a", "3c", "4", "5b", "6a", "6c", "8a", "8b", "8c", "10", "17", "18a", "18b",
        "18c", "18d", "18e", "19", "25", "27c",
    },
}  # fmt: skip
"""Items that no record can answer: ethics, funding, who read the films, why it was done."""


def facts(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    """The facts of a study where everything is known that a program can know."""
    study = manifest(tmp_path)
    made = bundle(tmp_path / "tiny", study, licence="CC BY 4.0")
    known = {
        "bundle": made,
        "manifest": study,
        "evaluation": evaluation(study),
        "audit": audit(made.id, jpeg="pass", heatmap="fail", subgroups="warn", each_source="pass"),
    }
    return gather_facts(**{**known, **changes})


def status(filled: Filled, number: str) -> str:
    return next(i.answer.status for i in filled.items if i.item.number == number)


def text(filled: Filled, number: str) -> str:
    answer = next(i.answer for i in filled.items if i.item.number == number)
    return f"{answer.text} || {answer.missing}"


def test_claim_has_items_1_to_44_in_order() -> None:
    numbers = [item.number for item in load_checklist("claim").items]
    assert numbers == [str(n) for n in range(1, 45)]


def test_tripod_ai_has_27_items_with_52_entries_in_order() -> None:
    numbers = [item.number for item in load_checklist("tripod-ai").items]
    mains = [int(re.sub("[a-g]", "", number)) for number in numbers]
    assert len(numbers) == 52
    assert mains == sorted(mains)
    assert set(mains) == set(range(1, 28))
    assert [n for n in numbers if n.startswith("12")] == [f"12{letter}" for letter in "abcdefg"]


def test_tripod_ai_says_what_each_item_is_asked_of_and_claim_does_not() -> None:
    assert {item.applies for item in load_checklist("tripod-ai").items} == {"D", "E", "D;E"}
    assert {item.applies for item in load_checklist("claim").items} == {None}


@pytest.mark.parametrize("name", CHECKLISTS)
def test_every_checklist_says_what_was_verified_and_names_no_host(name: str) -> None:
    said = " ".join(f"{entry.what} {entry.by}" for entry in load_checklist(name).verified)
    assert "numbers" in said
    assert "not verified" in said
    assert not re.search(r"https?:|www\.|\.com|\.org", said)


def test_every_topic_of_an_item_is_known_and_every_topic_is_asked_for() -> None:
    asked = {item.topic for name in CHECKLISTS for item in load_checklist(name).items}
    assert asked - {None} == set(TOPICS)


def test_an_unknown_checklist_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="no checklist called 'clam'.*claim"):
        load_checklist("clam")


def test_an_item_that_stands_twice_is_refused() -> None:
    values = load_checklist("claim").model_dump()
    values["items"] = [values["items"][0]] * 2
    with pytest.raises(ValueError, match="items stand twice: 1"):
        Checklist.model_validate(values)


@pytest.mark.parametrize("name", CHECKLISTS)
def test_without_facts_nothing_is_claimed_and_every_item_has_someone(name: str) -> None:
    filled = fill(name, gather_facts())
    assert {item.answer.status for item in filled.items} <= {"not reported"}
    assert all(item.answer.missing and item.item.who for item in filled.items)


@pytest.mark.parametrize("name", CHECKLISTS)
def test_what_software_cannot_know_stays_open_however_much_is_known(
    name: str, tmp_path: Path
) -> None:
    filled = fill(name, facts(tmp_path))
    open_ones = {i.item.number for i in filled.items if i.answer.status == "not reported"}
    assert open_ones >= NEVER[name]
    assert not {i.item.number for i in filled.items if i.item.topic is None} - NEVER[name]


def test_ethics_is_left_to_the_ethics_board(tmp_path: Path) -> None:
    found = fill("tripod-ai", facts(tmp_path)).to_dict()
    assert found["open"]["ethics board"] == {"not reported": ["17"], "partly": []}


def test_each_open_item_says_what_is_missing_and_who_writes_it(tmp_path: Path) -> None:
    for entry in fill("claim", facts(tmp_path)).to_dict()["items"]:
        if entry["status"] in ("partly", "not reported"):
            assert entry["missing"]
            assert entry["who"]
        else:
            assert entry["text"]
            assert entry["who"] == []


def test_separation_is_reported_once_it_was_counted(tmp_path: Path) -> None:
    filled = fill("claim", facts(tmp_path))
    assert status(filled, "20") == "reported"
    assert "120 films of 60 patients, none in more than one split" in text(filled, "20")


def test_separation_is_not_reported_where_every_film_is_its_own_patient(tmp_path: Path) -> None:
    study = manifest(tmp_path, films(two_a_patient=False))
    filled = fill("claim", gather_facts(bundle=bundle(tmp_path / "t", study), manifest=study))
    assert status(filled, "20") == "partly"
    assert "a (60 films) and b (60 films)" in text(filled, "20")


def test_a_patient_in_two_splits_is_counted_not_overlooked(tmp_path: Path) -> None:
    leaky = films().with_columns(
        split=pl.when(pl.col("path") == "0.png").then(pl.lit("test")).otherwise(pl.col("split"))
    )
    study = manifest(tmp_path, leaky, leaks=True)
    known = gather_facts(manifest=study, evaluation=evaluation(study))
    assert "Not disjoint: 1 of 60 patients" in text(fill("claim", known), "20")
    assert any("1 patients stand in more than one split" in caveat for caveat in known["caveats"])
    assert status(fill("claim", known), "37") == "partly"


def test_another_manifest_is_never_passed_off_as_the_training_data(tmp_path: Path) -> None:
    made = bundle(tmp_path / "t", manifest(tmp_path))
    other = manifest(tmp_path, films(sources=("a", "c")))
    known = gather_facts(bundle=made, manifest=other)
    filled = fill("claim", known)
    assert any("is not the one the model was trained on" in caveat for caveat in known["caveats"])
    for number in ("7", "8", "10", "12", "19", "20", "35", "36"):
        assert status(filled, number) == "partly"
        assert "of the films the model was trained on" in text(filled, number)


def test_figures_stand_with_interval_n_and_the_rule_that_never_looks(tmp_path: Path) -> None:
    known = facts(tmp_path)
    filled = fill("claim", known)
    auroc = known["evaluation"]["metrics"]["macro_auroc"]
    shown = text(filled, "37")
    assert status(filled, "37") == "reported"
    assert f"macro_auroc {auroc['estimate']:.3f} (95 % interval {auroc['low']:.3f} to" in shown
    assert shown.index("auroc") < shown.index("never looks at the film")
    decimals = re.findall(r"\d\.\d{3} \(([^)]*)\)", shown)
    assert len(decimals) == 6
    assert all(re.search(r"24 films of 12 patients$", inside) for inside in decimals)


@pytest.mark.parametrize(
    ("split", "said"), [("train", "trained on"), ("val", "choose the weights")]
)
def test_figures_on_films_with_a_part_in_training_are_no_test(
    split: str, said: str, tmp_path: Path
) -> None:
    study = manifest(tmp_path)
    filled = fill("claim", gather_facts(evaluation=evaluation(study, split=split)))
    for number in ("37", "38"):
        assert status(filled, number) == "partly"
        assert said in text(filled, number)


def test_weights_chosen_on_the_test_split_make_its_figures_no_test(tmp_path: Path) -> None:
    study = manifest(tmp_path)
    made = bundle(tmp_path / "tiny", study)
    recipe = made.record.training["recipe"]
    spoilt = {**recipe, "training": {**recipe["training"], "selection_split": "test"}}
    training = {**made.record.training, "recipe": spoilt}
    other = bundle(tmp_path / "other" / "tiny", training=training)
    known = gather_facts(bundle=other, manifest=study, evaluation=evaluation(study))
    assert (
        "The weights were chosen on the test split, so figures on it are no test."
        in (known["caveats"])
    )
    assert status(fill("claim", known), "37") == "partly"


def test_thresholds_chosen_on_the_films_scored_make_the_figures_no_test(tmp_path: Path) -> None:
    study = manifest(tmp_path)
    chosen = {"split": "test", "manifest_sha256": study.sha256, "n_images": 24, "n_patients": 12}
    made = bundle(tmp_path / "tiny", study, temperature=1.7, measured={"calibration": chosen})
    filled = fill("claim", gather_facts(bundle=made, evaluation=evaluation(study)))
    assert status(filled, "37") == "partly"
    assert "were not chosen on" in text(filled, "37")


def test_a_new_source_is_external_and_a_known_one_is_not(tmp_path: Path) -> None:
    inside = fill("claim", facts(tmp_path))
    assert (status(inside, "32"), status(inside, "33")) == ("reported", "not reported")
    frame = films().with_columns(
        source=pl.when(pl.col("split") == "test").then(pl.lit("c")).otherwise(pl.col("source"))
    )
    study = manifest(tmp_path, frame)
    made = bundle(tmp_path / "new" / "tiny", study)
    outside = fill("claim", gather_facts(bundle=made, manifest=study, evaluation=evaluation(study)))
    assert status(outside, "32") == "not reported"
    assert "not trained on: c 24 films" in text(outside, "33")


def test_sources_of_one_class_are_a_limit(tmp_path: Path) -> None:
    frame = films().with_columns(source=pl.col("label") + "-hospital")
    study = manifest(tmp_path, frame)
    filled = fill("claim", gather_facts(manifest=study))
    assert "covid-hospital (only covid) and normal-hospital (only normal)" in text(filled, "40")


def test_checks_that_ran_answer_and_those_that_did_not_stay_open(tmp_path: Path) -> None:
    filled = fill("claim", facts(tmp_path))
    assert status(filled, "30") == "reported"
    assert "The jpeg check (pass): AUROC 0.80" in text(filled, "30")
    idle = fill("claim", facts(tmp_path / "b", audit=audit(jpeg="not run", shift="pass")))
    assert status(idle, "30") == "partly"
    assert "Not run: The jpeg check" in text(idle, "30")
    none = fill("claim", facts(tmp_path / "c", audit=audit(jpeg="not run")))
    assert status(none, "30") == "not reported"


@pytest.mark.parametrize(
    ("check", "item"),
    [("heatmap-in-lungs", "31"), ("maps-under-randomisation", "31"), ("lungs-blacked-out", "30"),
     ("leave-one-source-out", "33")],
)  # fmt: skip
def test_each_check_answers_the_one_item_it_is_about(check: str, item: str, tmp_path: Path) -> None:
    filled = fill("claim", facts(tmp_path, audit=audit(**{check: "pass"})))
    named = {i.item.number for i in filled.items if check in i.answer.text}
    assert named == {item}


def test_a_film_found_on_both_sides_casts_doubt_on_separation(tmp_path: Path) -> None:
    clean = fill("claim", facts(tmp_path, audit=audit(duplicates="pass")))
    assert status(clean, "20") == "reported"
    assert "The duplicates check (pass)" in text(clean, "20")
    copied = fill("claim", facts(tmp_path / "b", audit=audit(duplicates="fail")))
    assert status(copied, "20") == "partly"
    assert "What the audit found shared" in text(copied, "20")


def test_a_check_that_failed_is_among_the_limits(tmp_path: Path) -> None:
    filled = fill("tripod-ai", facts(tmp_path))
    assert "Audit, The heatmap check (fail)" in text(filled, "26")
    assert "The jpeg check" not in text(filled, "26")


def test_words_inside_other_words_do_not_make_a_check_about_people(tmp_path: Path) -> None:
    known = facts(tmp_path, audit=audit(image_coverage="pass", stage="pass", label_noise="pass"))
    assert status(fill("tripod-ai", known), "14") == "not reported"
    assert status(fill("claim", known), "30") == "not reported"


def test_counts_of_analyses_are_reported_only_if_they_are_those_scored(tmp_path: Path) -> None:
    assert status(fill("tripod-ai", facts(tmp_path)), "21") == "reported"
    part = facts(tmp_path / "b")
    part["evaluation"]["n_images"] = 20
    filled = fill("tripod-ai", part)
    assert status(filled, "21") == "partly"
    assert "Why 20 of the 24 films of split 'test' were scored" in text(filled, "21")


def test_early_records_that_count_every_split_do_not_inflate_training(tmp_path: Path) -> None:
    made = bundle(tmp_path / "t", manifest(tmp_path))
    early = {**made.record.training, "n_images": 120, "n_patients": 60}
    known = gather_facts(bundle=bundle(tmp_path / "early", training=early))
    assert known["training"]["train_images"] == 72
    assert known["training"]["train_patients"] is None
    assert "Fitted to 72 films." in text(fill("claim", known), "25")


def test_pretrained_weights_leave_open_what_they_were_trained_on(tmp_path: Path) -> None:
    study = manifest(tmp_path)
    made = bundle(tmp_path / "t", study)
    recipe = made.record.training["recipe"]
    started = {**recipe, "model": {**recipe["model"], "weights": "default"}}
    other = bundle(tmp_path / "u", training={**made.record.training, "recipe": started})
    assert status(fill("claim", gather_facts(bundle=made)), "24") == "reported"
    assert status(fill("claim", gather_facts(bundle=other)), "24") == "partly"


def test_preprocessing_of_jpegs_leaves_open_what_made_them(tmp_path: Path) -> None:
    filled = fill("claim", facts(tmp_path))
    assert status(filled, "9") == "partly"
    assert "the top 8% of the rows cut off" in text(filled, "9")
    frame = films().with_columns(path=pl.col("path").str.replace("png", "dcm"))
    study = manifest(tmp_path, frame)
    original = gather_facts(bundle=bundle(tmp_path / "d", study), manifest=study)
    assert status(fill("claim", original), "9") == "reported"


def test_figures_of_another_model_are_never_reported_as_this_ones(tmp_path: Path) -> None:
    assert status(fill("tripod-ai", facts(tmp_path)), "12g") == "reported"
    scores = evaluation(manifest(tmp_path), scored="runs/x")
    other = facts(tmp_path / "b", evaluation=scores)
    assert any("says it scored runs/x, not the model at" in c for c in other["caveats"])
    assert status(fill("tripod-ai", other), "12g") == "partly"
    for number in ("32", "37", "38"):
        assert status(fill("claim", other), number) == "partly"


def test_figures_of_the_run_are_those_of_its_bundle_until_it_is_changed(tmp_path: Path) -> None:
    study = manifest(tmp_path)
    command = ["hilum", "train", "r.yaml", "--out", "runs/x"]
    scores = evaluation(study, scored="runs/x")
    fresh = bundle(tmp_path / "t", training={"command": command})
    warm = bundle(tmp_path / "w", training={"command": command}, temperature=1.5)
    assert gather_facts(bundle=fresh, evaluation=scores)["untied"] == ""
    assert "scored runs/x" in gather_facts(bundle=warm, evaluation=scores)["untied"]


def test_figures_by_another_rule_of_decision_are_partly_reported(tmp_path: Path) -> None:
    study = manifest(tmp_path)
    rules = {"argmax": Threshold(), "s": Threshold(kind="at_least", label="covid", value=0.2)}
    made = bundle(tmp_path / "tiny", study, thresholds=rules, default_threshold="s")
    filled = fill("claim", gather_facts(bundle=made, evaluation=evaluation(study)))
    assert status(filled, "38") == "partly"
    assert "covid if its probability is at least 0.2" in text(filled, "38")


def test_recalibration_is_told_with_figures_before_and_after(tmp_path: Path) -> None:
    figure = {"value": 0.1, "low": 0.05, "high": 0.2, "n": 24}
    done = {
        "split": "val", "manifest_sha256": "f" * 64, "n_images": 24, "n_patients": 12,
        "before": {"ece": figure, "verdict": "x"}, "after": {"ece": {**figure, "value": 0.08}},
    }  # fmt: skip
    made = bundle(tmp_path / "t", temperature=1.5, measured={"calibration": done})
    filled = fill("tripod-ai", gather_facts(bundle=made))
    assert status(filled, "12f") == "reported"
    assert "24 films of 12 patients" in text(filled, "12f")
    assert "ece before: 0.100 (interval 0.050 to 0.200; 24 films)" in text(filled, "24")
    assert "ece after: 0.080" in text(filled, "24")


def test_a_bundle_never_recalibrated_has_no_updating_to_report(tmp_path: Path) -> None:
    filled = fill("tripod-ai", facts(tmp_path))
    assert (status(filled, "12f"), status(filled, "24")) == ("not applicable", "not applicable")
    warm = fill("tripod-ai", gather_facts(bundle=bundle(tmp_path / "w", temperature=1.5)))
    assert status(warm, "12f") == "partly"
    assert "temperature of 1.5, where it was fitted is not recorded" in text(warm, "12f")


def test_uncommitted_code_is_a_caveat(tmp_path: Path) -> None:
    changed = {"git": {"commit": "abc", "changed": True}, "recipe": {"name": "x"}}
    known = gather_facts(bundle=bundle(tmp_path / "t", training=changed))
    assert any("differed from its commit" in caveat for caveat in known["caveats"])
    assert "with changes that no commit holds" in text(fill("tripod-ai", known), "18f")


def test_drawn_films_are_called_drawn(tmp_path: Path) -> None:
    (tmp_path / "phantoms.json").write_text("{}")
    known = gather_facts(manifest=manifest(tmp_path))
    assert any("phantoms: drawn, and of nobody" in caveat for caveat in known["caveats"])


def test_evidence_about_another_model_is_refused(tmp_path: Path) -> None:
    known = facts(tmp_path)
    with pytest.raises(DataError, match="classes a, b, the model has normal, covid"):
        facts(tmp_path / "b", evaluation={**known["evaluation"], "classes": ["a", "b"]})
    with pytest.raises(DataError, match="audit is of bundle 000000000000, not of"):
        facts(tmp_path / "c", audit=audit("0" * 64, jpeg="pass"))


def test_what_is_no_evaluation_and_no_audit_is_refused() -> None:
    with pytest.raises(DataError, match="Expected an evaluation with `metrics`.*got checks"):
        gather_facts(evaluation={"checks": []})
    with pytest.raises(DataError, match="Expected an audit with `checks`.*got nothing"):
        gather_facts(audit={})


def test_a_run_tells_of_training_and_nothing_of_decisions(tmp_path: Path) -> None:
    made = bundle(tmp_path / "t", manifest(tmp_path)).record.training
    run = tmp_path / "run"
    run.mkdir()
    about = {"name": "tiny", "classes": ["normal", "covid"], "precision": "32-true"}
    manifest_of = {"sha256": made["manifest_sha256"]}
    (run / "run.json").write_text(
        json.dumps({**about, "manifest": manifest_of, "versions": {"torch": "2"}})
    )
    (run / "recipe.yaml").write_text(json.dumps(made["recipe"]))
    filled = fill("claim", gather_facts(run=run))
    assert status(filled, "23") == "reported"
    assert "precision 32-true" in text(filled, "23")
    assert (status(filled, "25"), status(filled, "27")) == ("partly", "not reported")


def test_what_is_no_run_and_a_run_of_another_bundle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected a training run at"):
        gather_facts(run=tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({"manifest": {"sha256": "f" * 64}}))
    (tmp_path / "recipe.yaml").write_text("name: x\n")
    with pytest.raises(DataError, match="do not belong together"):
        gather_facts(bundle=bundle(tmp_path / "t", manifest(tmp_path)), run=tmp_path)


def test_rows_for_a_table_hold_every_item_and_no_formula(tmp_path: Path) -> None:
    frame = films().with_columns(source=pl.lit('=HYPERLINK("x")'))
    study = manifest(tmp_path, frame)
    rows = fill("claim", gather_facts(manifest=study)).csv_rows()
    assert [row["item"] for row in rows] == [str(n) for n in range(1, 45)]
    assert all(tuple(row) == COLUMNS for row in rows)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]


def test_markdown_shows_caveats_then_who_must_write_what_then_items(tmp_path: Path) -> None:
    page = fill("claim", facts(tmp_path)).markdown()
    assert "Research use only" in page
    order = [page.index(word) for word in ("Before you believe", "## Still to be", "**1 AI named")]
    assert order == sorted(order)
    assert re.search(r"\| readers \| 16, 17, 18 \| 39 \|", page)


def test_markdown_shows_names_as_they_are(tmp_path: Path) -> None:
    frame = films().with_columns(source=pl.lit("<b>x|y</b>"))
    page = fill("claim", gather_facts(manifest=manifest(tmp_path, frame))).markdown()
    assert "<b>" not in page.replace("\\<", "")


@pytest.mark.parametrize("name", CHECKLISTS)
def test_the_dict_is_plain_json_with_counts_that_add_up(name: str, tmp_path: Path) -> None:
    found = fill(name, facts(tmp_path)).to_dict()
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert sum(found["counts"].values()) == len(found["items"])


def test_real_films_show_which_patient_numbers_may_be_files(shared_data: Path) -> None:
    study = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    known = gather_facts(manifest=study)
    assert known["data"]["one_film_a_patient"] == ["covidcxnet"]
    assert known["data"]["images"] == 2393
    assert known["data"]["patients_in_several_splits"] == 0
    assert "covidcxnet (only covid)" in text(fill("claim", known), "40")
