"""Start a network from one that hilum trained: a bundle, a run, or its weights file.

The trunk must be the same: every tensor, name and shape. Of the head, layers are taken from the
trunk on as far as they fit, so that a network for other classes keeps all but its last layer, as
transfer learning usually means it; or none of them, where a new head is asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

from hilum.errors import ConfigError
from hilum.models.trunk_and_head import TrunkAndHead
from hilum.models.weights import read_state_dict
from hilum.screening.bundle import Bundle

__all__ = ["StartedFrom", "is_trained_network", "start_from"]

Kind = Literal["bundle", "run", "file"]

_IN_RUN = Path("checkpoints") / "best.safetensors"
_TRUNK = "trunk."


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedFrom:
    """What a network began with."""

    source: str
    """The bundle, run or file."""

    kind: Kind

    id: str
    """The bundle's id; of a run or a file, the SHA-256 of the weights."""

    name: str | None
    """The architecture the weights were trained in, where the source says so."""

    classes: tuple[str, ...]
    """The classes it was trained to tell apart, where the source says so."""

    tensors: tuple[str, ...]
    """Names of the tensors that were taken."""

    left_new: tuple[str, ...]
    """Names of this network's tensors that were not: the layers that begin anew."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for a run's record."""
        return asdict(self)


def is_trained_network(weights: str | Path) -> bool:
    """Return whether `weights` is what `start_from` takes, not a library's state dict."""
    path = Path(weights)
    if str(weights) in ("none", "default") or not path.exists():
        return False
    return path.is_dir() or (path.suffix == ".safetensors" and _begins_with_trunk(path))


def _begins_with_trunk(path: Path) -> bool:
    return any(name.startswith(_TRUNK) for name in read_state_dict(path))


def start_from(model: TrunkAndHead, source: str | Path, *, new_head: bool = False) -> StartedFrom:
    """Fill the trunk of `model`, and the layers of its head that fit, from a trained network.

    Args:
        model: Changed in place; untouched if anything is refused.
        source: A bundle, a run's folder, or a weights.safetensors or best.safetensors of one.
        new_head: Take nothing of the head.

    Raises:
        ConfigError: If `source` is none of these, or its trunk is another one; every tensor that is
            missing, unknown or of another shape is named.
        BundleError: If the bundle is damaged.
    """
    found = _find(Path(source))
    state = read_state_dict(found.weights)
    own = model.state_dict()
    problems = _differences(state, own)
    if problems:
        trained = f" (a {found.name})" if found.name else ""
        raise ConfigError(
            f"The trunk of {source}{trained} is not that of the network to be started. Name the "
            "same network in model.name, with the same channels:",
            problems,
        )
    taken = {name: value for name, value in state.items() if name.startswith(_TRUNK)}
    if not new_head:
        taken |= _fitting_head(model, state, own) | _whole_auxiliary(state, own)
    model.load_state_dict({**own, **taken})
    return StartedFrom(
        source=str(source),
        kind=found.kind,
        id=found.id or hashlib.sha256(found.weights.read_bytes()).hexdigest(),
        name=found.name,
        classes=found.classes,
        tensors=tuple(taken),
        left_new=tuple(name for name in own if name not in taken),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    weights: Path
    kind: Kind
    id: str = ""
    name: str | None = None
    classes: tuple[str, ...] = ()


def _find(path: Path) -> _Source:
    if path.is_file():
        return _Source(weights=path, kind="file")
    if (path / "bundle.json").exists():
        bundle = Bundle.load(path, verify=False)
        return _Source(
            weights=bundle.weights_path(),
            kind="bundle",
            id=bundle.id,
            name=bundle.record.architecture.name,
            classes=bundle.record.classes,
        )
    if (path / _IN_RUN).exists():
        return _Source(weights=path / _IN_RUN, kind="run")
    raise ConfigError(
        f"{path} is neither a bundle (it has no bundle.json) nor a run with trained weights (it "
        f"has no {_IN_RUN}). model.weights may name either, or their .safetensors file."
    )


def _differences(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> list[str]:
    """Return one line for each tensor of the trunk that does not fit: expected, and got."""
    found = []
    for name in dict.fromkeys((*own, *state)):
        if not name.startswith(_TRUNK):
            continue
        if name not in state:
            found.append(f"{name}: expected {tuple(own[name].shape)}, got nothing")
        elif name not in own:
            found.append(f"{name}: expected nothing, got {tuple(state[name].shape)}")
        elif state[name].shape != own[name].shape:
            expected, got = tuple(own[name].shape), tuple(state[name].shape)
            found.append(f"{name}: expected {expected}, got {got}")
    return found


def _fitting_head(
    model: TrunkAndHead, state: Mapping[str, Tensor], own: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Return the tensors of the head's layers, in order, up to the first that does not fit."""
    taken: dict[str, Tensor] = {}
    for name, layer in model.head.named_modules():
        names = [f"head.{name}.{part}" for part, _ in layer.named_parameters(recurse=False)]
        if not all(_fits(full, state, own) for full in names):
            break
        taken |= {full: state[full] for full in names}
    return taken


def _whole_auxiliary(state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    names = [name for name in own if name.startswith("auxiliary.")]
    if not all(_fits(name, state, own) for name in names):
        return {}
    return {name: state[name] for name in names}


def _fits(name: str, state: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> bool:
    return name in state and state[name].shape == own[name].shape
