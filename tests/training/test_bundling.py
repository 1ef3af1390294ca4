"""A trained run, packed, answers as the run does; on real films where there are any."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.training.conftest import Spots, spot_recipe

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import normalize
from hilum.errors import BundleError, TrainingError
from hilum.screening.batch import predict_manifest
from hilum.screening.engine import Engine
from hilum.screening.gate.distance import FeatureStatistics
from hilum.screening.gate.fitting import features_of
from hilum.screening.screener import Screener
from hilum.training import export_run, fit, predict_run


@pytest.fixture(scope="module")
def run(spots: Spots, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "run"
    fit(
        spot_recipe(),
        spots.manifest,
        spots.cache,
        out,
        manifest_file=spots.manifest_file,
        command=("hilum", "train"),
    )
    return out


def test_the_bundle_answers_as_the_run_does(spots: Spots, run: Path, tmp_path: Path) -> None:
    bundle, parity = export_run(run, tmp_path / "bundle")
    test = spots.manifest.select(split="test")
    ours = predict_manifest(tmp_path / "bundle", test)
    theirs = predict_run(run, spots.manifest, "test")
    assert parity.logits < 1e-4
    assert bundle.record.measured["parity"]["drawn_from"] == "validation images"
    assert np.abs(ours.probabilities - theirs.probabilities).max() < 1e-5


def test_the_bundle_says_where_it_comes_from(spots: Spots, run: Path, tmp_path: Path) -> None:
    bundle, _ = export_run(run, tmp_path / "bundle", licence="Apache-2.0")
    record = bundle.record
    assert record.classes == ("bright", "dark", "none")
    assert record.preprocessing == spot_recipe().preprocessing
    assert record.training["manifest_sha256"] == spots.manifest.sha256
    assert record.training["n_patients"] == 96
    assert record.measured["validation"]["macro_auroc"]["n"] == 30
    card = (tmp_path / "bundle" / "README.md").read_text()
    assert "Research use only" in card
    assert "Apache-2.0" in card
    assert "Not calibrated" in card


def test_the_bundle_knows_how_far_its_own_films_lie(
    spots: Spots, run: Path, tmp_path: Path
) -> None:
    bundle, _ = export_run(run, tmp_path / "bundle")
    statistics = FeatureStatistics.from_gate(bundle.record.gate)
    assert statistics is not None
    assert (statistics.about["films"], statistics.about["limit_set_on"]) == (96, 30)
    val = spots.cache.images(spots.cache.locate(spots.manifest.select(split="val")))
    engine = Engine(bundle)
    features = features_of(engine, [normalize(val, bundle.record.preprocessing)])
    assert (statistics.distances(features) <= statistics.limit).all()


def test_a_run_whose_data_are_gone_is_compared_on_phantoms(
    spots: Spots, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fit(spot_recipe(), spots.manifest, spots.cache, tmp_path / "run")
    bundle, parity = export_run(tmp_path / "run", tmp_path / "bundle")
    assert bundle.record.gate == {}
    assert "Add it with `hilum gate fit`" in caplog.text
    assert bundle.record.measured["parity"]["drawn_from"] == "phantoms"
    assert parity.images == 16


def test_a_binary_run_gives_two_probabilities_and_two_maps(spots: Spots, tmp_path: Path) -> None:
    recipe = spot_recipe(
        classes=["none", "bright"], loss={"name": "binary_cross_entropy"}, name="binary"
    )
    fit(recipe, spots.manifest, spots.cache, tmp_path / "run", manifest_file=spots.manifest_file)
    bundle, _ = export_run(tmp_path / "run", tmp_path / "bundle")
    probabilities, cams = Screener(bundle).screen_prepared(spots.cache.images(np.arange(4)))
    assert bundle.record.task == "binary"
    assert probabilities.shape == (4, 2)
    assert cams.shape[:2] == (4, 2)
    assert np.allclose(probabilities.sum(1), 1)


def test_a_bundle_is_not_overwritten_unless_asked(run: Path, tmp_path: Path) -> None:
    export_run(run, tmp_path / "bundle")
    with pytest.raises(BundleError, match="already"):
        export_run(run, tmp_path / "bundle")
    export_run(run, tmp_path / "bundle", overwrite=True)


def test_what_is_no_run_is_not_exported(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="not a run"):
        export_run(tmp_path, tmp_path / "bundle")


def test_the_whole_line_holds_on_real_films(shared_data: Path, tmp_path: Path) -> None:
    """Few films and one epoch: not a good network, but the same one from end to end."""
    everything = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    few = everything.frame.filter(pl.col("label").is_in(["normal", "covid"]))
    few = pl.concat(part.head(24) for part in few.partition_by("split", "label"))
    manifest = Manifest.from_frame(few, everything.root)
    recipe = spot_recipe(
        name="real", preprocessing={"size": 64, "top": 0.08, "equalization": "histogram"}
    )
    build_cache(manifest, recipe.preprocessing, tmp_path / "cache", workers=1)
    fit(recipe, manifest, PreparedCache.open(tmp_path / "cache"), tmp_path / "run")
    bundle, _ = export_run(tmp_path / "run", tmp_path / "bundle")
    theirs = predict_run(tmp_path / "run", manifest, "test")
    screener, refused = Screener(bundle, force=True), 0
    for path, row in zip(manifest.select(split="test").paths(), theirs.probabilities, strict=True):
        answer = screener.screen(path)
        refused += not answer.accepted
        assert answer.probabilities is not None
        assert np.allclose(list(answer.probabilities.values()), row, atol=1e-5)
    assert refused <= 2
