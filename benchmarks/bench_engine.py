"""A warm engine: beside eager torch, and with maps beside without."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from benchmarks.bundles import random_bundle
from benchmarks.rows import Row, in_turn
from hilum.screening.engine import Engine


def rows() -> list[Row]:
    """Return two rows a network: engine against eager torch, maps against no maps."""
    return [
        row
        for name, peer in (("resnet50", True), ("densenet121", True), ("vgg16", False))
        for row in _network(name, beside_torch=peer)
    ]


def _network(name: str, *, beside_torch: bool) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        model, bundle = random_bundle(name, Path(folder) / "bundle")
        engine = Engine(bundle)
        image = np.random.default_rng(0).normal(size=(1, 1, 224, 224)).astype(np.float32)
        tensor = torch.from_numpy(image)
        session = engine._session  # noqa: SLF001
        found = []
        if beside_torch:
            torch.set_num_threads(engine.threads)
            with torch.inference_mode():
                ours, theirs, ratio = in_turn(
                    lambda: session.run(["logits"], {"images": image}), lambda: model(tensor)
                )
            found.append(
                Row(
                    claim=f"{name}, one film, fp32", peer="eager torch", ours=ours * 1e3,
                    theirs=theirs * 1e3, unit="ms", ratio=ratio, wanted="at least 1.4 times",
                    met=ratio >= 1.4,
                )
            )  # fmt: skip
        plain, mapped, cost = in_turn(
            lambda: session.run(["logits"], {"images": image}), lambda: engine.run(image), rounds=15
        )
        found.append(
            Row(
                claim=f"{name}, every class's map beside none (cost)",
                peer=f"the same engine (onnxruntime {onnxruntime.__version__}) without maps",
                ours=mapped * 1e3, theirs=plain * 1e3, unit="ms", ratio=cost,
                wanted="at most 1.15 times", met=cost <= 1.15,
            )
        )  # fmt: skip
    return found
