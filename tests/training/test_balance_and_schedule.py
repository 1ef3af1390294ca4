from __future__ import annotations

import numpy as np
import pytest

from hilum.errors import ConfigError
from hilum.training.balance import class_weights
from hilum.training.recipe import Schedule
from hilum.training.schedule import learning_rate


def test_balanced_weights_give_every_class_the_same_say() -> None:
    counts = np.array([80, 15, 5])
    weights = class_weights(counts, "balanced")
    assert np.allclose(weights * counts, (weights * counts)[0])


@pytest.mark.parametrize("rule", ["none", "balanced", (1.0, 1.0, 6.0)])
def test_the_mean_weight_over_images_is_one(rule: object) -> None:
    counts = np.array([80, 15, 5])
    weights = class_weights(counts, rule)  # type: ignore[arg-type]
    assert (weights * counts).sum() / counts.sum() == pytest.approx(1)


def test_given_weights_keep_their_ratios() -> None:
    weights = class_weights(np.array([10, 10, 2]), (1, 1, 6))
    assert weights[2] / weights[0] == pytest.approx(6)


def test_a_class_without_images_is_refused() -> None:
    with pytest.raises(
        ConfigError, match=r"Every class needs training images, got counts \[3, 0\]"
    ):
        class_weights(np.array([3, 0]), "balanced")


def test_the_wrong_number_of_weights_is_refused() -> None:
    with pytest.raises(ConfigError, match="3 values for 2 classes"):
        class_weights(np.array([3, 1]), (1, 2, 3))


def rate(schedule: Schedule, step: int, **history: object) -> float:
    return learning_rate(schedule, 0.1, step=step, total_steps=100, **history)  # type: ignore[arg-type]


def test_constant_stays() -> None:
    assert {rate(Schedule(), step) for step in range(100)} == {0.1}


def test_cosine_falls_from_the_base_to_nothing_through_half() -> None:
    cosine = Schedule(name="cosine")
    assert rate(cosine, 0) == pytest.approx(0.1)
    assert rate(cosine, 50) == pytest.approx(0.05)
    assert rate(cosine, 100) == pytest.approx(0, abs=1e-12)


def test_warm_up_rises_in_equal_steps() -> None:
    warm = Schedule(name="cosine", warmup=0.1)
    rises = [rate(warm, step) for step in range(10)]
    assert rises == pytest.approx([0.01 * (step + 1) for step in range(10)])


def test_plateau_reduces_after_more_than_patience_epochs_without_improvement() -> None:
    plateau = Schedule(name="plateau", patience=2, factor=0.5)
    losses = [1.0, 0.9, 0.9, 0.9]
    assert rate(plateau, 0, history=losses) == pytest.approx(0.1)
    assert rate(plateau, 0, history=[*losses, 0.9]) == pytest.approx(0.05)
    assert rate(plateau, 0, history=[*losses, 0.9, 0.9, 0.9, 0.9]) == pytest.approx(0.025)


def test_plateau_agrees_with_torch() -> None:
    import torch

    rng = np.random.default_rng(2)
    values = rng.random(60).tolist()
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    theirs = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, mode="max", factor=0.7, patience=5, threshold=0
    )
    ours = Schedule(name="plateau", patience=5, factor=0.7)
    for count in range(1, 61):
        theirs.step(values[count - 1])
        mine = rate(ours, 0, history=values[:count], higher_is_better=True)
        assert mine == pytest.approx(optimizer.param_groups[0]["lr"])
