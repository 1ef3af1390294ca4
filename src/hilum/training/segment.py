"""Fit the lung segmenter: a U-Net on outlined films and phantoms, on one processor core."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from hilum.data.preprocessing import Preprocessing, equalize, normalize
from hilum.errors import ConfigError, TrainingError
from hilum.models.unet import UNet
from hilum.training.by_hand import follow, rate_share
from hilum.training.segment_augment import augment_films, not_chests
from hilum.training.segment_films import LungFilms

__all__ = ["SegmentSettings", "fit_unet", "soft_dice"]

_EMA = 0.995

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """How the lung segmenter is fitted."""

    size: int = 192
    """Side of the square the network sees, in pixels; a multiple of 16."""

    epochs: int = 48
    """Times `films_per_epoch` films are shown."""

    phantoms: int = 200
    """Phantoms drawn to train on, from every hospital; 0 for none."""

    films_per_epoch: int = 320
    """Films shown in an epoch; where there are phantoms, three eighths of them are."""

    batch_size: int = 16
    """Films a step, with two pictures that are no chest."""

    learning_rate: float = 3e-3
    """Peak step size of AdamW."""

    seed: int = 0
    """Of weights, order, augmentation and phantoms."""

    def __post_init__(self) -> None:
        rules = (
            (self.size >= 64 and self.size % 16 == 0,
             f"size must be a multiple of 16 from 64, got {self.size}"),
            (self.epochs >= 1, f"epochs must be at least 1, got {self.epochs}"),
            (self.phantoms >= 0, f"phantoms must be at least 0, got {self.phantoms}"),
            (1 <= self.batch_size <= self.films_per_epoch,
             f"batch_size must be in [1, films_per_epoch], got {self.batch_size}"),
            (0 < self.learning_rate < 1,
             f"learning_rate must be in (0, 1), got {self.learning_rate}"),
            (self.seed >= 0, f"seed must be at least 0, got {self.seed}"),
        )  # fmt: skip
        problems = [problem for kept, problem in rules if not kept]
        if problems:
            raise ConfigError("The segmenter cannot be trained like this:", problems)

    @property
    def preprocessing(self) -> Preprocessing:
        """The whole film, padded to a square and equalised: no hospital's grey scale is left."""
        return Preprocessing(size=self.size, square="pad", equalization="histogram")


def fit_unet(
    drawn: LungFilms,
    phantoms: LungFilms | None,
    settings: SegmentSettings,
    progress: Callable[[int, int], None] | None = None,
) -> UNet:
    """Fit a U-Net; return the running mean of its weights, in evaluation mode.

    Args:
        drawn: Films outlined by people.
        phantoms: Phantoms, if any.
        settings: How.
        progress: Called with (epochs done, epochs in all).

    Raises:
        TrainingError: If the loss is no longer a number.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = UNet()
    network = network.to(memory_format=torch.channels_last)
    average = deepcopy(network).eval()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=1e-3
    )
    steps_an_epoch = settings.films_per_epoch // settings.batch_size
    total, step = settings.epochs * steps_an_epoch, 0
    for epoch in range(settings.epochs):
        generator = torch.Generator().manual_seed(settings.seed * 100_003 + epoch)
        losses = []
        for pictures, masks in _batches(drawn, phantoms, settings, epoch):
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * rate_share(step / total)
            images, lungs = _as_seen(pictures, masks, settings, generator)
            loss = _loss(network(images), lungs)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            follow(average, network, min(_EMA, (1 + step) / (10 + step)))
            losses.append(float(loss.detach()))
        if not math.isfinite(sum(losses)):
            raise TrainingError(
                f"The loss is no longer a number in epoch {epoch + 1}; lower the learning rate, "
                f"which is {settings.learning_rate}."
            )
        logger.info("epoch %d: loss %.4f", epoch + 1, sum(losses) / len(losses))
        if progress is not None:
            progress(epoch + 1, settings.epochs)
    return average.to(memory_format=torch.contiguous_format)


def _batches(
    drawn: LungFilms, phantoms: LungFilms | None, settings: SegmentSettings, epoch: int
) -> list[tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Deal an epoch's films: of each batch three eighths are phantoms, where there are any."""
    rng = np.random.default_rng([settings.seed, 7, epoch])
    steps = settings.films_per_epoch // settings.batch_size
    count = settings.batch_size * 3 // 8 if phantoms is not None else 0
    batches = []
    real = _dealt(len(drawn), steps * (settings.batch_size - count), rng).reshape(steps, -1)
    for row in range(steps):
        pictures, masks = [drawn.pictures[real[row]]], [drawn.masks[real[row]]]
        if phantoms is not None and count:
            chosen = rng.integers(0, len(phantoms), count)
            pictures.append(phantoms.pictures[chosen])
            masks.append(phantoms.masks[chosen])
        batches.append((np.concatenate(pictures), np.concatenate(masks)))
    return batches


def _dealt(films: int, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Return `count` places among `films`, each as often as the others, in random order."""
    rounds = [rng.permutation(films) for _ in range(-(-count // films))]
    return np.concatenate(rounds)[:count]


def _as_seen(
    pictures: NDArray[np.uint8],
    masks: NDArray[np.uint8],
    settings: SegmentSettings,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """Augment, add two pictures that are no chest, equalise and normalise as screening does."""
    films, lungs = augment_films(pictures, masks, generator)
    films = torch.cat([films, not_chests(films, generator)])
    lungs = torch.cat([lungs, torch.zeros_like(lungs[:2])])
    grey = np.rint(films[:, 0].numpy() * 255).astype(np.uint8)
    equal = np.stack([equalize(film) for film in grey])
    images = torch.from_numpy(normalize(equal, settings.preprocessing))
    return images.contiguous(memory_format=torch.channels_last), lungs


def soft_dice(logits: Tensor, lungs: Tensor) -> Tensor:
    """Return 1 - Dice of probabilities and masks, a film each, shape (n,), in [0, 1].

    Args:
        logits: Of lung, shape (n, 1, size, size).
        lungs: Share of each pixel that is lung, same shape.

    References:
        Milletari, Navab and Ahmadi, "V-Net", 3DV 2016, section 3.
    """
    likely = torch.sigmoid(logits)
    shared = (likely * lungs).sum(dim=(1, 2, 3))
    both = likely.sum(dim=(1, 2, 3)) + lungs.sum(dim=(1, 2, 3))
    # One pixel on both sides, so that an empty film without an answer scores 0.
    return 1 - (2 * shared + 1) / (both + 1)


def _loss(logits: Tensor, lungs: Tensor) -> Tensor:
    return binary_cross_entropy_with_logits(logits, lungs) + soft_dice(logits, lungs).mean()
