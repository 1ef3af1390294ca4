"""A recipe: everything that decides how a classifier is trained, in one YAML file.

The resolved recipe, with every default written out, is saved in the run's folder, so that a run
can be repeated from what it left behind.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, model_validator

from hilum.config import Settings, load_settings
from hilum.data.preprocessing import Preprocessing

__all__ = [
    "Augmentation",
    "Fitting",
    "Loss",
    "Model",
    "Optimizer",
    "Recipe",
    "Sampling",
    "Schedule",
    "load_recipe",
]

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]

METRICS: dict[str, Literal["min", "max"]] = {
    "val_loss": "min",
    "val_accuracy": "max",
    "val_balanced_accuracy": "max",
    "val_macro_auroc": "max",
    "val_macro_f1": "max",
}
"""Validation metrics a recipe may watch, and which way is better.

`val_recall_<class>` may be watched as well, for any class; more is better.
"""


class Model(Settings):
    """Which network, and what it starts from."""

    name: str
    """A name from `hilum models`, or `timm/NAME` for any convolutional network of timm."""

    weights: str = "none"
    """`none` for random, `default` for the library's own (needs the internet), a file with a state
    dict (.safetensors, or .pth as torchvision writes it), or a bundle or a run of hilum's with the
    same trunk. Of those, the head's layers are taken as far as they fit."""

    new_head: bool = False
    """Take nothing but the trunk from a bundle or a run."""

    allow_seen_patients: bool = False
    """Start even from weights that were trained on patients of the test split. A published fault,
    kept so that what it is worth can be measured."""

    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Dropout in the head; the network's own if not given."""

    freeze_trunk: bool = False
    """Train the head alone."""

    train_blocks: Annotated[int, Field(ge=0)] | None = None
    """Train the head and this many of the trunk's last blocks; every block if not given."""

    @property
    def trained_blocks(self) -> int | None:
        """How many of the trunk's last blocks are trained; None for all."""
        return 0 if self.freeze_trunk else self.train_blocks


class Augmentation(Settings):
    """Random changes to training pictures, one draw an image."""

    rotation_deg: Annotated[float, Field(ge=0, le=180)] = 0.0
    """Largest rotation to either side, in degrees."""

    translate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest shift along each axis, as a share of the side."""

    scale: tuple[Positive, Positive] = (1.0, 1.0)
    """Smallest and largest magnification."""

    flip: Share = 0.0
    """Probability of a left-right flip. A flipped chest has its heart on the wrong side."""

    brightness: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest relative change of brightness."""

    contrast: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Largest relative change of contrast, about the picture's own mean."""

    shear_deg: Annotated[float, Field(ge=0, lt=90)] = 0.0
    """Largest horizontal shear to either side, in degrees."""

    fill: Literal["black", "edge"] = "black"
    """What comes in from outside the picture: black, or the nearest pixel of its edge."""

    gamma: Annotated[float, Field(ge=0)] = 0.0
    """Largest change of the grey scale's curve: grey ** g, with g from 1 / (1 + gamma) to
    1 + gamma, evenly on a logarithmic scale."""

    sharpness: Share = 0.0
    """Largest step towards a blurred picture, or as far away from it."""

    noise: Share = 0.0
    """Largest standard deviation of added grain, in shares of the grey scale."""

    erase: Share = 0.0
    """Probability that a rectangle of 4 to 25 % of the picture becomes its mean grey."""

    look: Share = 0.0
    """Probability that a picture takes on part of the look of another of its batch: contrast at
    every scale, without its shapes. Amplitudes of the Fourier transform are mixed."""

    @model_validator(mode="after")
    def _scale_in_order(self) -> Augmentation:
        if self.scale[0] > self.scale[1]:
            raise ValueError(f"scale must be (smallest, largest), got {self.scale}")
        return self


class Sampling(Settings):
    """Which training pictures a step sees."""

    order: Literal["shuffled", "listed"] = "shuffled"
    """Newly shuffled each epoch, or always in the manifest's order. The latter is a fault of some
    published code, kept so that what it costs can be measured."""

    share: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(default_factory=dict)
    """One class and its share of every batch; an epoch is then all pictures of other classes."""

    rounding: Literal["average", "down"] = "average"
    """Where share x batch_size is no whole number: right on average over batches, or always
    rounded down, as int() does in published code."""

    @model_validator(mode="after")
    def _possible(self) -> Sampling:
        if len(self.share) > 1:
            raise ValueError(f"share takes one class, got {', '.join(self.share)}")
        if self.share and self.order == "listed":
            raise ValueError("share draws pictures at random, so order cannot be 'listed'")
        return self


class Loss(Settings):
    """What is minimised."""

    name: Literal["cross_entropy", "binary_cross_entropy"] = "cross_entropy"
    """Cross entropy over all classes, or one output for two classes."""

    class_weights: Literal["none", "balanced"] | tuple[Positive, ...] = "none"
    """`balanced` for n / (classes * n_class), or one weight a class in the order of `classes`."""

    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of the target spread over all classes."""

    auxiliary: Annotated[float, Field(ge=0)] = 0.0
    """Weight of the auxiliary head's loss (inception_v3 only; its paper says 0.3 or 0.4)."""

    source_weights: Literal["none", "balanced"] = "none"
    """`balanced` lets every source count equally within each class."""

    adversary: Annotated[float, Field(ge=0)] = 0.0
    """Weight of a second head that guesses the source, whose gradient is turned round before it
    reaches the trunk, so that features say less of where a film came from; 0 for none."""


class Optimizer(Settings):
    """How weights move."""

    name: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: Positive = 1e-3
    weight_decay: Annotated[float, Field(ge=0)] = 0.0
    momentum: Annotated[float, Field(ge=0, lt=1)] = 0.9
    """For SGD only."""


class Schedule(Settings):
    """How the learning rate changes."""

    name: Literal["constant", "cosine", "plateau"] = "constant"

    warmup: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Share of all steps spent rising from 0 to the learning rate (not with plateau)."""

    monitor: str = "val_loss"
    """Plateau: the metric that must improve."""

    better: Literal["auto", "higher", "lower"] = "auto"
    """Plateau: which way the metric improves. `auto` knows; published code has had it wrong."""

    factor: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """Plateau: what the learning rate is multiplied by."""

    patience: Annotated[int, Field(ge=0)] = 5
    """Plateau: epochs without improvement before that."""


class Fitting(Settings):
    """How long, how much at a time, and what is kept."""

    epochs: Annotated[int, Field(ge=1)] = 20
    batch_size: Annotated[int, Field(ge=1)] = 32
    """Images a step over all processes together."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    precision: Literal["auto", "32", "bf16", "16"] = "auto"
    """`auto` takes bf16 where the processor or the GPU has it, else 32 bits."""

    monitor: str = "val_macro_auroc"
    """The validation metric that chooses the best weights."""

    selection_split: Literal["val", "test"] = "val"
    """The split that chooses the best weights. `test` is a fault of published code, kept so that
    what it is worth can be measured: scores on that split are then no test."""

    augment_selection: bool = False
    """Change the selection split's pictures as training pictures are; another published fault."""

    balance_selection: bool = False
    """Validate on equally many pictures of each class, drawn by the seed."""

    early_stopping: Annotated[int, Field(ge=1)] | None = None
    """Epochs without improvement of `monitor` before stopping; none if not given."""

    feeding: Literal["auto", "resident", "streamed"] = "auto"
    """Whether all pictures lie on the device as 8-bit pictures, or are sent batch by batch while
    the step before is computed. `auto` asks whether they fit. It changes no result."""

    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that read the cache for streaming; 0 is fastest from a memory map."""

    gradient_clip: Positive | None = None
    """Largest norm of the gradient."""

    feature_views: Annotated[int, Field(ge=0)] = 0
    """With a frozen trunk: how many changed views of each training picture go through it, once,
    before the first epoch; epochs then train the head on what came out. 0 sends every picture
    through the trunk in every epoch."""


class Recipe(Settings):
    """One training run."""

    name: str
    description: str = ""

    classes: tuple[str, ...] | None = None
    """Labels in the order of the outputs; rows with other labels are left out. All if not given."""

    relabel: dict[str, str] = Field(default_factory=dict)
    """Labels to rename before anything else, so that several may become one."""

    model: Model
    preprocessing: Preprocessing = Preprocessing()
    augmentation: Augmentation = Augmentation()
    sampling: Sampling = Sampling()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    training: Fitting = Fitting()

    @model_validator(mode="after")
    def _possible(self) -> Recipe:
        problems = list(_contradictions(self))
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def outputs(self) -> int | None:
        """Number of logits; None while the classes are still the manifest's to say."""
        if self.loss.name == "binary_cross_entropy":
            return 1
        return None if self.classes is None else len(self.classes)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values with every default written out."""
        values = self.model_dump(mode="json")
        values["preprocessing"] = self.preprocessing.to_dict()
        return values

    def to_yaml(self) -> str:
        """Return the recipe as YAML with every default written out."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)


def _contradictions(recipe: Recipe) -> list[str]:
    found = [] if recipe.classes is None else _class_problems(recipe, recipe.classes)
    if recipe.loss.auxiliary and recipe.model.name != "inception_v3":
        found.append(f"loss.auxiliary needs an auxiliary head, which {recipe.model.name} lacks")
    found += _metric_problems("training.monitor", recipe.training.monitor, recipe.classes)
    found += _metric_problems("schedule.monitor", recipe.schedule.monitor, recipe.classes)
    unknown = [name for name in recipe.sampling.share if name not in (recipe.classes or (name,))]
    if recipe.classes is not None and unknown:
        classes = ", ".join(recipe.classes)
        found.append(f"sampling.share names {unknown[0]}, but the classes are {classes}")
    if recipe.model.freeze_trunk and recipe.model.train_blocks:
        found.append("model.freeze_trunk leaves no block to train; drop it or train_blocks")
    found += _frozen_problems(recipe)
    if recipe.schedule.name == "plateau" and recipe.schedule.warmup:
        found.append("schedule.warmup cannot be combined with plateau")
    return found


def _frozen_problems(recipe: Recipe) -> list[str]:
    frozen = recipe.model.trained_blocks == 0
    found = []
    if recipe.training.feature_views and not frozen:
        found.append("training.feature_views needs model.freeze_trunk: true")
    if recipe.training.feature_views and recipe.training.augment_selection:
        found.append("training.feature_views cannot be combined with augment_selection")
    if recipe.loss.adversary and frozen:
        found.append("loss.adversary changes the trunk, which model.freeze_trunk forbids")
    if recipe.loss.adversary and recipe.loss.auxiliary:
        found.append("loss.adversary cannot be combined with loss.auxiliary")
    return found


def _class_problems(recipe: Recipe, classes: tuple[str, ...]) -> list[str]:
    found = []
    if len(classes) < 2:
        found.append(f"classes must name at least 2 labels, got {len(classes)}")
    if len(set(classes)) != len(classes):
        found.append("classes names a label twice")
    if recipe.loss.name == "binary_cross_entropy" and len(classes) != 2:
        found.append(f"binary_cross_entropy needs exactly 2 classes, got {len(classes)}")
    weights = recipe.loss.class_weights
    if not isinstance(weights, str) and len(weights) != len(classes):
        found.append(f"class_weights has {len(weights)} values for {len(classes)} classes")
    return found


def _metric_problems(place: str, name: str, classes: tuple[str, ...] | None) -> list[str]:
    prefix = "val_recall_"
    if name in METRICS:
        return []
    if not name.startswith(prefix):
        known = ", ".join(METRICS)
        return [f"{place} must be one of {known} or {prefix}CLASS, got {name}"]
    if classes is not None and name.removeprefix(prefix) not in classes:
        return [f"{place} watches {name}, but the classes are {', '.join(classes)}"]
    return []


def load_recipe(path: str | Path, changes: tuple[str, ...] | list[str] = ()) -> Recipe:
    """Read a recipe and apply `key=value` changes.

    Raises:
        ConfigError: Every fault at once.
    """
    return load_settings(Recipe, path, changes)
