"""Evidence maps: every class's from one pass, beside pytorch-grad-cam's of one class.

Both explain the same weights by the same features, those that the head receives. The maps must
agree: hilum's are scaled as the library scales its own, and the largest difference stands in the
row. It decides, too, whether the row is met.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.row import Row, compared
from hilum.benchmark.turns import Turns, take_turns
from hilum.screening.measured_engine import MeasuredEngine

__all__ = ["CASES", "map_rows"]

NETWORKS = ("resnet50", "densenet121", "vgg16")
WANTED, AGREEMENT = 4.0, 1e-3
_PEER = "pytorch-grad-cam, one class's map"


def map_rows(name: str, settings: Settings, *, size: int = 224) -> list[Row]:
    """Return the rows of one network: the engine beside the library, and torch beside it.

    Args:
        name: Of the network.
        settings: How often.
        size: Side of its input in pixels.
    """
    import torch
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    from hilum.benchmark.bundles import shared_bundle

    model, bundle = shared_bundle(name, settings.folder, size=size)
    engine = MeasuredEngine(bundle, threads=settings.threads)
    tensor = torch.from_numpy(engine.image)
    torch.set_num_threads(engine.threads)
    maps = engine.with_maps()[0]
    label = int(maps.max(axis=(1, 2)).argmax())
    targets = [ClassifierOutputTarget(label)]

    def in_torch() -> object:
        with torch.inference_mode():
            return model.explain(tensor)

    with GradCAM(model=model, target_layers=[model.trunk]) as explainer:
        theirs = explainer(input_tensor=tensor, targets=targets)[0]
        times = take_turns(
            {
                "hilum": engine.with_maps,
                "torch": in_torch,
                "library": lambda: explainer(input_tensor=tensor, targets=targets),
            },
            rounds=settings.rounds, warm_up=2, twice=True,
        )  # fmt: skip
    return list(_rows(name, times, largest_difference(maps[label], theirs)))


def _rows(name: str, times: Turns, difference: float | None) -> Iterator[Row]:
    agree = difference is not None and difference <= AGREEMENT
    note = (
        "no class has a map here, so nothing was compared"
        if difference is None
        else f"largest difference of the maps {difference:.1g}, of 1"
    )
    library = 1e3 * times.median("library")
    yield compared(
        f"{name}, answer and every class's map", 1e3 * times.median("hilum"), _PEER, library,
        times.ratio("library", "hilum"), unit="ms", target=WANTED,
        also=f"maps equal to {AGREEMENT:g}", also_met=agree, note=note,
    )  # fmt: skip
    yield compared(
        f"{name}, the same in torch, no gradients in the trunk",
        1e3 * times.median("torch"), _PEER, library, times.ratio("library", "torch"), unit="ms",
    )  # fmt: skip


def largest_difference(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float | None:
    """Return by how much two maps differ at most once ours is scaled as the library does it.

    Args:
        ours: hilum's map as it comes, (h, w), at least 0.
        theirs: The library's, as large as the picture, from 0 to 1.

    Returns:
        A number from 0 to 1; None where our map is empty, because then nothing is compared.
    """
    from pytorch_grad_cam.utils.image import scale_cam_image

    if not ours.max() > 0:
        return None
    height, width = theirs.shape
    scaled = scale_cam_image(scale_cam_image(ours[None], (width, height)))[0]
    return float(np.abs(scaled - theirs).max())


def _case(name: str) -> Case:
    return Case(
        claim=f"{name}, answer and every class's map", peer=_PEER,
        needs=("torch", "torchvision", "safetensors", "onnxscript", "pytorch_grad_cam"),
        beside=lambda settings: map_rows(name, settings),
        packages=("onnxruntime", "torch", "grad-cam"),
    )  # fmt: skip


CASES = tuple(map(_case, NETWORKS))
