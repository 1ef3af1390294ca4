"""The open door: any convolutional network of timm, under `timm/NAME`.

Only networks whose last features are a map (n, c, h, w) are taken, because everything else here,
from heatmaps to export, rests on that map.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from hilum.errors import ConfigError, MissingExtraError
from hilum.models.blocks import starts_after
from hilum.models.trunk_and_head import PooledHead, TrunkAndHead
from hilum.models.weights import read_state_dict
from hilum.registry import suggestion

__all__ = ["create_timm"]


class TimmTrunk(nn.Module):
    """A timm network without its classifier; channels-last maps are turned."""

    def __init__(self, net: nn.Module, *, turn: bool) -> None:
        super().__init__()
        self.net = net
        self.turn = turn

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, channels, h, w) to features (n, c, h', w')."""
        features: Tensor = self.net.forward_features(images)  # type: ignore[operator]
        return features.permute(0, 3, 1, 2).contiguous() if self.turn else features


def create_timm(
    name: str,
    *,
    outputs: int,
    channels: int,
    size: int,
    dropout: float | None = None,
    weights: str | Path = "none",
) -> TrunkAndHead:
    """Build `name` from timm with a pooled head.

    Raises:
        MissingExtraError: If timm is not installed.
        ConfigError: If timm has no such network, it cannot take pictures of this size, it gives
            no feature map, or the weights do not fit.
    """
    try:
        import timm
    except ImportError as error:
        raise MissingExtraError("timm", "train") from error
    if name not in timm.list_models() and not timm.is_model(name):
        raise ConfigError(f"timm has no network {name!r}. {_nearest(name, timm.list_models())}")
    net = _create(timm, name, channels=channels, pretrained=str(weights) == "default")
    if str(weights) not in ("none", "default"):
        _fill(net, read_state_dict(weights), name=name, source=str(weights))
    turn = _map_layout(net, name, channels=channels, size=size)
    head = PooledHead(nn.Linear(int(net.num_features), outputs), dropout=dropout or 0.0)
    trunk = TimmTrunk(net, turn=turn)
    return TrunkAndHead(trunk, head, block_starts=_stage_starts(trunk))


def _stage_starts(trunk: TimmTrunk) -> tuple[str, ...]:
    """Return where the stages begin; timm lists the modules that end them, but not for all nets.

    Where such a module lies deep inside a residual block, the stage ends with that block.
    """
    listed: Any = getattr(trunk.net, "feature_info", ())
    ends = [".".join(stage["module"].split(".")[:2]) for stage in list(listed)[:-1]]
    return starts_after(trunk, {f"net.{end}" for end in ends})


def _nearest(name: str, known: list[str]) -> str:
    sentence = suggestion(name, known)
    return sentence if sentence.startswith("Did") else "See timm.list_models()."


def _create(timm: Any, name: str, *, channels: int, pretrained: bool) -> Any:
    options = {"num_classes": 0, "global_pool": "", "in_chans": channels}
    try:
        return timm.create_model(name, pretrained=pretrained, **options)
    except (OSError, RuntimeError) as error:
        if not pretrained:
            raise
        raise ConfigError(
            f"The default weights of timm/{name} are not on this machine and cannot be fetched "
            f"({error}). Without internet, give model.weights a local file, or `none`."
        ) from error
    except TypeError as error:
        raise ConfigError(f"timm/{name} cannot be built as a trunk: {error}") from error


def _fill(net: nn.Module, state: dict[str, Tensor], *, name: str, source: str) -> None:
    classifier = ("fc.", "classifier.", "head.", "head.fc.")
    state = {key: value for key, value in state.items() if not key.startswith(classifier)}
    try:
        net.load_state_dict(state)
    except RuntimeError as error:
        raise ConfigError(f"The weights {source} do not fit timm/{name}: {error}") from error


def _map_layout(net: Any, name: str, *, channels: int, size: int) -> bool:
    """Return whether the features come channels last; refuse networks without a map."""
    device = next(net.parameters()).device
    was_training = net.training
    net.eval()
    try:
        with torch.no_grad():
            shape = net.forward_features(torch.zeros(1, channels, size, size, device=device)).shape
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"timm/{name} cannot take {size}-pixel pictures: {error}") from error
    net.train(was_training)
    if len(shape) == 4 and shape[1] == net.num_features:
        return False
    if len(shape) == 4 and shape[3] == net.num_features:
        return True
    raise ConfigError(
        f"timm/{name} gives features of shape {tuple(shape)}, not a map (n, c, h, w). "
        "Choose a convolutional network."
    )
