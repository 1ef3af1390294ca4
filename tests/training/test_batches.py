from __future__ import annotations

import numpy as np
import pytest
import torch

from hilum.data.preprocessing import Preprocessing, normalize
from hilum.errors import ConfigError
from hilum.training.batches import ListedBatches, ShareBatches, ShuffledBatches
from hilum.training.datamodule import SplitBatches
from hilum.training.module import InputScaler, probabilities


def test_an_epoch_sees_every_image_once_but_the_incomplete_rest() -> None:
    batches = list(ShuffledBatches(50, batch_size=8, seed=0))
    seen = np.concatenate(batches)
    assert len(batches) == 6
    assert np.unique(seen).size == 48


def test_the_order_follows_from_seed_and_epoch() -> None:
    first, again = (ShuffledBatches(50, batch_size=8, seed=3) for _ in range(2))
    assert np.array_equal(np.concatenate(list(first)), np.concatenate(list(again)))
    again.set_epoch(1)
    assert not np.array_equal(np.concatenate(list(first)), np.concatenate(list(again)))


def test_processes_share_the_same_global_batch() -> None:
    whole = list(ShuffledBatches(50, batch_size=8, seed=0))
    parts = [list(ShuffledBatches(50, batch_size=8, seed=0, rank=r, processes=2)) for r in (0, 1)]
    for batch, left, right in zip(whole, *parts, strict=True):
        assert np.array_equal(batch, np.concatenate([left, right]))


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    with pytest.raises(ConfigError, match="must be a multiple of 3; got 8"):
        ShuffledBatches(50, batch_size=8, seed=0, processes=3)


def test_a_split_smaller_than_a_batch_is_refused() -> None:
    with pytest.raises(ConfigError, match="5 images, fewer than"):
        ShuffledBatches(5, batch_size=8, seed=0)


def test_validation_sees_every_image_once_whatever_the_number_of_processes() -> None:
    parts = [list(SplitBatches(11, batch_size=4, rank=r, processes=3)) for r in range(3)]
    seen = np.concatenate([batch for part in parts for batch in part])
    assert sorted(seen) == list(range(11))


@pytest.mark.parametrize("channels", [1, 3])
def test_training_scales_pictures_as_screening_does_to_the_bit(channels: int) -> None:
    how = Preprocessing(
        size=16, channels=channels, mean=(0.485, 0.456, 0.406)[:channels], std=(0.229,)
    )
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    scaler = InputScaler(how)
    ours = scaler(scaler.to_unit(torch.from_numpy(pictures))).numpy()
    assert np.array_equal(ours, normalize(pictures, how))


def test_one_logit_gives_two_probabilities() -> None:
    found = probabilities(torch.tensor([[0.0], [2.0]]))
    assert torch.allclose(found.sum(1), torch.ones(2, dtype=torch.float64))
    assert found[0, 1] == 0.5
    assert found[1, 1] == pytest.approx(1 / (1 + np.exp(-2.0)))


LABELS = np.array([0] * 60 + [1] * 40 + [2] * 10)


def share_batches(**changes: object) -> ShareBatches:
    options = {"wanted": 2, "share": 0.3, "round_down": True, "batch_size": 8, "seed": 0}
    return ShareBatches(LABELS, **{**options, **changes})  # type: ignore[arg-type]


def test_a_share_rounded_down_gives_two_of_eight_as_the_published_code_does() -> None:
    held = [int((LABELS[batch] == 2).sum()) for batch in share_batches()]
    assert held == [2] * 16  # 100 others, six a batch


def test_a_share_on_average_is_met_over_the_epoch_and_never_off_by_one_image() -> None:
    batches = list(share_batches(round_down=False))
    held = [int((LABELS[batch] == 2).sum()) for batch in batches]
    assert set(held) == {2, 3}
    assert abs(sum(held) - 0.3 * 8 * len(batches)) < 1


@pytest.mark.parametrize("round_down", [True, False])
def test_an_epoch_of_shares_sees_other_images_once_and_the_class_evenly(round_down: bool) -> None:
    seen = np.concatenate(list(share_batches(round_down=round_down)))
    counts = np.bincount(seen, minlength=LABELS.size)
    assert counts[LABELS != 2].max() == 1
    assert (counts[LABELS != 2] == 0).sum() < 8
    assert np.ptp(counts[LABELS == 2]) <= 1


def test_batches_of_shares_are_shared_out_over_processes() -> None:
    whole = list(share_batches())
    parts = [list(share_batches(rank=rank, processes=2)) for rank in (0, 1)]
    for batch, left, right in zip(whole, *parts, strict=True):
        assert np.array_equal(batch, np.concatenate([left, right]))


def test_a_share_of_less_than_one_image_is_refused() -> None:
    with pytest.raises(ConfigError, match="gives 0 of 8 images a batch"):
        share_batches(share=0.1)


def test_listed_batches_come_as_they_stand_in_every_epoch() -> None:
    batches = ListedBatches(20, batch_size=8, seed=4)
    batches.set_epoch(3)
    assert np.array_equal(np.concatenate(list(batches)), np.arange(16))
