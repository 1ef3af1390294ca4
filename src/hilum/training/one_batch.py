"""Several processes that train as one: the whole batch's statistics and the whole batch's draws.

Gradients are averaged over processes anyway. Two things in a network still see only their own part
of the batch: batch normalisation, whose mean and variance are then those of a few pictures, and
dropout, which would draw the same mask on every process. Both are put right here, on every device
and without touching the network: its layers stay what they are, so that weights, names and layers
with an activation built in (timm's) are those of a run of one process.

torch's own SyncBatchNorm is not used: it refuses CPU tensors, replaces timm's layers by ones
without their activation, and waits for the GPU in every layer to learn how many pictures each
process holds, which is always the same number here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from lightning.pytorch.strategies import DDPStrategy
from torch import Tensor, distributed
from torch.autograd import Function
from torch.distributed import PrefixStore, TCPStore  # type: ignore[attr-defined]
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from hilum.errors import TrainingError

__all__ = ["OneBatch", "OneBatchStrategy", "refuse_different_starts"]

_DROPOUTS = (
    functional.dropout,
    functional.dropout1d,
    functional.dropout2d,
    functional.dropout3d,
)


class OneBatch(TorchFunctionMode):
    """While it is entered, batch normalisation and dropout act on the batch of all processes.

    Every process must hold equally many pictures, run the same layers in the same order, and have
    seeded torch's generator alike.

    Args:
        rank: This process.
        processes: All of them; their group is torch's default one.
    """

    def __init__(self, rank: int, processes: int) -> None:
        super().__init__()
        self.rank = rank
        self.processes = processes

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run `func`, or what stands in for it."""
        del types
        kwargs = kwargs or {}
        if func is functional.batch_norm:
            return _batch_norm(self.processes, *args, **kwargs)
        if func in _DROPOUTS:
            return self._dropout(func, *args, **kwargs)
        return func(*args, **kwargs)

    def _dropout(
        self,
        func: Callable[..., Tensor],
        images: Tensor,
        p: float = 0.5,
        training: bool = True,
        inplace: bool = False,
    ) -> Tensor:
        """Draw the mask of the whole batch and use this process's part of it."""
        del inplace
        if not training or p == 0:
            return images
        count = images.shape[0]
        whole = images.new_ones((count * self.processes, *images.shape[1:]))
        mask = func(whole, p, True)
        return images * mask[self.rank * count : (self.rank + 1) * count]


class _Statistics(NamedTuple):
    """What a batch is normalised with."""

    mean: Tensor
    variance: Tensor
    values: int
    """Values a channel they were taken over."""


def _batch_norm(
    processes: int,
    images: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    *,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Do what torch's `batch_norm` does, with the mean and variance of all processes' pictures."""
    if not training:
        return functional.batch_norm(images, running_mean, running_var, weight, bias, eps=eps)
    found = _statistics(images.detach(), processes)
    with torch.no_grad():
        if running_mean is not None:
            running_mean.lerp_(found.mean, momentum)
        if running_var is not None:
            running_var.lerp_(found.variance * (found.values / (found.values - 1)), momentum)
    scale = torch.ones_like(found.mean) if weight is None else weight
    shift = torch.zeros_like(found.mean) if bias is None else bias
    normalized: Tensor = _Normalized.apply(images, scale, shift, found, eps)
    return normalized


def _exact(images: Tensor) -> torch.dtype:
    """Return the type to reckon in: at least 32 bits."""
    return torch.promote_types(images.dtype, torch.float32)


def _statistics(images: Tensor, processes: int) -> _Statistics:
    """Return mean and variance (c,) over all processes' pictures, which are equally many.

    Means and variances are combined rather than sums of squares, which lose digits where the mean
    is far from zero.
    """
    over = [axis for axis in range(images.dim()) if axis != 1]
    variance, mean = torch.var_mean(images.to(_exact(images)), over, correction=0)
    own = torch.stack([mean, variance])
    parts = [torch.empty_like(own) for _ in range(processes)]
    distributed.all_gather(parts, own)
    means, variances = torch.stack(parts).unbind(1)
    centre = means.mean(0)
    spread = (variances + (means - centre).square()).mean(0)
    return _Statistics(centre, spread, images.numel() // images.shape[1] * processes)


class _Normalized(Function):
    """(x - mean) / deviation * scale + shift, where mean and deviation are all processes'."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, *how: Any) -> Tensor:
        """Normalise as a trained network does, with statistics that are given."""
        scale, shift, found, eps = how
        ctx.save_for_backward(images, scale, found.mean, found.variance)
        ctx.eps, ctx.count = eps, found.values
        return functional.batch_norm(images, found.mean, found.variance, scale, shift, eps=eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Add what the statistics' own dependence on every picture brings (one sum over all)."""
        (gradient,) = gradients
        images, scale, mean, variance = ctx.saved_tensors
        direct, d_scale, d_shift = torch.ops.aten.native_batch_norm_backward(
            gradient, images, scale, mean, variance, None, None, False, ctx.eps,
            [True, True, True],
        )  # fmt: skip
        sums = torch.stack([d_shift, d_scale])
        distributed.all_reduce(sums)
        shape = [-1 if axis == 1 else 1 for axis in range(images.dim())]
        of_shift, of_scale, centre, inverse, factor = (
            each.to(_exact(images)).reshape(shape)
            for each in (*sums, mean, torch.rsqrt(variance + ctx.eps), scale)
        )
        through = of_shift + (images - centre) * (inverse * of_scale)
        found = direct - through * (factor * inverse / ctx.count)
        return found.to(images.dtype), d_scale, d_shift, None, None


class OneBatchStrategy(DDPStrategy):
    """Lightning's data-parallel training, each step on one batch of all processes.

    Args:
        attempt: How often torchrun has started the processes anew.
    """

    def __init__(self, attempt: int = 0) -> None:
        super().__init__()
        self.attempt = attempt

    def setup_distributed(self) -> None:
        """Let the processes meet.

        A restarted group meets at the same place as the one before, in torchrun's own process, and
        would wait there for those that are dead. So each attempt has a corner of its own.
        """
        where = self.cluster_environment
        if self.attempt and where is not None and not distributed.is_initialized():
            self.set_world_ranks()
            place = TCPStore(where.main_address, where.main_port, is_master=False)
            distributed.init_process_group(
                self._get_process_group_backend(),
                store=PrefixStore(f"attempt-{self.attempt}", place),
                rank=self.global_rank,
                world_size=self.world_size,
            )
        super().setup_distributed()

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Run the module's step with statistics and draws of the whole batch."""
        with OneBatch(self.global_rank, self.world_size):
            return super().training_step(*args, **kwargs)


def refuse_different_starts(epoch: int) -> None:
    """See that every process begins with the same epoch.

    Args:
        epoch: The one this process begins with.

    Raises:
        TrainingError: If they differ, because they do not see the same checkpoints.
    """
    if not (distributed.is_available() and distributed.is_initialized()):
        return
    epochs: list[int] = [0] * distributed.get_world_size()
    distributed.all_gather_object(epochs, epoch)
    if len({*epochs}) > 1:
        raise TrainingError(
            f"The processes would begin with different epochs: {epochs}. --out must be a folder "
            "that all of them see, so that they resume from the same checkpoint."
        )
