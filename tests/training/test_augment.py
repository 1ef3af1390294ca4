from __future__ import annotations

import pytest
import torch

from hilum.training.augment import augment
from hilum.training.batches import Place
from hilum.training.recipe import Augmentation


def pictures(count: int = 4, side: int = 33) -> torch.Tensor:
    return torch.rand(count, 1, side, side, generator=torch.Generator().manual_seed(0))


def changed(images: torch.Tensor, seed: int = 1, **how: object) -> torch.Tensor:
    settings = Augmentation.model_validate(how)
    return augment(images, settings, torch.Generator().manual_seed(seed))


def test_nothing_asked_for_changes_nothing() -> None:
    images = pictures()
    assert torch.equal(changed(images), images)


def test_a_certain_flip_is_a_mirror() -> None:
    images = pictures()
    assert torch.allclose(changed(images, flip=1.0), images.flip(3), atol=1e-5)


def test_a_flip_by_half_mirrors_some_images_and_not_others() -> None:
    images = pictures(40)
    result = changed(images, flip=0.5)
    kept = sum(torch.allclose(a, b, atol=1e-5) for a, b in zip(result, images, strict=True))
    assert 8 < kept < 32


@pytest.mark.parametrize(
    "how",
    [{"rotation_deg": 15}, {"translate": 0.2}, {"scale": (0.8, 1.2)}, {"brightness": 0.3},
     {"contrast": 0.3}, {"gamma": 0.5}, {"sharpness": 0.7}, {"noise": 0.05}, {"erase": 1.0}],
)  # fmt: skip
def test_every_image_has_its_own_draw(how: dict[str, object]) -> None:
    one = pictures(1).repeat(4, 1, 1, 1)
    result = changed(one, **how)
    assert all(not torch.equal(result[0], other) for other in result[1:])


def test_the_same_seed_gives_the_same_pictures() -> None:
    images = pictures()
    how = {"rotation_deg": 10, "brightness": 0.2}
    assert torch.equal(changed(images, seed=3, **how), changed(images, seed=3, **how))
    assert not torch.equal(changed(images, seed=3, **how), changed(images, seed=4, **how))


def test_a_rotation_by_a_right_angle_turns_the_picture() -> None:
    image = torch.zeros(1, 1, 33, 33)
    image[..., 16, 28] = 1.0
    angles = set()
    for seed in range(20):
        place = changed(image, seed=seed, rotation_deg=180)[0, 0].argmax().item()
        radius = ((place // 33 - 16) ** 2 + (place % 33 - 16) ** 2) ** 0.5
        assert 10.5 < radius < 13.5
        angles.add(place)
    assert len(angles) > 10


def test_magnification_makes_a_square_larger() -> None:
    image = torch.zeros(1, 1, 64, 64)
    image[..., 22:42, 22:42] = 1.0
    larger = changed(image, scale=(1.5, 1.5))
    assert larger.sum() / image.sum() == pytest.approx(2.25, rel=0.05)


def test_what_comes_from_outside_is_black() -> None:
    image = torch.ones(1, 1, 32, 32)
    assert changed(image, scale=(0.5, 0.5))[0, 0, 0, 0] == 0


def test_brightness_stays_in_range() -> None:
    result = changed(pictures(20), brightness=0.9, contrast=0.9)
    assert result.min() >= 0
    assert result.max() <= 1


def test_gamma_keeps_the_order_of_greys_and_both_ends() -> None:
    images = pictures()
    images[:, :, 0, 0], images[:, :, 0, 1] = 0.0, 1.0
    result = changed(images, gamma=1.0)
    for before, after in zip(images, result, strict=True):
        assert torch.equal(before.flatten().argsort(), after.flatten().argsort())
        assert (after[0, 0, 0], after[0, 0, 1]) == (0.0, 1.0)


def test_an_erased_rectangle_is_of_one_grey_and_of_the_size_said() -> None:
    images = pictures(20, 100)
    result = changed(images, erase=1.0)
    share = (result != images).float().mean((1, 2, 3))
    assert share.min() > 0.03
    assert share.max() < 0.27
    grey = result[0][result[0] != images[0]]
    assert torch.allclose(grey, images[0].mean())


def test_a_borrowed_look_keeps_the_shapes_and_takes_the_contrast() -> None:
    rows = torch.linspace(0, 6.28, 64)
    one = (0.5 + 0.05 * torch.sin(3 * rows)).expand(1, 64, 64)
    other = (0.5 + 0.45 * torch.sin(3 * rows)).expand(1, 64, 64).transpose(1, 2)
    images = torch.stack([one, one.roll(7, 2), one.roll(3, 2), other])
    for seed in range(5):
        result = changed(images, seed=seed, look=1.0)
        waves = torch.fft.rfft2(result).angle()
        assert torch.allclose(result.mean((1, 2, 3)), images.mean((1, 2, 3)), atol=0.05)
        before = torch.fft.rfft2(images[0]).angle()[0, 0, 3]
        assert waves[0, 0, 0, 3] == pytest.approx(before.item(), abs=0.05)


def test_grain_has_no_more_than_the_strength_asked_for() -> None:
    images = torch.full((8, 1, 64, 64), 0.5)
    spread = (changed(images, noise=0.1) - images).std(dim=(1, 2, 3))
    assert spread.max() < 0.105
    assert spread.max() > 0.02


def test_two_processes_change_looks_as_one_does() -> None:
    images = pictures(6)
    how = Augmentation(gamma=0.5, sharpness=0.5, noise=0.05, erase=0.5)
    whole = augment(images, how, torch.Generator().manual_seed(5))
    parts = [
        augment(part, how, torch.Generator().manual_seed(5), Place(first, 6))
        for first, part in ((0, images[:3]), (3, images[3:]))
    ]
    assert torch.allclose(torch.cat(parts), whole, atol=1e-6)
