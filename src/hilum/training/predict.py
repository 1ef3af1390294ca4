"""A trained run's probabilities for the images of a split, in full precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load

from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import normalize, prepare
from hilum.data.reading import read_radiograph
from hilum.errors import DataError, ImageReadError, TrainingError
from hilum.evaluation.predictions import Predictions
from hilum.models import TrunkAndHead, create_network
from hilum.training.examples import select_examples
from hilum.training.module import probabilities
from hilum.training.recipe import Recipe
from hilum.training.run_folder import RunFolder

__all__ = ["load_trained", "predict_run"]

BATCH = 32


def load_trained(folder: str | Path) -> tuple[TrunkAndHead, Recipe, tuple[str, ...]]:
    """Return a run's best network in evaluation mode, its recipe and its classes.

    Raises:
        TrainingError: If this is no run, or it has no trained weights yet.
    """
    run = RunFolder(folder)
    recipe = run.recipe()
    if not run.best_file.exists():
        raise TrainingError(
            f"{run.path} has no trained weights yet ({run.best_file} is missing). "
            "Finish it with `hilum train ... --resume`."
        )
    classes = tuple(run.record()["classes"])
    network = create_network(
        recipe.model.name,
        outputs=recipe.outputs or len(classes),
        channels=recipe.preprocessing.channels,
        size=recipe.preprocessing.size,
        dropout=recipe.model.dropout,
    )
    state = load(run.best_file.read_bytes())
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise TrainingError(f"{run.best_file} does not fit {recipe.model.name}: {error}") from error
    return network.eval(), recipe, classes


def predict_run(
    folder: str | Path, manifest: Manifest, split: str | None, *, cache: PreparedCache | None = None
) -> Predictions:
    """Return the probabilities of a run's best weights.

    Args:
        folder: The run.
        manifest: Labelled images.
        split: Which rows; all if None.
        cache: Where the pictures are already prepared, if they are.

    Raises:
        DataError: If an image cannot be read; all such images are named.
    """
    network, recipe, classes = load_trained(folder)
    present = set(manifest.frame["label"].unique())
    relabel = {old: new for old, new in recipe.relabel.items() if old in present}
    asked = recipe.model_copy(update={"classes": classes, "relabel": relabel})
    examples = select_examples(manifest, asked)
    rows = examples.manifest.select(split=split) if split else examples.manifest
    order = {label: index for index, label in enumerate(classes)}
    found = [
        _probabilities(network, recipe, _pictures(rows, first, recipe, cache))
        for first in range(0, len(rows), BATCH)
    ]
    frame = rows.frame
    return Predictions(
        images=tuple(frame["path"]),
        patient_ids=tuple(frame["patient_id"]),
        labels=np.array([order[label] for label in frame["label"]], dtype=np.int64),
        classes=classes,
        probabilities=np.concatenate(found),
        sources=tuple(frame["source"]),
    )


def _probabilities(
    network: TrunkAndHead, recipe: Recipe, pictures: NDArray[np.uint8]
) -> NDArray[np.float64]:
    images = torch.from_numpy(normalize(pictures, recipe.preprocessing))
    with torch.inference_mode():
        found: NDArray[np.float64] = probabilities(network(images)).numpy()
    return found


def _pictures(
    rows: Manifest, first: int, recipe: Recipe, cache: PreparedCache | None
) -> NDArray[np.uint8]:
    part = Manifest.from_frame(rows.frame.slice(first, BATCH), rows.root)
    if cache is not None:
        return cache.images(cache.locate(part))
    pictures, problems = [], []
    for path in part.paths():
        try:
            film = read_radiograph(path, smallest_side=recipe.preprocessing.decode_side)
        except ImageReadError as error:
            problems.append(str(error))
        else:
            pictures.append(prepare(film, recipe.preprocessing))
    if problems:
        raise DataError("Some images cannot be read:\n" + "\n".join(problems))
    return np.stack(pictures)
