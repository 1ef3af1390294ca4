"""Fit the gate's network on one core: films turned into wrong ones, sketches of other things."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits as binary_loss
from torch.nn.functional import cross_entropy

from hilum.errors import ConfigError, TrainingError
from hilum.training.by_hand import follow, rate_share
from hilum.training.gate_augment import Shown, spoil
from hilum.training.gate_network import GateNet
from hilum.training.gate_strangers import SKETCHES, draw_stranger

__all__ = ["GateSettings", "fit_gate"]

_EMA = 0.998

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateSettings:
    """How the gate's network is fitted."""

    steps: int = 2400
    """Batches shown."""

    films: int = 40
    """Chest films a batch, an eighth of them phantoms."""

    strangers: int = 16
    """Sketches of something else a batch; a third as many scrambled films come on top."""

    sketches: int = 3000
    """Sketches drawn once, of every kind as many."""

    phantoms: int = 300
    """Phantoms drawn once, from every hospital."""

    learning_rate: float = 2e-3
    """Peak step size of AdamW."""

    seed: int = 0
    """Of weights, order, sketches and what is done to the films."""

    def __post_init__(self) -> None:
        rules = (
            (self.steps >= 1, f"steps must be at least 1, got {self.steps}"),
            (self.films >= 8, f"films must be at least 8, got {self.films}"),
            (self.strangers >= 1, f"strangers must be at least 1, got {self.strangers}"),
            (self.sketches >= len(SKETCHES),
             f"sketches must be at least {len(SKETCHES)}, got {self.sketches}"),
            (self.phantoms >= 0, f"phantoms must be at least 0, got {self.phantoms}"),
            (0 < self.learning_rate < 1,
             f"learning_rate must be in (0, 1), got {self.learning_rate}"),
            (self.seed >= 0, f"seed must be at least 0, got {self.seed}"),
        )  # fmt: skip
        problems = [problem for kept, problem in rules if not kept]
        if problems:
            raise ConfigError("The gate's network cannot be trained like this:", problems)


def fit_gate(
    films: NDArray[np.uint8],
    phantoms: NDArray[np.uint8],
    settings: GateSettings,
    progress: Callable[[int, int], None] | None = None,
) -> GateNet:
    """Fit the network; return the running mean of its weights, in evaluation mode.

    Args:
        films: Upright chest films as squares, uint8 of shape (n, 192, 192).
        phantoms: Phantoms, the same; may be none.
        settings: How.
        progress: Called with (steps done, steps in all).

    Raises:
        TrainingError: If the loss is no longer a number.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return _fit(films, phantoms, settings, progress)


def _fit(
    films: NDArray[np.uint8],
    phantoms: NDArray[np.uint8],
    settings: GateSettings,
    progress: Callable[[int, int], None] | None,
) -> GateNet:
    network = GateNet().to(memory_format=torch.channels_last)
    average = deepcopy(network).eval()
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=5e-3
    )
    rng = np.random.default_rng([settings.seed, 11])
    bank = _sketches(settings.seed, settings.sketches)
    mean = 0.0
    for step in range(settings.steps):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate_share(step / settings.steps)
        drawn = settings.films // 8 if len(phantoms) else 0
        chests = films[rng.integers(0, len(films), settings.films - drawn)]
        if drawn:
            chosen = rng.integers(0, len(phantoms), drawn)
            chests = np.concatenate([chests, phantoms[chosen]])
        shown = spoil(chests, bank[rng.integers(0, len(bank), settings.strangers)], rng)
        images = shown.images.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            answers = network(images)
        loss = _loss(answers.float(), shown)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        follow(average, network, min(_EMA, (1 + step) / (10 + step)), buffers=True)
        mean += (float(loss.detach()) - mean) * 0.02
        if not math.isfinite(mean):
            raise TrainingError(
                f"The loss is no longer a number in step {step + 1}; lower the learning rate, "
                f"which is {settings.learning_rate}."
            )
        if (step + 1) % 100 == 0:
            logger.info("step %d: loss %.4f", step + 1, mean)
        if progress is not None:
            progress(step + 1, settings.steps)
    return average.to(memory_format=torch.contiguous_format)


@lru_cache(maxsize=1)
def _sketches(seed: int, count: int) -> NDArray[np.uint8]:
    """Draw the strangers, once for all networks that are fitted in a row."""
    rng, kinds = np.random.default_rng([seed, 12]), list(SKETCHES)
    return np.stack([draw_stranger(rng, kinds[row % len(kinds)]) for row in range(count)])


def _loss(answers: Tensor, shown: Shown) -> Tensor:
    """Add up the losses of the questions; how something lies is asked of chests alone."""
    chest = shown.chest
    count = chest.sum()
    # Half a film may be the other half's mirror image: its pose is asked with less weight.
    weight = chest * (1 - 0.7 * shown.piece)
    pose = cross_entropy(answers[:, 3:], shown.pose, reduction="none")
    losses = binary_loss(answers[:, 1:3], torch.stack([shown.inverted, shown.piece], 1),
                         reduction="none").sum(1)  # fmt: skip
    total: Tensor = (
        binary_loss(answers[:, 0], chest)
        + (losses * chest).sum() / count
        + (pose * weight).sum() / weight.sum()
    )
    return total
