"""The learning rate, as a function of the step and of the validation history alone.

Kept apart from the framework's schedulers so that a resumed run needs no scheduler state: constant
and cosine follow from the step, plateau from the metrics already logged.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from hilum.training.recipe import Schedule

__all__ = ["learning_rate"]


def learning_rate(
    schedule: Schedule,
    base: float,
    *,
    step: int,
    total_steps: int,
    history: Sequence[float] = (),
    higher_is_better: bool = False,
) -> float:
    """Return the learning rate of one step.

    Args:
        schedule: Which curve.
        base: The recipe's learning rate.
        step: Steps already taken.
        total_steps: Steps in the whole run.
        history: Values of the plateau's metric after each epoch so far.
        higher_is_better: Which way that metric improves.

    References:
        Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017,
        equation 5, for the cosine.
    """
    if schedule.name == "plateau":
        return base * schedule.factor ** _reductions(schedule.patience, history, higher_is_better)
    rising = int(schedule.warmup * total_steps)
    if step < rising:
        return base * (step + 1) / rising
    if schedule.name == "constant":
        return base
    done = (step - rising) / max(total_steps - rising, 1)
    return base * 0.5 * (1 + math.cos(math.pi * done))


def _reductions(patience: int, history: Sequence[float], higher_is_better: bool) -> int:
    """Count how often more than `patience` epochs in a row brought no improvement."""
    best, waited, reductions = -math.inf, 0, 0
    for value in history:
        signed = value if higher_is_better else -value
        if signed > best:
            best, waited = signed, 0
            continue
        waited += 1
        if waited > patience:
            reductions, waited = reductions + 1, 0
    return reductions
