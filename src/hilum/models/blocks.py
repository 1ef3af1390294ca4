"""The blocks of a trunk, from input to output, so that a recipe can train the last few alone.

A network says at which of its modules a block begins; everything registered from there to the next
beginning is that block. Every parameter of the trunk therefore stands in exactly one block,
whatever the architecture, and freezing needs no code of its own a network.
"""

from __future__ import annotations

from collections.abc import Collection

from torch import nn

from hilum.errors import ConfigError
from hilum.models.trunk_and_head import TrunkAndHead

__all__ = ["frozen_blocks", "starts_after", "starts_after_pools", "trunk_blocks"]


def trunk_blocks(model: TrunkAndHead) -> list[nn.Module]:
    """Return the trunk's blocks from input to output.

    Each is a container of the trunk's own modules: `requires_grad_`, `eval` and `parameters` act on
    the network itself. A container cannot be called. A network that names no beginnings is one
    block.

    >>> from hilum.models import create_network
    >>> len(trunk_blocks(create_network("small_cnn", outputs=2)))
    4
    """
    blocks: list[list[nn.Module]] = [[]]
    _collect(model.trunk, "", model.block_starts, blocks)
    return [nn.ModuleList(modules) for modules in blocks if modules]


def _collect(
    module: nn.Module, name: str, starts: tuple[str, ...], blocks: list[list[nn.Module]]
) -> None:
    """Put `module` into the last of `blocks`, or its parts where a block begins inside it."""
    if name in starts:
        blocks.append([])
    prefix = f"{name}." if name else ""
    if not any(start != name and start.startswith(prefix) for start in starts):
        blocks[-1].append(module)
        return
    own = list(module.parameters(recurse=False))
    if own:
        blocks[-1].append(nn.ParameterList(own))
    for child_name, child in module.named_children():
        _collect(child, prefix + child_name, starts, blocks)


def frozen_blocks(model: TrunkAndHead, trained: int | None) -> list[nn.Module]:
    """Return the blocks that stay as they are when only the last `trained` may change.

    Args:
        model: The network.
        trained: How many of the trunk's last blocks are trained; all of them if None.

    Raises:
        ConfigError: If the trunk has fewer blocks than that.
    """
    if trained is None:
        return []
    blocks = trunk_blocks(model)
    if trained > len(blocks):
        raise ConfigError(
            f"model.train_blocks asks for the last {trained} blocks, but this trunk has "
            f"{len(blocks)}. `hilum models` says how many each network has."
        )
    return blocks[: len(blocks) - trained]


def starts_after(trunk: nn.Module, ends: Collection[str]) -> tuple[str, ...]:
    """Return the names of the modules at which a block begins, given those that end one.

    Args:
        trunk: Its modules are registered in the order in which they run.
        ends: Names of the modules that end a block. Nothing begins after the last parameter.
    """
    starts: list[str] = []
    ended = None
    for name, module in trunk.named_modules():
        if ended is not None and not name.startswith(f"{ended}.") and _has_parameters(module):
            starts.append(name)
            ended = None
        if name in ends:
            ended = name
    return tuple(starts)


def starts_after_pools(trunk: nn.Module) -> tuple[str, ...]:
    """Return the names of the modules that follow max pooling, as `starts_after` does."""
    pools = [name for name, module in trunk.named_modules() if isinstance(module, nn.MaxPool2d)]
    return starts_after(trunk, pools)


def _has_parameters(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None
