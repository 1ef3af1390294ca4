"""Arms are compared on the same patients, and drawn films of unknown origin are refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from tests.generate.conftest import SIDE, Discs

from hilum.data.manifest import Manifest
from hilum.errors import DataError, LeakageError
from hilum.evaluation.predictions import Predictions
from hilum.generate.run_folder import load_vae
from hilum.generate.sample import draw
from hilum.generate.sheet import write_samples
from hilum.reproduce.vae_help import compare_arms, vae_help
from hilum.training.recipe import Recipe

CLASSES = ("disc", "other")


def said(right: list[bool], names: str = "film") -> Predictions:
    """Predictions on films of as many patients; the first half are discs."""
    truth = np.array([0] * (len(right) // 2) + [1] * (len(right) - len(right) // 2))
    answer = np.where(right, truth, 1 - truth)
    images = tuple(f"{names}{n}" for n in range(len(right)))
    return Predictions(images, images, truth, CLASSES, np.eye(2)[answer])


def test_a_difference_is_the_mean_over_seeds_and_lies_in_its_interval() -> None:
    good, bad = said([True] * 36 + [False] * 4), said([True] * 20 + [False] * 20)
    found = compare_arms(
        {"without": [bad, bad], "with": [good, good], "repeated": [good, bad]}, drawn=7
    )
    gap = next(d for d in found.differences if (d.metric, d.against) == ("accuracy", "without"))
    assert gap.estimate == pytest.approx(0.4)
    assert 0.2 < gap.low < 0.4 < gap.high < 0.6
    half = next(d for d in found.differences if (d.metric, d.against) == ("accuracy", "repeated"))
    assert half.by_seed == pytest.approx((0.0, 0.4))
    assert found.values["with"]["recall_other"] == pytest.approx((0.8, 0.8))
    assert (found.drawn, found.test_films, found.test_patients) == (7, 40, 40)


def test_arms_that_answer_alike_differ_by_nothing() -> None:
    one = said([True] * 30 + [False] * 10)
    found = compare_arms({"without": [one], "with": [one], "repeated": [one]}, drawn=1)
    assert all((d.estimate, d.low, d.high) == (0, 0, 0) for d in found.differences)


def test_arms_on_other_films_are_refused() -> None:
    one, other = said([True] * 8), said([True] * 8, names="picture")
    with pytest.raises(DataError, match="the same test films"):
        compare_arms({"without": [other], "with": [one], "repeated": [one]}, drawn=1)


def recipe() -> Recipe:
    return Recipe.model_validate(
        {
            "name": "discs",
            "classes": CLASSES,
            "model": {"name": "small_cnn"},
            "preprocessing": {"size": SIDE},
            "training": {"epochs": 1, "batch_size": 16, "precision": "32"},
        }
    )


def samples(trained: Path, folder: Path, sha256: str) -> Manifest:
    films = draw(load_vae(trained)[0], 6, seed=0)
    origin = {"manifest_sha256": sha256}
    write_samples(films, folder, label="disc", name="toy", origin=origin)
    return Manifest.read(folder)


def with_others_tested(discs: Discs) -> Manifest:
    """The discs, with films of both labels in every split."""
    order = pl.int_range(pl.len()) % 4
    split = pl.when(order == 0).then(pl.lit("test")).when(order == 1).then(pl.lit("val"))
    frame = discs.manifest.frame.with_columns(split=split.otherwise(pl.lit("train")))
    return replace(discs.manifest, frame=frame)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_every_arm_is_trained_and_scored_on_real_films(
    discs: Discs, trained: Path, tmp_path: Path
) -> None:
    manifest = with_others_tested(discs)
    drawn = samples(trained, tmp_path / "drawn", manifest.sha256)
    found = vae_help(recipe(), manifest, drawn, tmp_path / "out", seeds=(0,), resamples=50)
    assert found.drawn == 6
    assert found.test_films == len(manifest.select(split="test"))
    sizes = {}
    for arm in ("without", "with", "repeated"):
        record = (tmp_path / "out" / arm / "seed-0" / "run.json").read_text()
        sizes[arm] = pl.read_json(record.encode())["trained_on"][0]["images"]
    assert sizes["with"] == sizes["repeated"] == sizes["without"] + 6


def test_films_of_an_autoencoder_that_saw_other_films_are_refused(
    discs: Discs, trained: Path, tmp_path: Path
) -> None:
    drawn = samples(trained, tmp_path / "drawn", "of another manifest")
    with pytest.raises(LeakageError, match="trained on another manifest"):
        vae_help(recipe(), discs.manifest, drawn, tmp_path / "out")


def test_real_films_are_not_taken_for_drawn_ones(discs: Discs, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Expected drawn films: source 'generated'"):
        vae_help(recipe(), discs.manifest, discs.manifest, tmp_path / "out")
