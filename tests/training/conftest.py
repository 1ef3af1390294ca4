"""A tiny problem with a known answer: a bright or a dark spot on noise, prepared and split."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.training.recipe import Recipe

SIDE = 32
CLASSES = ("none", "bright", "dark")


@dataclass(frozen=True)
class Spots:
    manifest_file: Path
    manifest: Manifest
    cache: PreparedCache


def draw_spots(folder: Path, count: int = 150) -> Path:
    rng = np.random.default_rng(5)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    table = []
    for number in range(count):
        label = number % 3
        picture = rng.normal(110, 12, (SIDE, SIDE))
        centre = rng.integers(8, SIDE - 8, 2)
        spot = np.exp(-((rows - centre[0]) ** 2 + (columns - centre[1]) ** 2) / 30)
        picture += (0, 90, -90)[label] * spot
        name = f"{number:03d}.png"
        Image.fromarray(np.clip(picture, 0, 255).astype(np.uint8)).save(folder / name)
        split = "train" if number < 96 else "val" if number < 126 else "test"
        table.append((name, f"s{number}", "drawn", CLASSES[label], split))
    columns_ = ["path", "patient_id", "source", "label", "split"]
    pl.DataFrame(table, schema=columns_, orient="row").write_csv(folder / "manifest.csv")
    return folder / "manifest.csv"


@pytest.fixture(scope="session")
def spots(tmp_path_factory: pytest.TempPathFactory) -> Spots:
    folder = tmp_path_factory.mktemp("spots")
    path = draw_spots(folder)
    manifest = Manifest.read(path)
    build_cache(manifest, Preprocessing(size=SIDE), folder / "cache", workers=1)
    return Spots(path, manifest, PreparedCache.open(folder / "cache"))


def spot_recipe(**changes: object) -> Recipe:
    values: dict[str, object] = {
        "name": "spots",
        "model": {"name": "small_cnn"},
        "preprocessing": {"size": SIDE},
        "augmentation": {"translate": 0.05, "brightness": 0.05},
        "optimizer": {"learning_rate": 0.003},
        "training": {"epochs": 3, "batch_size": 16, "seed": 1, "precision": "32"},
    }
    return Recipe.model_validate({**values, **changes})
