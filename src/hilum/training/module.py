"""The classifier as Lightning trains it: input, loss, optimiser, and what validation collects."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import lightning as L
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from hilum.data.atomic import replacing
from hilum.data.preprocessing import Preprocessing
from hilum.errors import TrainingError
from hilum.models import TrunkAndHead
from hilum.models.blocks import frozen_blocks
from hilum.training.adversary import SourceHead
from hilum.training.augment import augment
from hilum.training.datamodule import Batch, CachedImages
from hilum.training.kept_features import KeptFeatures, features_of
from hilum.training.recipe import Recipe
from hilum.training.traits import Traits

__all__ = ["ClassifierModule", "InputScaler", "probabilities"]


class InputScaler(torch.nn.Module):
    """What `hilum.data.preprocessing.normalize` does, on tensors, to the bit.

    Args:
        preprocessing: Mean, standard deviation and channels.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, preprocessing: Preprocessing) -> None:
        super().__init__()
        channels = preprocessing.channels
        for name in ("mean", "std"):
            values = np.broadcast_to(np.asarray(getattr(preprocessing, name), np.float32), channels)
            tensor = torch.from_numpy(values.copy()).reshape(1, channels, 1, 1)
            self.register_buffer(name, tensor, persistent=False)

    @staticmethod
    def to_unit(images: Tensor) -> Tensor:
        """Turn uint8 (n, size, size) into float32 (n, 1, size, size) in [0, 1]."""
        return images.unsqueeze(1).to(torch.float32) * float(np.float32(1 / 255))

    def forward(self, unit: Tensor) -> Tensor:
        """Turn (n, 1, size, size) in [0, 1] into network input (n, channels, size, size)."""
        scaled: Tensor = (unit - self.mean) / self.std
        return scaled


def probabilities(logits: Tensor) -> Tensor:
    """Return P(class), shape (n, classes), from logits (n, outputs); one logit decides two."""
    if logits.shape[1] == 1:
        positive = torch.sigmoid(logits.double())
        return torch.cat([1 - positive, positive], dim=1)
    return torch.softmax(logits.double(), dim=1)


class ClassifierModule(L.LightningModule):
    """A network, and how it is trained.

    Args:
        model: The network.
        recipe: The run's recipe.
        weights: Loss weight a class, shape (k,), mean 1 over training images.
        bad_batch_file: Where the batch is kept whose loss is no number; nowhere if None.
        traits: What the loss needs to know of the training pictures, if anything.
    """

    class_weights: Tensor
    row_weights: Tensor
    row_sources: Tensor

    def __init__(
        self,
        model: TrunkAndHead,
        recipe: Recipe,
        weights: NDArray[np.float64],
        *,
        bad_batch_file: Path | None = None,
        traits: Traits | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe
        self.scaler = InputScaler(recipe.preprocessing)
        self.register_buffer(
            "class_weights", torch.tensor(weights, dtype=torch.float32), persistent=False
        )
        self.traits = traits
        self.source_head: SourceHead | None = None
        if traits is not None:
            for name, values in (("weights", traits.weights), ("sources", traits.sources)):
                self.register_buffer(f"row_{name}", torch.from_numpy(values), persistent=False)
            if recipe.loss.adversary:
                self.source_head = SourceHead(model, len(traits.names))
        self.kept: KeptFeatures | None = None
        self.bad_batch_file = bad_batch_file
        self.generator = torch.Generator()
        self.train_losses: list[Tensor] = []
        self.collected: list[tuple[Tensor, Tensor]] = []
        self.frozen = frozen_blocks(model, recipe.model.trained_blocks)
        for block in self.frozen:
            block.requires_grad_(requires_grad=False)

    def keep_features(self, training: CachedImages, checked: CachedImages) -> None:
        """Send every picture through the frozen trunk, so that epochs need only the head.

        Args:
            training: The train split; it is sent through as often as the recipe has views.
            checked: The split that chooses the weights, sent through once, unchanged.
        """
        views = [
            features_of(self.model, training, partial(self._changed, view), device=self.device)
            for view in range(self.recipe.training.feature_views)
        ]
        plain = features_of(self.model, checked, self._plain, device=self.device)
        self.kept = KeptFeatures(views, plain)

    def _changed(self, view: int, images: Tensor, number: int) -> Tensor:
        self._seed([self.recipe.training.seed, view, number])
        unit = augment(self.scaler.to_unit(images), self.recipe.augmentation, self.generator)
        scaled: Tensor = self.scaler(unit)
        return scaled.to(memory_format=torch.channels_last)

    def _plain(self, images: Tensor, _: int) -> Tensor:
        scaled: Tensor = self.scaler(self.scaler.to_unit(images))
        return scaled.to(memory_format=torch.channels_last)

    def seed_step(self, step: int) -> None:
        """Make everything random in this step follow from (seed, epoch, step) alone."""
        # The 0 was the process's rank once; with it, runs of one process draw as they always did.
        self._seed([self.recipe.training.seed, self.current_epoch, step, 0])

    def _seed(self, key: list[int]) -> None:
        state = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0] >> 1)
        torch.manual_seed(state)
        self.generator.manual_seed(state)

    def on_train_epoch_start(self) -> None:
        """Keep the normalisation statistics of frozen blocks as they are."""
        for block in self.frozen:
            block.eval()
        self.train_losses.clear()

    def training_step(self, batch: Batch, step: int) -> Tensor:
        """Return the loss of one batch."""
        self.seed_step(step)
        if self.kept is not None:
            features = self.kept.drawn(batch.rows, self.generator, batch.place)
            logits = self.model.head(features.to(self.device))
            return self._noted(self.loss(logits, batch.labels, batch.rows), batch, features, step)
        unit = self.scaler.to_unit(batch.images)
        unit = augment(unit, self.recipe.augmentation, self.generator, batch.place)
        images = self.scaler(unit).to(memory_format=torch.channels_last)
        auxiliary_weight = self.recipe.loss.auxiliary
        if auxiliary_weight:
            logits, early = self.model.with_auxiliary(images)
            loss = self.loss(logits, batch.labels, batch.rows)
            if early is not None:
                loss = loss + auxiliary_weight * self.loss(early, batch.labels, batch.rows)
        elif self.source_head is not None:
            features = self.model.trunk(images)
            loss = self.loss(self.model.head(features), batch.labels, batch.rows)
            guessed = self.source_head(features).float()
            found = functional.cross_entropy(guessed, self.row_sources[batch.rows])
            loss = loss + self.recipe.loss.adversary * found
        else:
            loss = self.loss(self.model(images), batch.labels, batch.rows)
        return self._noted(loss, batch, images, step)

    def _noted(self, loss: Tensor, batch: Batch, images: Tensor, step: int) -> Tensor:
        """Keep the loss of one batch; refuse one that is no number."""
        if not torch.isfinite(loss):
            raise TrainingError(
                f"The loss became {loss.item()} in epoch {self.current_epoch}, step {step}. "
                "Lower optimizer.learning_rate, or set training.precision=32."
                + self._kept(batch, images)
            )
        self.train_losses.append(loss.detach())
        return loss

    def _kept(self, batch: Batch, images: Tensor) -> str:
        """Save the batch that broke the loss; say where, and whether its pictures are to blame."""
        finite = "all finite" if torch.isfinite(images).all() else "not all finite"
        if self.bad_batch_file is None:
            return f" The network's input was {finite}."
        with replacing(self.bad_batch_file) as file:
            np.savez_compressed(
                file,
                images=batch.images.cpu().numpy(),
                labels=batch.labels.cpu().numpy(),
                rows=batch.rows.cpu().numpy(),
                network_input=images.detach().float().cpu().numpy(),
            )
        return (
            f" The batch is in {self.bad_batch_file} (images as cached, labels, their rows in the "
            f"train split, and the network's input, which was {finite})."
        )

    def loss(self, logits: Tensor, labels: Tensor, rows: Tensor) -> Tensor:
        """Return the weighted loss, averaged over the batch.

        Args:
            logits: Shape (n, outputs).
            labels: Class indices, shape (n,).
            rows: Rows in the train split, shape (n,).
        """
        logits = logits.float()
        smoothing = self.recipe.loss.label_smoothing
        if logits.shape[1] == 1:
            target = labels.float() * (1 - smoothing) + smoothing / 2
            each = functional.binary_cross_entropy_with_logits(
                logits[:, 0], target, reduction="none"
            )
        else:
            each = functional.cross_entropy(
                logits, labels, reduction="none", label_smoothing=smoothing
            )
        if self.traits is not None:
            each = each * self.row_weights[rows]
        return (each * self.class_weights[labels]).mean()

    def on_validation_epoch_start(self) -> None:
        """Forget what the last validation collected."""
        self.collected.clear()

    def validation_step(self, batch: Batch, step: int) -> None:
        """Collect logits with the rows they belong to, where they are: waiting costs a GPU time."""
        if self.kept is not None:
            features = self.kept.checked[batch.rows.cpu()].to(self.device)
            self.collected.append((batch.rows, self.model.head(features).float()))
            return
        unit = self.scaler.to_unit(batch.images)
        if self.recipe.training.augment_selection:
            self.seed_step(step)
            unit = augment(unit, self.recipe.augmentation, self.generator, batch.place)
        logits = self.model(self.scaler(unit).to(memory_format=torch.channels_last))
        self.collected.append((batch.rows, logits.float()))

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the recipe's optimiser over everything that may move."""
        how = self.recipe.optimizer
        moving = [p for p in self.parameters() if p.requires_grad]
        options: dict[str, Any] = {"lr": how.learning_rate, "weight_decay": how.weight_decay}
        if how.name == "sgd":
            return torch.optim.SGD(moving, momentum=how.momentum, **options)
        kinds: dict[str, type[torch.optim.Optimizer]] = {
            "adam": torch.optim.Adam,
            "adamw": torch.optim.AdamW,
        }
        return kinds[how.name](moving, **options)
