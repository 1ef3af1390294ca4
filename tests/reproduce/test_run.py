"""The whole line of a reproduction, on drawn spots and with the smallest networks."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.errors import ConfigError
from hilum.reproduce import paper
from hilum.reproduce.paper import Fault, Network, Paper
from hilum.reproduce.results import Scale
from hilum.reproduce.run import reproduce
from hilum.training import load_recipe, predict_run

LABELS = ("normal", "other_disease", "pneumonia", "covid")
SMALL = Paper(
    name="p1",
    title="A small paper",
    citation="Nobody",
    classes=("normal", "covid"),
    relabel={},
    metrics=("accuracy", "recall_covid", "precision_covid"),
    networks=(Network(name="small", row="Small", published="demo.yaml", repaired="demo.yaml"),),
    fault_base="small",
    faults=(Fault(name="unshuffled", what="Never shuffled.", changes=("sampling.order=listed",)),),
)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder = tmp_path_factory.mktemp("films")
    rng = np.random.default_rng(2)
    rows = []
    for number in range(160):
        label = LABELS[number % 4]
        pixels = rng.normal(60 + 40 * (number % 4), 20, (48, 48)).clip(0, 255)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
        source = "clinic" if label == "covid" else "archive"
        split = ("train", "train", "train", "val", "test")[number // 4 % 5]
        rows.append((f"{number}.png", f"p{number}", source, label, split))
    columns = ["path", "patient_id", "source", "label", "split"]
    return Manifest.from_frame(pl.DataFrame(rows, schema=columns, orient="row"), folder)


def test_both_variants_stand_beside_a_rule_that_never_looks(
    films: Manifest, tmp_path: Path
) -> None:
    scale = Scale(epochs=1, size=32, resamples=20)
    found = reproduce(SMALL, films, tmp_path, faults=True, scale=scale)
    assert [row.variant for row in found.rows] == [
        "published",
        "repaired",
        "repaired",
        "unshuffled",
    ]
    assert found.baseline.metrics["accuracy"].estimate == 1.0  # the source gives the label away
    assert found.rows[0].metrics["recall_covid"].n == 8
    assert json.loads((tmp_path / "results.json").read_text())["baseline"]["variant"] == "baseline"
    kept = (tmp_path / "small" / "published" / "run.json").stat().st_mtime_ns
    again = reproduce(SMALL, films, tmp_path, scale=scale)
    assert (tmp_path / "small" / "published" / "run.json").stat().st_mtime_ns == kept
    assert again.rows[0].metrics == found.rows[0].metrics
    with pytest.raises(ConfigError, match="another recipe, or at another scale"):
        reproduce(SMALL, films, tmp_path, scale=Scale(epochs=2, size=32, resamples=20))


def test_two_stages_in_folds_and_the_repaired_one_tests_nobody_it_has_seen(
    films: Manifest, tmp_path: Path
) -> None:
    scale = Scale(epochs=1, size=36, batch_size=8, resamples=20)
    found = reproduce(paper("p4"), films, tmp_path, scale=scale)
    published, repaired = found.rows
    assert published.about["films_second_stage"] == 160
    assert repaired.about["films_first_stage"] == 40
    assert repaired.about["films_second_stage"] == 120
    record = json.loads((tmp_path / "detl" / "repaired" / "fold-0" / "run.json").read_text())
    assert record["patients_of_started_from"] == 40
    assert record["started_from"]["left_new"] == ["head.layers.2.weight", "head.layers.2.bias"]
    assert len(published.about["folds"]["accuracy"]["values"]) == 5


def test_a_run_can_be_used_with_the_manifest_it_was_made_from(
    films: Manifest, tmp_path: Path
) -> None:
    names = {"normal": "negative", "pneumonia": "negative", "covid": "positive"}
    renamed = replace(
        SMALL,
        classes=("negative", "positive"),
        relabel=names,
        metrics=("accuracy", "recall_positive"),
        faults=(),
    )
    scale = Scale(epochs=1, size=32, resamples=20)
    reproduce(renamed, films, tmp_path, variants=["repaired"], scale=scale)
    run = tmp_path / "small" / "repaired"
    assert load_recipe(run / "recipe.yaml").relabel == names
    again = predict_run(run, films, "test")
    assert again.classes == ("negative", "positive")
    assert len(again) == len(films.select(split="test", labels=[*names]))
