from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.training.conftest import Spots, spot_recipe

from hilum.errors import ConfigError
from hilum.training.batches import Place
from hilum.training.fitting import fit
from hilum.training.kept_features import KeptFeatures

FROZEN = {"name": "small_cnn", "freeze_trunk": True, "dropout": 0.0}
SHORT = {"epochs": 3, "batch_size": 16, "seed": 1, "precision": "32"}


def _losses(spots: Spots, folder: Path, views: int, **rest: object) -> pl.DataFrame:
    recipe = spot_recipe(model=FROZEN, training={**SHORT, "feature_views": views}, **rest)
    fit(recipe, spots.manifest, spots.cache, folder)
    return pl.read_csv(folder / "metrics.csv")


def test_kept_features_train_the_head_as_pictures_through_the_frozen_trunk_do(
    spots: Spots, tmp_path: Path
) -> None:
    through, kept = _losses(spots, tmp_path / "a", 0), _losses(spots, tmp_path / "b", 1)
    for name in ("train_loss", "val_loss"):
        assert np.allclose(through[name], kept[name], rtol=1e-4)


def test_changed_views_train_otherwise_than_unchanged_ones(spots: Spots, tmp_path: Path) -> None:
    how = {"rotation_deg": 30, "brightness": 0.3}
    plain = _losses(spots, tmp_path / "a", 1)
    changed = _losses(spots, tmp_path / "b", 2, augmentation=how)
    again = _losses(spots, tmp_path / "c", 2, augmentation=how)
    assert not plain["train_loss"].equals(changed["train_loss"])
    assert changed["train_loss"].equals(again["train_loss"])


def test_two_processes_draw_the_views_that_one_draws() -> None:
    views = [torch.full((6, 1, 1, 1), float(view)) for view in range(4)]
    kept = KeptFeatures(views, views[0])
    rows = torch.arange(6)
    whole = kept.drawn(rows, torch.Generator().manual_seed(3), None)
    parts = [
        kept.drawn(rows[part], torch.Generator().manual_seed(3), Place(part.start, 6))
        for part in (slice(0, 2), slice(2, 6))
    ]
    assert torch.equal(torch.cat(parts), whole)
    assert whole.unique().numel() > 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"training": {"feature_views": 2}}, "feature_views needs model.freeze_trunk"),
        (
            {"model": FROZEN, "loss": {"adversary": 0.1}},
            "loss.adversary changes the trunk, which model.freeze_trunk forbids",
        ),
        (
            {"model": FROZEN, "training": {"feature_views": 2, "augment_selection": True}},
            "cannot be combined with augment_selection",
        ),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises((ConfigError, ValueError), match=message):
        spot_recipe(**changes)
