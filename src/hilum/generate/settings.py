"""A recipe for a variational autoencoder: everything that decides how one is trained, in YAML.

Separate from the classifiers' recipes because nothing but the preprocessing is shared.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BeforeValidator, Field, model_validator

from hilum.config import Settings, load_settings
from hilum.data.preprocessing import Preprocessing

__all__ = ["Architecture", "Fitting", "Objective", "VaeRecipe", "load_vae_recipe"]

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

_LARGEST_GRID = 7


class Architecture(Settings):
    """How large the encoder and the decoder are."""

    latent: Annotated[int, Field(ge=1, le=4096)] = 128
    """Numbers that describe a film; the paper tried 16 to 4,000."""

    width: Annotated[int, Field(ge=4, le=128)] = 32
    """Channels after the first halving; they double with each, to at most 8 times this."""

    halvings: Annotated[int, Field(ge=1, le=8)] | None = None
    """Blocks that halve the side; by default as many as leave 7 pixels or fewer: 5 for 224."""

    activation: Literal["leaky_relu", "rrelu"] = "leaky_relu"
    """Between convolutions; `rrelu`, with random slopes, is what the published code used."""

    critic_width: Annotated[int, Field(ge=4, le=128)] = 16
    """Channels after the critic's first halving; used with objective.gamma above 0 only."""


class Objective(Settings):
    """What is minimised: reconstruction + beta * KL - gamma * information."""

    likelihood: Literal["gaussian", "bernoulli"] = "gaussian"
    """Of a pixel in [0, 1]: normal about the decoder's mean, or binary cross-entropy, which for
    greys is a convention and no density."""

    sigma: Positive | Literal["learned"] = 0.1
    """Deviation of the Gaussian, one for all pixels; 1 is the step from black to white. With
    `learned` it is fitted with the weights."""

    scaling: Literal["sum", "published"] = "sum"
    """`sum` over pixels and over latent dimensions, as the evidence lower bound is defined. With
    `published` squared error is averaged over pixels and KL over dimensions: a fault, see
    `hilum.generate.loss.implied_sigma`."""

    beta: NotNegative = 1.0
    """Weight of the KL term; with 1 and `sum` the objective is the evidence lower bound."""

    beta_warmup: Annotated[int, Field(ge=0)] = 0
    """Epochs in which beta rises evenly to its value."""

    gamma: NotNegative = 0.0
    """Weight of the information between film and latent, estimated by a critic; 0 for none."""


class Fitting(Settings):
    """How long, how much at a time."""

    epochs: Annotated[int, Field(ge=1)] = 100
    batch_size: Annotated[int, Field(ge=2)] = 32
    """Films a step; at least 2, for batch normalisation and to pair films with others' latents."""

    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0
    learning_rate: Positive = 1e-3
    """Adam's, for encoder and decoder."""

    critic_learning_rate: Positive = 1e-4
    """Adam's, for the critic."""

    gradient_clip: Positive | None = None
    """Largest norm of the gradient of encoder and decoder."""

    precision: Annotated[Literal["auto", "32", "bf16"], BeforeValidator(str)] = "auto"
    """`auto` takes bf16 where the processor or the GPU has it, else 32 bits."""


class VaeRecipe(Settings):
    """One training run of a variational autoencoder."""

    name: str
    description: str = ""

    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    """Labels whose films are learned. Samples get a label only if there is one."""

    preprocessing: Preprocessing = Preprocessing()
    architecture: Architecture = Architecture()
    objective: Objective = Objective()
    training: Fitting = Fitting()

    @model_validator(mode="after")
    def _possible(self) -> VaeRecipe:
        problems = _contradictions(self)
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def halvings(self) -> int:
        """How many blocks halve the side."""
        if self.architecture.halvings is not None:
            return self.architecture.halvings
        return halvings_for(self.preprocessing.size)

    @property
    def label(self) -> str | None:
        """The label of what is drawn; None if films of several were learned."""
        return self.labels[0] if len(self.labels) == 1 else None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values with every default written out."""
        values = self.model_dump(mode="json")
        values["preprocessing"] = self.preprocessing.to_dict()
        return values

    def to_yaml(self) -> str:
        """Return the recipe as YAML with every default written out."""
        return yaml.safe_dump(self.to_dict(), sort_keys=False, allow_unicode=True)


def halvings_for(size: int) -> int:
    """Return how many halvings bring a side down to 7 pixels or fewer.

    >>> [halvings_for(size) for size in (64, 96, 224)]
    [4, 4, 5]
    """
    count = 1
    while -(-size // 2**count) > _LARGEST_GRID:
        count += 1
    return count


def _contradictions(recipe: VaeRecipe) -> list[str]:
    found = []
    how, objective = recipe.preprocessing, recipe.objective
    if how.channels != 1:
        found.append(f"preprocessing.channels must be 1, films are grey; got {how.channels}")
    plain = Preprocessing()
    if (how.mean, how.std) != (plain.mean, plain.std):
        found.append("preprocessing.mean and std are not used: pixels go in as [0, 1]; drop them")
    if 2**recipe.halvings > how.size:
        found.append(
            f"architecture.halvings {recipe.halvings} leave nothing of {how.size} pixels; "
            f"{halvings_for(how.size)} suit that size"
        )
    if objective.likelihood == "bernoulli" and objective.sigma != Objective().sigma:
        found.append("objective.sigma belongs to the gaussian likelihood; drop one of them")
    if objective.scaling == "published" and objective.likelihood == "bernoulli":
        found.append("objective.scaling published is a mean squared error: likelihood gaussian")
    if objective.scaling == "published" and objective.sigma == "learned":
        found.append("objective.scaling published has no sigma to learn")
    if len(set(recipe.labels)) != len(recipe.labels):
        found.append("labels names a label twice")
    return found


def load_vae_recipe(path: str | Path, changes: tuple[str, ...] | list[str] = ()) -> VaeRecipe:
    """Read a recipe and apply `key=value` changes.

    Raises:
        ConfigError: Every fault at once.
    """
    return load_settings(VaeRecipe, path, changes)
