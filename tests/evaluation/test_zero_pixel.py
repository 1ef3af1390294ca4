from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import balanced_accuracy_score, roc_auc_score

from hilum.data.manifest import Manifest
from hilum.data.sources import Request, build
from hilum.errors import ConfigError, DataError
from hilum.evaluation.baseline import majority_by_group
from hilum.evaluation.metadata_groups import metadata_groups
from hilum.evaluation.zero_pixel import ALL_TOGETHER, NOTHING, zero_pixel

N = 240


def manifest(**columns: object) -> Manifest:
    """Two sources that say nothing of the label, one image a patient, half train, half test."""
    rows = {
        "path": [f"{i}.png" for i in range(N)],
        "patient_id": [f"p{i}" for i in range(N)],
        "source": [("east", "west")[i % 2] for i in range(N)],
        "label": [("normal", "covid")[i // 2 % 2] for i in range(N)],
        "split": ["train" if i < N // 2 else "test" for i in range(N)],
    }
    kept = {name: x for name, x in {**rows, **columns}.items() if x is not None}
    return Manifest.from_frame(pl.DataFrame(kept, strict=False), ".", labelled=False)


def test_a_source_that_decides_the_label_is_right_every_time() -> None:
    sources = [("west", "east")[i // 2 % 2] for i in range(N)]
    found = zero_pixel(manifest(source=sources))
    rule = found.rule("source")
    assert (rule.right, found.images) == (120, 120)
    accuracy = rule.metrics["accuracy"]
    assert accuracy.estimate == 1
    assert accuracy.low == pytest.approx(0.025 ** (1 / 120))  # Clopper and Pearson, 120 patients
    assert found.sentence.startswith(
        "A rule that never looks at a picture, only at the source, is right for 120 of 120 test "
        "images: accuracy 100.0 % (97.0 to 100.0), AUROC 1.000."
    )


def test_a_source_that_says_nothing_scores_as_chance_does() -> None:
    found = zero_pixel(manifest())
    assert found.rule("source").metrics["auroc"].estimate == pytest.approx(0.5, abs=0.05)
    assert found.rule(NOTHING).metrics["accuracy"].estimate == 0.5


def test_figures_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(3)
    label = rng.choice(["a", "b", "c"], N)
    source = np.where(rng.random(N) < 0.6, label, rng.choice(["a", "b", "c"], N))
    images = manifest(label=label, source=source)
    found = zero_pixel(images, columns=["source"], resamples=0)
    y = np.unique(label, return_inverse=True)[1]
    train, test = slice(0, N // 2), slice(N // 2, N)
    called = majority_by_group(source[train], y[train], source[test])
    rule = found.rule("source")
    assert rule.right == np.count_nonzero(called == y[test])
    assert rule.metrics["balanced_accuracy"].estimate == pytest.approx(
        balanced_accuracy_score(y[test], called)
    )
    share = [np.mean(label[train][source[train] == s] == "b") for s in source[test]]
    area = roc_auc_score(label[test] == "b", share)
    assert rule.per_class["b"]["auroc"].estimate == pytest.approx(area)


def test_a_source_that_was_never_trained_on_gets_the_commonest_label() -> None:
    sources = ["east" if i < N // 2 else "north" for i in range(N)]
    label = ["covid" if i % 3 else "normal" for i in range(N)]
    rule = zero_pixel(manifest(source=sources, label=label), columns=["source"]).rule("source")
    assert rule.guessed == 120
    assert rule.right == label[N // 2 :].count("covid")


def test_what_is_unknown_is_guessed_and_never_a_group_of_its_own() -> None:
    ages = [None if i // 2 % 2 else 40 + i % 2 * 30 for i in range(N)]
    rule = zero_pixel(manifest(age=ages), columns=["age"], resamples=0).rule("age")
    assert rule.guessed == 60
    assert rule.per_class["covid"]["recall"].estimate == 0


def test_without_splits_the_rules_are_cross_validated_by_patient() -> None:
    sources = [("west", "east")[i // 2 % 2] for i in range(N)]
    found = zero_pixel(manifest(split=None, source=sources), resamples=50)
    assert (found.where, found.images) == ("cross-validated", N)
    assert found.rule("source").right == N
    assert "right for 240 of 240 images" in found.sentence
    assert "cross-validated by patient" in found.notes[0]


def test_val_is_tested_where_there_is_no_test_split() -> None:
    split = ["train" if i < N // 2 else "val" for i in range(N)]
    assert zero_pixel(manifest(split=split), resamples=0).where == "val"


def test_one_label_against_the_rest() -> None:
    label = [("normal", "pneumonia", "covid")[i % 3] for i in range(N)]
    source = ["italy" if x == "covid" else "nih" for x in label]
    found = zero_pixel(manifest(label=label, source=source), positive="covid", resamples=0)
    assert found.classes == ("not covid", "covid")
    assert found.rule("source").right == 120


def test_of_three_labels_the_one_told_best_is_named() -> None:
    label = [("normal", "pneumonia", "covid")[i % 3] for i in range(N)]
    source = ["italy" if x == "covid" else "nih" for x in label]
    sentence = zero_pixel(manifest(label=label, source=source), resamples=0).sentence
    assert sentence.endswith("It tells covid from the rest with sensitivity 1.000 and specificity "
                             "1.000.")  # fmt: skip


def test_the_positive_class_is_the_disease() -> None:
    labels = [("positive", "negative")[i // 2 % 2] for i in range(N)]
    assert zero_pixel(manifest(label=labels), resamples=0).classes == ("negative", "positive")
    found = zero_pixel(manifest(label=labels), positive="negative", resamples=0)
    assert found.classes == ("positive", "negative")


def test_weak_columns_are_stronger_together() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, N)
    hints = {f"hint{j}": (y ^ (rng.random(N) < 0.3)).astype(str) for j in range(5)}
    images = manifest(label=np.array(["normal", "covid"])[y], **hints)
    found = zero_pixel(images, columns=[*hints], resamples=0)
    single = [found.rule(name).metrics["auroc"].estimate or 0 for name in hints]
    assert (found.rule(ALL_TOGETHER).metrics["auroc"].estimate or 0) > max(single)


def test_rows_without_a_label_take_no_part() -> None:
    label = ["" if i % 4 == 0 else ("normal", "covid")[i // 2 % 2] for i in range(N)]
    assert zero_pixel(manifest(label=label), resamples=0).images == 90


def test_the_record_is_json_and_says_what_it_is_for() -> None:
    record = json.loads(json.dumps(zero_pixel(manifest(), resamples=20).to_dict(), allow_nan=False))
    assert record["use"].startswith("Research use only")
    assert record["rules"][0]["looks_at"] == NOTHING
    assert record["positive_class"] == "covid"


def test_a_column_that_is_not_there_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="no column 'sorce' in this manifest. Did you mean"):
        zero_pixel(manifest(), columns=["sorce"])


def test_a_label_that_is_not_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="No image is labelled 'covvid'. Did you mean 'covid'"):
        zero_pixel(manifest(), positive="covvid")


def test_one_label_cannot_be_told_from_anything() -> None:
    with pytest.raises(DataError, match="at least two labels to tell apart, got covid"):
        zero_pixel(manifest(label=["covid"] * N))


def test_an_empty_split_cannot_be_tested() -> None:
    with pytest.raises(DataError, match="in splits 'train' and 'val', got 120 and 0"):
        zero_pixel(manifest(), split="val")


def test_groups_are_what_a_person_would_make_of_the_columns() -> None:
    frame = pl.DataFrame(
        {
            "path": ["a.PNG", "b.jpeg"],
            "source": ["x", "y"],
            "label": ["n", "c"],
            "findings": ["n", "c"],
            "width": ["1000", "300"],
            "height": ["1000", "200"],
            "age": [41.5, 39.0],
            "room": ["1", "2"],
        }
    )
    groups = {name: group.to_list() for name, group in metadata_groups(frame).items()}
    assert groups == {
        "source": ["x", "y"],
        "image size": ["about 1024 px", "about 256 px"],
        "aspect": ["1.0", "1.5"],
        "file type": ["png", "jpeg"],
        "age": ["40 to 49", "30 to 39"],
        "room": ["1", "2"],
    }


def test_numbers_of_many_values_are_put_in_ten_bins() -> None:
    values = [None, *map(str, range(1, N))]
    group = metadata_groups(pl.DataFrame({"kvp": values}), ["kvp"])["kvp"]
    assert group[0] is None
    assert group.drop_nulls().n_unique() == 10


def covidx(shared_data: Path, version: str) -> Manifest:
    labels = shared_data / "formats" / "covid-net-labels"
    return build("covidx", Request(labels=labels, version=version), lists_only=True).manifest


@pytest.mark.parametrize(("version", "right", "of"), [("8B", 400, 400), ("5", 296, 300)])
def test_the_published_splits_score_what_they_score(
    shared_data: Path, version: str, right: int, of: int
) -> None:
    positive = "positive" if version.endswith("B") else "covid"
    images = covidx(shared_data, version)
    found = zero_pixel(images, columns=["source"], positive=positive, resamples=0)
    assert (found.rule("source").right, found.images) == (right, of)


def test_9b_is_decided_by_source_too(shared_data: Path) -> None:
    # Its train list is not here; 8B's holds the same two sources, each with the same one label.
    train = covidx(shared_data, "8B").select(split="train").frame
    text = (shared_data / "formats" / "covid-net-labels" / "test_COVIDx9B.txt").read_text()
    rows = [line.rsplit(" ", 3) for line in text.splitlines()]
    columns = ["path", "patient_id", "source", "label", "split"]
    tested = pl.DataFrame(
        [(file, who, source, label, "test") for who, file, label, source in rows],
        schema=columns,
        orient="row",
    )
    images = Manifest.from_frame(pl.concat([train.select(columns), tested]), ".")
    assert zero_pixel(images, columns=["source"], resamples=0).rule("source").right == 400


def test_the_real_set_is_told_by_source(shared_data: Path) -> None:
    images = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    found = zero_pixel(images, columns=["source"], positive="covid", resamples=0)
    assert found.rule("source").metrics["accuracy"].estimate == 1
