from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from tests.training.conftest import Spots, spot_recipe

from hilum.errors import ConfigError
from hilum.models import create_network
from hilum.training.adversary import SourceHead
from hilum.training.fitting import fit
from hilum.training.predict import load_trained
from hilum.training.traits import traits_of

SHORT = {"epochs": 2, "batch_size": 16, "seed": 1, "precision": "32"}


def _two_sources(spots: Spots) -> Spots:
    rare = pl.int_range(pl.len()) % 5 == 0
    source = pl.when(rare).then(pl.lit("rare")).otherwise(pl.lit("common"))
    frame = spots.manifest.frame.with_columns(source=source)
    return replace(spots, manifest=replace(spots.manifest, frame=frame))


def test_balanced_sources_weigh_the_same_within_each_class(spots: Spots) -> None:
    rows = _two_sources(spots).manifest
    targets = np.unique(rows.frame["label"].to_numpy(), return_inverse=True)[1]
    found = traits_of(rows, targets, spot_recipe(loss={"source_weights": "balanced"}))
    assert found is not None
    assert found.names == ("common", "rare")
    for label in np.unique(targets):
        sums = [found.weights[(targets == label) & (found.sources == s)].sum() for s in (0, 1)]
        assert sums[0] == pytest.approx(sums[1], rel=1e-5)
        assert sum(sums) == pytest.approx((targets == label).sum(), rel=1e-5)


def test_a_plain_loss_needs_to_know_nothing(spots: Spots) -> None:
    assert traits_of(spots.manifest, np.zeros(len(spots.manifest), np.int64), spot_recipe()) is None


def test_an_adversary_of_one_source_is_refused(spots: Spots, tmp_path: Path) -> None:
    frame = spots.manifest.frame.with_columns(source=pl.lit("only"))
    manifest = replace(spots.manifest, frame=frame)
    with pytest.raises(ConfigError, match="all training images are of 'only'"):
        fit(spot_recipe(loss={"adversary": 0.1}), manifest, spots.cache, tmp_path / "run")


def test_the_adversary_turns_the_gradient_round() -> None:
    torch.manual_seed(0)
    model = create_network("small_cnn", outputs=2)
    head = SourceHead(model, 3)
    features = torch.rand(2, head.layers[0].in_features, 4, 4, requires_grad=True)
    head(features).sum().backward()
    turned = features.grad
    features.grad = None
    head.layers(features.mean((2, 3))).sum().backward()
    assert turned is not None
    assert features.grad is not None
    assert torch.allclose(turned, -features.grad)


def test_a_run_against_an_adversary_leaves_a_network_without_it(
    spots: Spots, tmp_path: Path
) -> None:
    both = _two_sources(spots)
    recipe = spot_recipe(loss={"adversary": 0.3, "source_weights": "balanced"}, training=SHORT)
    fit(recipe, both.manifest, both.cache, tmp_path / "run")
    names = dict(load_trained(tmp_path / "run")[0].named_parameters())
    assert names
    assert not [name for name in names if "source" in name]
