"""Training: it learns, it is repeatable, it resumes, and it stops where it must."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from tests.generate.conftest import SIDE, Discs, disc_recipe

from hilum.errors import ConfigError, LeakageError, TrainingError
from hilum.generate.run_folder import load_vae
from hilum.generate.steps import Trainee
from hilum.generate.train_vae import fit_vae

INFOMAX = {"gamma": 2.0}


def rows_of(run: Path) -> list[dict[str, float]]:
    with (run / "metrics.csv").open() as file:
        return [{k: float(v) for k, v in row.items()} for row in csv.DictReader(file)]


def same_weights(one: Path, other: Path) -> bool:
    first, second = load_file(one), load_file(other)
    return all(torch.equal(first[name], second[name]) for name in first)


def stop_after(steps: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done > steps:
            raise KeyboardInterrupt

    return progress


def test_it_learns_where_the_discs_are(trained: Path) -> None:
    rows = rows_of(trained)
    assert rows[-1]["val_elbo"] > rows[0]["val_elbo"] + 50
    assert rows[-1]["val_rmse"] < 0.06
    assert rows[-1]["val_active"] >= 2


def test_every_term_has_its_own_column(discs: Discs, tmp_path: Path) -> None:
    recipe = disc_recipe(objective=INFOMAX, training={"epochs": 1})
    fit_vae(recipe, discs.manifest, discs.cache, tmp_path / "run")
    row = rows_of(tmp_path / "run")[0]
    terms = row["train_reconstruction"] + row["train_kl"] - 2 * row["train_information"]
    assert row["train_loss"] == pytest.approx(terms, rel=1e-5)
    assert row["val_objective"] == pytest.approx(row["val_reconstruction"] + row["val_kl"])
    assert {"train_critic_loss", "val_information", "val_encoder_information"} <= set(row)


def test_the_best_epoch_is_kept(trained: Path) -> None:
    best = json.loads((trained / "run.json").read_text())["finished"]["best"]
    assert best["val_objective"] == min(row["val_objective"] for row in rows_of(trained))


@pytest.mark.parametrize("objective", [{}, INFOMAX, {"sigma": "learned"}])
def test_a_resumed_run_ends_with_the_weights_of_an_unbroken_one(
    discs: Discs, tmp_path: Path, objective: dict[str, object]
) -> None:
    activation = {"activation": "rrelu"}  # whose slopes are random, too
    recipe = disc_recipe(objective=objective, architecture=activation, training={"epochs": 3})
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit_vae(recipe, discs.manifest, discs.cache, whole)
    with pytest.raises(KeyboardInterrupt):
        fit_vae(recipe, discs.manifest, discs.cache, broken, progress=stop_after(4))
    fit_vae(recipe, discs.manifest, discs.cache, broken, resume=True)
    last = "last-000003.safetensors"
    assert same_weights(whole / last, broken / last)
    assert same_weights(whole / "best.safetensors", broken / "best.safetensors")
    assert len(rows_of(broken)) == 3


def test_a_damaged_state_is_passed_over_for_the_one_before(
    discs: Discs, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recipe = disc_recipe(training={"epochs": 3})
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    fit_vae(recipe, discs.manifest, discs.cache, whole)
    with pytest.raises(KeyboardInterrupt):
        fit_vae(recipe, discs.manifest, discs.cache, broken, progress=stop_after(7))
    state = broken / "last-000002.safetensors"
    state.write_bytes(state.read_bytes()[:-10] + b"0" * 10)
    fit_vae(recipe, discs.manifest, discs.cache, broken, resume=True)
    assert "is damaged; taking the one before" in caplog.text
    assert same_weights(whole / "last-000003.safetensors", broken / "last-000003.safetensors")


def test_another_seed_gives_other_weights(discs: Discs, tmp_path: Path) -> None:
    for seed in (1, 2):
        recipe = disc_recipe(training={"epochs": 1, "seed": seed})
        fit_vae(recipe, discs.manifest, discs.cache, tmp_path / str(seed))
    one, other = (load_file(tmp_path / seed / "best.safetensors") for seed in ("1", "2"))
    assert not torch.equal(one["to_mean.weight"], other["to_mean.weight"])


def test_training_leaves_the_global_random_state_alone(discs: Discs, tmp_path: Path) -> None:
    before = torch.get_rng_state()
    fit_vae(disc_recipe(training={"epochs": 1}), discs.manifest, discs.cache, tmp_path / "run")
    assert torch.equal(before, torch.get_rng_state())


def test_test_films_and_other_labels_are_not_learned(trained: Path) -> None:
    record = json.loads((trained / "run.json").read_text())
    assert record["trained_on"]["images"] == 48
    assert record["validated_on"]["images"] == 16


def test_a_loss_that_is_no_number_stops_and_names_its_batch(discs: Discs, tmp_path: Path) -> None:
    recipe = disc_recipe(training={"learning_rate": 1e20})
    with pytest.raises(TrainingError, match="no number .*bad-batch.npz.*Lower training.learning"):
        fit_vae(recipe, discs.manifest, discs.cache, tmp_path / "run")
    kept = np.load(tmp_path / "run" / "bad-batch.npz")
    assert kept["images"].shape == (16, SIDE, SIDE)
    assert np.array_equal(discs.cache.images(kept["rows"]), kept["images"])


def test_a_run_is_not_overwritten(discs: Discs, tmp_path: Path) -> None:
    recipe, run = disc_recipe(training={"epochs": 1}), tmp_path / "run"
    fit_vae(recipe, discs.manifest, discs.cache, run)
    with pytest.raises(TrainingError, match="already holds a run.*add --resume"):
        fit_vae(recipe, discs.manifest, discs.cache, run)
    with pytest.raises(TrainingError, match="is finished"):
        fit_vae(recipe, discs.manifest, discs.cache, run, resume=True)
    other = disc_recipe(training={"epochs": 2})
    with pytest.raises(TrainingError, match="begun with another recipe"):
        fit_vae(other, discs.manifest, discs.cache, run, resume=True)


def test_a_folder_with_other_things_is_refused(discs: Discs, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(TrainingError, match="is not empty and is not a run"):
        fit_vae(disc_recipe(), discs.manifest, discs.cache, tmp_path)


def test_a_label_that_does_not_occur_is_refused(discs: Discs, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no films labelled covid; it has disc, other"):
        fit_vae(disc_recipe(labels=["covid"]), discs.manifest, discs.cache, tmp_path / "run")


def test_fewer_films_than_a_batch_are_refused(discs: Discs, tmp_path: Path) -> None:
    recipe = disc_recipe(training={"batch_size": 64})
    with pytest.raises(ConfigError, match="48 films, fewer than training.batch_size 64"):
        fit_vae(recipe, discs.manifest, discs.cache, tmp_path / "run")


def test_a_patient_on_both_sides_is_refused(discs: Discs, tmp_path: Path) -> None:
    frame = discs.manifest.frame.with_columns(patient_id=pl.lit("one"))
    leaking = replace(discs.manifest, frame=frame)
    with pytest.raises(LeakageError, match="more than one split"):
        fit_vae(disc_recipe(), leaking, discs.cache, tmp_path / "run")


def test_a_cache_of_other_pictures_is_refused(discs: Discs, tmp_path: Path) -> None:
    recipe = disc_recipe(preprocessing={"size": SIDE, "square": "stretch"})
    with pytest.raises(ConfigError, match="prepared with another preprocessing"):
        fit_vae(recipe, discs.manifest, discs.cache, tmp_path / "run")


def test_a_folder_without_a_run_has_no_weights(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="no autoencoder's run"):
        load_vae(tmp_path)


def test_the_critic_learns_nothing_from_the_autoencoders_step() -> None:
    trainee = Trainee(disc_recipe(objective=INFOMAX), torch.device("cpu"))
    assert trainee.critic is not None
    films = torch.rand(8, 1, SIDE, SIDE)
    trainee.step(films, 1.0)
    with_critic = [weight.grad for weight in trainee.critic.parameters()]
    assert all(grad is not None for grad in with_critic)
    trainee.critic.zero_grad(set_to_none=True)
    trainee._critic_adam = None
    trainee._teach = lambda *_: torch.zeros(())  # type: ignore[method-assign]
    trainee.step(films, 1.0)
    assert all(weight.grad is None for weight in trainee.critic.parameters())


def test_the_information_term_reaches_the_encoder() -> None:
    films = torch.rand(8, 1, SIDE, SIDE)
    means = []
    for gamma in (1e-9, 1e3):
        trainee = Trainee(disc_recipe(objective={"gamma": gamma}), torch.device("cpu"))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            trainee.step(films, 1.0)
        means.append(trainee.vae.to_mean.weight.detach().clone())
    assert not torch.equal(means[0], means[1])
