"""Sources told from films, and scores within and across sources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.audit.checks.baseline import zero_pixel_baseline
from hilum.audit.checks.each_source import each_source, leave_one_source_out
from hilum.audit.checks.sources import source_from_features, source_from_pixels, thumbnail
from hilum.data.manifest import Manifest
from hilum.data.phantom import write_cohort
from hilum.data.preprocessing import Preprocessing

Make = Callable[..., Any]


@pytest.mark.parametrize("seed", range(4))
def test_a_good_model_of_mixed_sources_raises_nothing(make: Make, seed: int) -> None:
    subject = make(sees=3.0, seed=seed, sources=3)
    checks = (zero_pixel_baseline, source_from_features, each_source, leave_one_source_out)
    found = {check.__name__: check(subject) for check in checks}
    assert {name: one.verdict for name, one in found.items()} == dict.fromkeys(found, "pass")
    told = next(iter(found["source_from_features"].numbers.values()))
    assert told.estimate is not None
    assert told.estimate > 0.9, "the source is told, and that alone is no fault"


def test_a_confounded_source_fails_from_features(make: Make) -> None:
    found = source_from_features(make(confounded=0.8, knows=1.0))
    assert found.verdict == "fail"
    assert "among films of one label" in found.summary


def test_a_confounded_source_that_no_film_tells_passes(make: Make) -> None:
    subject = make(confounded=0.7)
    for path, (said, features) in subject.table.items():
        hidden = features.copy()
        hidden[2:4] = 0  # where the source is written
        subject.table[path] = (said, hidden)
    found = source_from_features(subject)
    assert found.verdict == "pass"


def test_labels_that_share_no_source_are_judged_on_all_films(make: Make) -> None:
    found = source_from_features(make(confounded=1.0))
    assert found.verdict == "fail"
    assert "cannot be said apart" in " ".join(found.notes)


def test_without_features_the_source_is_not_looked_for(make: Make) -> None:
    subject = make(features=False)
    for check in (source_from_features, leave_one_source_out):
        found = check(subject)
        assert found.verdict == "not run"
        assert "Export it again" in found.summary


def test_one_source_is_nothing_to_tell(make: Make) -> None:
    subject = make(sources=1)
    for check in (source_from_features, each_source):
        assert check(subject).verdict == "not run"


def test_a_model_that_reads_the_source_scores_less_within_it(make: Make) -> None:
    found = each_source(make(confounded=0.8, sees=0.7, knows=1.0, n=200))
    assert found.verdict == "fail"
    gap = found.numbers["AUROC over all films less within sources"]
    assert gap.low is not None
    assert gap.low > 0.05


def test_sources_of_one_class_each_leave_nothing_to_believe(make: Make) -> None:
    found = each_source(make(confounded=1.0))
    assert found.verdict == "fail"
    assert "one class only" in found.summary
    assert found.tables[0].rows[0][-1] == "only one class"


def test_a_class_that_stands_alone_is_named(make: Make) -> None:
    """Covid comes from its own hospital; normal and pneumonia share two others."""

    def alone(films: Any) -> dict[str, Any]:
        home = np.where(films.labels == 1, "covid-ward", films.sources)
        return {"source": home}

    subject = make(classes=3, sources=2, n=150)
    frame = subject.manifest.frame
    ward = np.where(frame["label"] == "covid", "covid-ward", frame["source"].to_numpy())
    subject.manifest = replace(subject.manifest, frame=frame.with_columns(source=ward.astype(str)))
    found = each_source(subject)
    assert found.verdict == "fail"
    assert "No source holds covid beside another class" in found.summary


def test_a_head_that_needs_the_left_out_source_loses(make: Make) -> None:
    """In one hospital the sign of the disease is turned round: others teach the wrong way."""

    subject = make(sources=3, n=200, sees=3.0)
    frame = subject.manifest.frame
    for path, source in zip(frame["path"], frame["source"], strict=True):
        said, features = subject.table[path]
        if source == "hospital-2":
            turned = features.copy()
            turned[:2] = features[:2][::-1]
            turned[5:10] += 4 * (features[1] > features[0])
            subject.table[path] = (said, turned)
    found = leave_one_source_out(subject)
    assert found.verdict == "fail"
    assert "hospital-2, left out" in dict(found.charts[0].rows)  # type: ignore[union-attr]


def test_the_matrix_has_a_row_and_a_column_for_each_source(make: Make) -> None:
    found = leave_one_source_out(make(sources=3, sees=3.0))
    table = found.tables[0]
    assert table.columns == ("learnt from", "hospital-0", "hospital-1", "hospital-2")
    assert len(table.rows) == 3
    assert "trunk" in " ".join(found.notes)


def test_a_rule_that_beats_the_model_fails_it(make: Make) -> None:
    found = zero_pixel_baseline(make(confounded=0.95, sees=1.0))
    assert found.verdict == "fail"
    assert "source" in found.summary


def test_a_table_that_gives_labels_away_fails_however_good_the_model_is(make: Make) -> None:
    found = zero_pixel_baseline(make(confounded=0.8, sees=5.0, n=200))
    rule, model = (found.numbers[f"AUROC of the {name}"] for name in ("source", "model"))
    assert rule.estimate is not None
    assert model.low is not None or model.estimate == 1.0
    assert rule.estimate < 0.95 < (model.estimate or 0.0)
    assert found.verdict == "fail"


def test_a_weak_model_is_not_failed_for_rules_that_know_nothing(make: Make) -> None:
    verdicts = [zero_pixel_baseline(make(sees=0.5, seed=seed, n=60)).verdict for seed in range(8)]
    assert verdicts.count("pass") >= 7


def test_a_class_that_a_rule_tells_perfectly_fails_although_the_mean_does_not(make: Make) -> None:
    subject = make(classes=3, sources=2, n=150, sees=4.0)
    frame = subject.manifest.frame
    ward = np.where(frame["label"] == "covid", "covid-ward", frame["source"].to_numpy())
    subject.manifest = replace(subject.manifest, frame=frame.with_columns(source=ward.astype(str)))
    found = zero_pixel_baseline(subject)
    assert found.verdict == "fail"
    assert "does best with covid" in found.summary


def test_a_thumbnail_is_few_numbers_of_the_prepared_picture(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "cohort", patients=3, size=96, hospitals=1)
    found = thumbnail(manifest.paths()[0], Preprocessing(size=64, equalization="none"))
    assert found.shape == (16 * 16 + 16 + 8,)
    assert found.min() >= 0
    assert found.max() <= 1
    assert found[256:272].sum() == pytest.approx(1)


def test_a_confounded_hospital_is_told_from_pixels(make: Make, tmp_path: Path) -> None:
    """Phantoms of two hospitals with their own grey scale; the label names the hospital."""
    cohort = write_cohort(
        tmp_path / "cohort",
        patients=70,
        size=64,
        hospitals=2,
        classes=("normal", "consolidation"),
        images_per_patient=(1, 1),
        flaws={"confounded": 0.9},
    )
    frame = cohort.frame
    label = frame["label"].replace({"consolidation": "covid"})
    subject = make()
    split = frame["split"].replace({"val": "test"})
    subject.manifest = Manifest.from_frame(
        frame.with_columns(label=label, split=split), cohort.root
    )
    found = source_from_pixels(subject)
    assert found.verdict == "fail"
