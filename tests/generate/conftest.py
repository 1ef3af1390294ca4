"""Small discs at random places: films that an autoencoder of seconds can learn."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.generate.settings import VaeRecipe
from hilum.generate.train_vae import fit_vae

SIDE = 16


@dataclass(frozen=True)
class Discs:
    manifest_file: Path
    manifest: Manifest
    cache: PreparedCache


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    """Small tensors wait for a second thread longer than it helps."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def draw_discs(count: int, seed: int, side: int = SIDE) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:side, :side]
    centres = rng.uniform(side / 4, 3 * side / 4, (count, 2, 1, 1))
    far = (rows - centres[:, 0]) ** 2 + (columns - centres[:, 1]) ** 2
    noise = rng.normal(0, 6, (count, side, side))
    return np.clip(60 + 150 * np.exp(-far / (side / 1.5)) + noise, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def discs(tmp_path_factory: pytest.TempPathFactory) -> Discs:
    folder = tmp_path_factory.mktemp("discs")
    pictures = draw_discs(96, seed=3)
    for number, picture in enumerate(pictures):
        Image.fromarray(picture).save(folder / f"{number:03d}.png")
    names = [f"{number:03d}.png" for number in range(len(pictures))]
    split = ["train"] * 48 + ["val"] * 16 + ["test"] * 24 + ["train", "val"] * 4
    label = ["disc"] * 88 + ["other"] * 8
    frame = pl.DataFrame({"path": names, "patient_id": names, "label": label, "split": split})
    frame.with_columns(source=pl.lit("drawn")).write_csv(folder / "manifest.csv")
    manifest = Manifest.read(folder / "manifest.csv")
    build_cache(manifest, Preprocessing(size=SIDE), folder / "cache", workers=1)
    return Discs(folder / "manifest.csv", manifest, PreparedCache.open(folder / "cache"))


def disc_values(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "name": "discs",
        "labels": ["disc"],
        "preprocessing": {"size": SIDE},
        "architecture": {"latent": 4, "width": 8, "halvings": 2, "critic_width": 4},
        "training": {"epochs": 2, "batch_size": 16, "seed": 1, "precision": "32"},
    }
    for group, setting in changes.items():
        before = values.get(group)
        values[group] = {**before, **setting} if isinstance(before, dict) else setting
    return values


def disc_recipe(**changes: Any) -> VaeRecipe:
    return VaeRecipe.model_validate(disc_values(**changes))


@pytest.fixture(scope="session")
def trained(discs: Discs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that has learned something: 20 epochs on 48 discs."""
    out = tmp_path_factory.mktemp("trained") / "run"
    recipe = disc_recipe(training={"epochs": 20, "batch_size": 6, "learning_rate": 0.004})
    fit_vae(recipe, discs.manifest, discs.cache, out, manifest_file=discs.manifest_file)
    return out
