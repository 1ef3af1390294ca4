"""Fill a network from a state dict, and say exactly what did not fit.

Weights come from a local file (safetensors, or a `.pth` state dict as torchvision writes it) or
from the libraries' own hubs when online. Nothing is loaded halfway: apart from the classifying
layers, whose number of classes may differ, every tensor must be there and fit. A first
convolution made for colour is summed over its channels for grey pictures.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn

from hilum.errors import ConfigError

__all__ = ["load_library_weights", "random_weights_only", "read_state_dict", "start_like_keras"]

_CHOICES = (
    "model.weights must be `none`, `default`, a bundle, a run, or a file with a state dict "
    "(.safetensors or .pth)."
)


def random_weights_only(name: str, weights: str | Path) -> None:
    """Refuse weights for a network that no library has weights for.

    Raises:
        ConfigError: If `weights` is not "none".
    """
    if str(weights) == "none":
        return
    if str(weights) != "default" and not Path(weights).exists():
        raise ConfigError(f"No weights at {weights}. {_CHOICES}")
    raise ConfigError(
        f"{name} has no published weights; set model.weights to none, or to a bundle or a run "
        f"with this trunk. Got {weights}."
    )


def start_like_keras(*modules: nn.Module) -> None:
    """Draw the weights of convolutions and linear layers as Keras does by default.

    References:
        Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
        networks", AISTATS 2010, equation 16.
    """
    for module in modules:
        for layer in module.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


def read_state_dict(path: str | Path) -> dict[str, Tensor]:
    """Read named tensors from a .safetensors file or a .pth state dict.

    A .pth file is read with torch's restricted unpickler, which is no protection against a file
    made to do harm: take such files only from people you trust.

    Raises:
        ConfigError: If the file is missing, of another kind, or damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise ConfigError(f"No weights at {path}. {_CHOICES}")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        values = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, UnpicklingError, EOFError, ValueError) as error:
        raise ConfigError(f"The weights in {path} cannot be read: {error}") from error
    except Exception as error:
        if type(error).__module__.startswith("safetensors"):
            raise ConfigError(f"The weights in {path} cannot be read: {error}") from error
        raise
    values = values.get("state_dict", values) if isinstance(values, dict) else values
    if not isinstance(values, dict) or not all(isinstance(v, Tensor) for v in values.values()):
        raise ConfigError(f"{path} does not hold a state dict (names to tensors).")
    return values


def load_library_weights(
    net: nn.Module, weights: str | Path, *, name: str, first: str, last: tuple[str, ...]
) -> None:
    """Fill torchvision's `net` in place.

    Args:
        net: The network, before it is cut into trunk and head.
        weights: "default" for torchvision's own, else a file.
        name: The network's name in torchvision.
        first: Path of its first convolution, adapted from colour to grey if need be.
        last: Paths of its classifying layers, left as they are where the shapes differ.

    Raises:
        ConfigError: If nothing is there to load, or a tensor is missing, unknown or of another
            shape.
    """
    state = _from_hub(name) if str(weights) == "default" else read_state_dict(weights)
    own = net.state_dict()
    state = _fitted(state, own, first=f"{first}.weight")
    heads = tuple(f"{place}." for place in last)
    optional = {key for key in own if key.startswith(heads) or "AuxLogits" in key}
    problems = [f"{key} is missing" for key in own if key not in state and key not in optional]
    problems += [f"{key} is not part of {name}" for key in state if key not in own]
    kept = {}
    for key, value in state.items():
        if key in own and value.shape == own[key].shape:
            kept[key] = value
        elif key in own and key not in optional:
            problems.append(f"{key} has shape {tuple(value.shape)}, not {tuple(own[key].shape)}")
    if problems:
        raise ConfigError(f"The weights {weights} do not fit {name}:", problems)
    net.load_state_dict({**own, **kept})


def _fitted(
    state: Mapping[str, Tensor], own: Mapping[str, Tensor], *, first: str
) -> dict[str, Tensor]:
    """Return `state` with its first convolution summed to grey, or spread to colour."""
    fitted = dict(state)
    if first in fitted and first in own:
        given, wanted = fitted[first], own[first].shape[1]
        if given.shape[1] == 3 and wanted == 1:
            fitted[first] = given.sum(1, keepdim=True)
        elif given.shape[1] == 1 and wanted == 3:
            fitted[first] = given.repeat(1, 3, 1, 1) / 3
    return fitted


def _from_hub(name: str) -> dict[str, Tensor]:
    from urllib.error import URLError

    import torchvision.models as tv

    try:
        state: dict[str, Tensor] = tv.get_model_weights(name)["DEFAULT"].get_state_dict(
            progress=False, check_hash=True
        )
    except (URLError, OSError, RuntimeError) as error:
        raise ConfigError(
            f"The default weights of {name} are not on this machine and cannot be fetched "
            f"({error}). Without internet, give model.weights a local file, or `none` to start "
            "from random weights."
        ) from error
    return state
