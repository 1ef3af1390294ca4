"""What the facts say of how the weights came about: recipe, training run, code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hilum.report.checklists.answer import (
    Answer,
    Facts,
    inapplicable,
    look,
    not_reported,
    partly,
    reported,
    sentence,
)
from hilum.report.checklists.words import films, settings

__all__ = ["TOPICS"]

_NO_RECIPE = "How the model was trained; nothing of it is recorded."
_OTHER_MODELS = (
    "How many models and settings were tried, how these settings were found, and why this model "
    "was kept: hilum knows one run."
)


def initialisation(facts: Facts) -> Answer:
    """Say what the weights were before training."""
    start = look(facts, "training.recipe.model.weights")
    if start is None:
        return not_reported(_NO_RECIPE)
    seed = look(facts, "training.recipe.training.seed")
    if start == "none":
        return reported(
            f"Random, by each layer's own rule in the library, seed {seed}; no pretrained weights."
        )
    if start == "default":
        return partly(
            f"The library's own pretrained weights of {look(facts, 'model.network')!r}.",
            "The name of those weights and the images they were trained on.",
        )
    return partly(
        f"Weights taken from {start!r}.",
        "What those weights were trained on, and that it shares no patient with the test films.",
    )


def training(facts: Facts) -> Answer:
    """Say how it was trained."""
    recipe = look(facts, "training.recipe")
    if not recipe:
        return not_reported(_NO_RECIPE)
    return partly(sentence(*_training_parts(facts, recipe)), _OTHER_MODELS)


def _training_parts(facts: Facts, recipe: Mapping[str, Any]) -> list[str]:
    groups = ("augmentation", "sampling", "loss", "optimizer", "schedule", "training")
    parts = [f"Fitted to {_fitted_to(facts)}"]
    model = recipe.get("model") or {}
    frozen = {key: model[key] for key in ("freeze_trunk", "train_blocks") if model.get(key)}
    parts += [f"trained in part: {settings(frozen)}"] if frozen else []
    parts += [f"{group}: {settings(recipe[group])}" for group in groups if recipe.get(group)]
    if done := look(facts, "training.result"):
        parts.append(f"{done.get('epochs')} epochs were run")
    return parts


def _fitted_to(facts: Facts) -> str:
    """Return the films of the train split, from the manifest if it is the one trained on."""
    counted = look(facts, "data.splits.train")
    if counted and look(facts, "data.trained_on_it"):
        return films(counted)
    images = look(facts, "training.train_images")
    if images is None:
        return "films whose number is not recorded"
    return films({"images": images, "patients": look(facts, "training.train_patients")})


def selection(facts: Facts) -> Answer:
    """Say how the weights that are kept were picked."""
    monitor = look(facts, "training.recipe.training.monitor")
    if monitor is None:
        return not_reported(_NO_RECIPE)
    split = look(facts, "training.recipe.training.selection_split") or "val"
    n = _images_of(facts, split)
    best, epochs = look(facts, "training.result.best_epoch"), look(facts, "training.result.epochs")
    figure = look(facts, f"training.result.{monitor}")
    reached = f", {monitor} {figure:.3f} (n = {n})" if isinstance(figure, float) else ""
    text = sentence(
        f"Within the run: the epoch with the best {monitor} on split {split!r} ({n})",
        "" if best is None else f"Kept: epoch {best}, counted from 0, of {epochs}{reached}",
        f"Split {split!r} is the test split: figures on it are no test" if split == "test" else "",
    )
    return partly(text, _OTHER_MODELS)


def _images_of(facts: Facts, split: str) -> str:
    counts = look(facts, "training.counts") or {}
    images = sum(n for name, n in counts.items() if name.startswith(f"{split}/"))
    return f"{images:,} films" if images else "number of films not recorded"


def model_building(facts: Facts) -> Answer:
    """Say what kind of model it is and how it was built."""
    built = training(facts)
    if built.status == "not reported":
        return built
    return partly(
        sentence(
            f"Convolutional network {look(facts, 'model.network')!r}",
            built.text,
            selection(facts).text,
        ),
        "Why this kind of model. " + _OTHER_MODELS,
    )


def imbalance(facts: Facts) -> Answer:
    """Say what was done about rare classes."""
    recipe = look(facts, "training.recipe")
    if not recipe:
        return not_reported(_NO_RECIPE)
    weights = look(recipe, "loss.class_weights") or "none"
    share = look(recipe, "sampling.share")
    done = []
    if weights == "balanced":
        done.append("The loss weighs a class by images / (classes x images of the class)")
    elif weights != "none":
        done.append(f"The loss weighs the classes by {settings(list(weights))}")
    if share:
        done.append(f"Batches are drawn with a fixed share of {settings(share)}")
    if not done:
        return inapplicable("Neither the loss nor the batches make up for rare classes.")
    fitted = look(facts, "model.temperature")
    after = (
        "Afterwards probabilities were not recalibrated (temperature 1)"
        if fitted == 1
        else f"Afterwards logits are divided by a temperature of {fitted:.4g}"
        if fitted
        else ""
    )
    return partly(sentence(*done, after), "Why it was done so.")


def technical_details(facts: Facts) -> Answer:
    """Say where the technical details lie."""
    recipe = look(facts, "training.recipe")
    if not recipe:
        return not_reported("The protocol, and technical details beyond the text.")
    return partly(
        sentence(
            f"Recipe {recipe.get('name', 'unnamed')!r} with every setting",
            _command(facts),
            _commit(facts),
        ),
        "Where the study protocol and these records can be read, or that there is no protocol.",
    )


def _command(facts: Facts) -> str:
    words = look(facts, "training.command")
    return f"Command: {' '.join(map(str, words))}" if words else ""


def _commit(facts: Facts) -> str:
    commit = look(facts, "training.git.commit")
    if not commit:
        return ""
    changed = look(facts, "training.git.changed")
    return f"Code at commit {commit}" + (", with changes that no commit holds" if changed else "")


def code(facts: Facts) -> Answer:
    """Say which code was used."""
    version = look(facts, "model.versions.hilum") or look(facts, "model.hilum")
    if not version:
        return not_reported()
    return partly(
        sentence(f"Software: hilum {version}", _commit(facts)),
        "Where this code can be had, on which terms, and the code of any analysis done outside it.",
    )


TOPICS: dict[str, Callable[[Facts], Answer]] = {
    "initialisation": initialisation,
    "training": training,
    "selection": selection,
    "model_building": model_building,
    "imbalance": imbalance,
    "technical_details": technical_details,
    "code": code,
}
