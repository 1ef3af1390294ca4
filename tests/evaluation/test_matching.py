"""Predictions held against a manifest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hilum.data.manifest import Manifest
from hilum.errors import PredictionsError
from hilum.evaluation import Predictions
from hilum.evaluation.matching import match_manifest, relabelled

ROWS = {
    "path": ["a.png", "b.png", "c.png", "d.png", "e.png"],
    "patient_id": ["1", "2", "3", "4", "5"],
    "source": ["x", "y", "x", "y", "y"],
    "label": ["no", "yes", "no", "yes", "maybe"],
    "split": ["test", "test", "train", "train", "test"],
}


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest.from_frame(pl.DataFrame(ROWS), tmp_path)


def predicted(rows: list[int], **changes: list[str]) -> Predictions:
    values = {name: [column[row] for row in rows] for name, column in ROWS.items()} | changes
    labels = [["no", "yes"].index(label) for label in values["label"]]
    return Predictions(
        values["path"],
        values["patient_id"],
        labels,
        ["no", "yes"],
        np.tile([0.5, 0.5], (len(rows), 1)),
        sources=changes.get("source"),
    )


def test_sources_and_the_baseline_come_from_the_manifest(manifest: Manifest) -> None:
    matched = match_manifest(predicted([1, 0]), manifest, split="test")
    assert matched.predictions.sources is not None
    assert matched.predictions.sources.tolist() == ["y", "x"]
    assert matched.baseline is not None
    assert matched.baseline.sources.tolist() == ["x", "y"]
    assert matched.baseline.labels.tolist() == [0, 1]
    assert matched.baseline.origin == "the manifest's train split, 2 images"


def test_absolute_paths_are_found_too(manifest: Manifest) -> None:
    path = str(manifest.paths()[0])
    matched = match_manifest(predicted([0], path=[path]), manifest)
    assert matched.predictions.images.tolist() == [path]
    with pytest.raises(PredictionsError, match="1 manifest images are predicted twice"):
        match_manifest(predicted([0, 0], path=[path, "a.png"]), manifest)


def test_images_of_other_splits_are_left_out_and_counted(manifest: Manifest) -> None:
    matched = match_manifest(predicted([0, 1, 2]), manifest, split="test")
    assert matched.predictions.images.tolist() == ["a.png", "b.png"]
    assert matched.notes[0].startswith("2 of 3 predicted images are in split 'test'")


def test_images_without_prediction_or_of_other_labels_are_counted(manifest: Manifest) -> None:
    notes = match_manifest(predicted([0]), manifest, split="test").notes
    assert notes[0].startswith("1 of 2 images of split 'test' have no prediction")
    assert notes[1].startswith("1 images of split 'test' have a label the model does not know")


def test_training_images_among_the_scored_are_told(manifest: Manifest) -> None:
    notes = match_manifest(predicted([0, 2, 3]), manifest).notes
    assert notes == ("2 of the scored images are in the train split: these figures flatter.",)


def test_images_that_are_not_in_the_manifest_are_refused(manifest: Manifest) -> None:
    with pytest.raises(PredictionsError, match="1 of 2 predicted images are not in the manifest"):
        match_manifest(predicted([0, 1], path=["a.png", "z.png"]), manifest)


def test_differing_labels_patients_and_sources_are_refused_together(manifest: Manifest) -> None:
    wrong = predicted([0, 1], label=["yes", "yes"], patient_id=["9", "2"], source=["y", "x"])
    with pytest.raises(PredictionsError, match="the manifest disagree") as caught:
        match_manifest(wrong, manifest)
    label, patient, source = caught.value.problems
    assert label == "label differs for 1 of 2 images: a.png: 'yes', the manifest 'no'"
    assert patient == "patient_id differs for 1 of 2 images: a.png: '9', the manifest '1'"
    assert source.startswith("source differs for 2 of 2 images: a.png: 'y', the manifest 'x'; b")


def test_a_split_that_was_not_predicted_is_refused(manifest: Manifest) -> None:
    with pytest.raises(PredictionsError, match=r"is in split 'val'; they are in test \(2\)"):
        match_manifest(predicted([0, 1]), manifest, split="val")


def test_a_manifest_without_splits_has_no_baseline(tmp_path: Path) -> None:
    frame = pl.DataFrame(ROWS).drop("split")
    matched = match_manifest(predicted([0, 1]), Manifest.from_frame(frame, tmp_path))
    assert matched.baseline is None
    assert matched.notes == ()


def test_labels_can_be_renamed_as_a_recipe_does(manifest: Manifest) -> None:
    renamed = relabelled(manifest, {"maybe": "yes"})
    assert renamed.labels == ["no", "yes"]
    assert manifest.labels == ["maybe", "no", "yes"]
    assert relabelled(manifest, {}) is manifest
