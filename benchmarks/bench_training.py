"""A training step: hilum's beside a loop that decodes as it goes, in fp32."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

from benchmarks.rows import Row, in_turn
from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.phantom import write_cohort
from hilum.data.preprocessing import Preprocessing
from hilum.models import create_network
from hilum.training.datamodule import CachedImages
from hilum.training.module import ClassifierModule
from hilum.training.recipe import Augmentation, Model, Recipe

BATCH = 16


def _naive(paths: list[Path], labels: torch.Tensor) -> object:
    """Return a step as tutorials write it: Pillow to RGB, resize, tensor, forward, backward."""
    model = create_network("resnet50", outputs=3, channels=3).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)
    look = transforms.Compose(
        [
            transforms.Resize((224, 224)),
            transforms.RandomAffine(10, (0.1, 0.1), (0.9, 1.1)),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )

    def step() -> None:
        images = torch.stack([look(Image.open(path).convert("RGB")) for path in paths])
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()

    return step


def _ours(cache: PreparedCache, labels: np.ndarray, recipe: Recipe) -> object:
    model = create_network("resnet50", outputs=3, channels=1).train()
    module = ClassifierModule(model.to(memory_format=torch.channels_last), recipe, np.ones(3))
    module.train()
    optimizer = module.configure_optimizers()
    images = CachedImages(cache, np.arange(BATCH), labels)

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16):
            loss = module.training_step(images[np.arange(BATCH)], 0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        module.train_losses.clear()

    return step


def rows() -> list[Row]:
    """Time both in turn on the same 16 phantoms, 1024-pixel PNG files."""
    recipe = Recipe(
        name="bench",
        model=Model(name="resnet50"),
        preprocessing=Preprocessing(size=224),
        augmentation=Augmentation(rotation_deg=10, translate=0.1, scale=(0.9, 1.1)),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cohort = write_cohort(folder / "phantoms", patients=12, seed=0, size=1024)
        manifest = Manifest.from_frame(cohort.frame.head(BATCH), cohort.root)
        build_cache(manifest, recipe.preprocessing, folder / "cache")
        labels = np.arange(BATCH, dtype=np.int64) % 3
        ours, theirs, ratio = in_turn(
            _ours(PreparedCache.open(folder / "cache"), labels, recipe),  # type: ignore[arg-type]
            _naive(manifest.paths(), torch.from_numpy(labels)),  # type: ignore[arg-type]
            rounds=5,
        )
    return [
        Row(
            claim=f"resnet50 training step, {BATCH} films, bf16 from the cache",
            peer="fp32 loop that decodes as it goes", ours=ours, theirs=theirs, unit="s",
            ratio=ratio, wanted="at least 2 times", met=ratio >= 2,
        )
    ]  # fmt: skip
