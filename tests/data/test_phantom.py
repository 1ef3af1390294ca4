"""Drawing one phantom: what is in the picture, and what the masks say of it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from hilum.data.phantom import HOSPITALS, Phantom, Subject, draw_phantom, lesions
from hilum.errors import ConfigError

FINDINGS = ["consolidation", "ground_glass", "nodule"]
SIZE = 160


def drawn(seed: int = 0, **options: object) -> Phantom:
    return draw_phantom(np.random.default_rng(seed), **{"size": SIZE, **options})  # type: ignore[arg-type]


def test_the_same_seed_draws_the_same_picture() -> None:
    first, second = drawn(3, label="nodule"), drawn(3, label="nodule")
    assert np.array_equal(first.pixels, second.pixels)
    assert np.array_equal(first.lesion_mask, second.lesion_mask)
    assert first.subject == second.subject


def test_another_seed_draws_another_subject() -> None:
    assert drawn(1).subject != drawn(2).subject
    assert not np.array_equal(drawn(1).pixels, drawn(2).pixels)


def test_a_subject_handed_back_keeps_its_anatomy_on_another_film() -> None:
    first = drawn(1)
    again = drawn(2, subject=first.subject)
    assert again.subject == first.subject
    assert (again.sex, again.age) == (first.sex, first.age)
    assert not np.array_equal(again.pixels, first.pixels)


@pytest.mark.parametrize("hospital", [hospital.name for hospital in HOSPITALS])
def test_every_hospital_prints_its_own_shape_with_the_shorter_side_as_asked(hospital: str) -> None:
    phantom = drawn(0, hospital=hospital)
    assert min(phantom.pixels.shape) == SIZE
    assert phantom.pixels.dtype == np.uint8
    assert phantom.lung_mask.shape == phantom.lesion_mask.shape == phantom.pixels.shape


@pytest.mark.parametrize("seed", range(6))
def test_lungs_are_darker_than_the_heart_and_brighter_than_free_air(seed: int) -> None:
    phantom = drawn(seed)
    lungs = np.median(phantom.pixels[phantom.lung_mask])
    between = phantom.pixels[SIZE // 2 - 8 : SIZE // 2 + 8, SIZE // 2 - 5 : SIZE // 2 + 5]
    assert phantom.pixels.min() < lungs < np.median(between)


@pytest.mark.parametrize("seed", range(6))
def test_the_lungs_are_two_and_fill_a_likely_share_of_the_film(seed: int) -> None:
    mask = drawn(seed).lung_mask
    left, right = mask[:, : SIZE // 2].mean(), mask[:, SIZE // 2 :].mean()
    assert 0.12 < mask.mean() < 0.42
    assert left > 0.1
    assert right > 0.1


def test_the_heart_makes_the_left_lung_the_smaller_one() -> None:
    masks = [drawn(seed).lung_mask for seed in range(8)]
    right = np.mean([mask[:, : SIZE // 2].sum() for mask in masks])
    left = np.mean([mask[:, SIZE // 2 :].sum() for mask in masks])
    assert left < right


@pytest.mark.parametrize("label", FINDINGS)
@pytest.mark.parametrize("seed", range(4))
def test_a_finding_lies_within_the_lungs(label: str, seed: int) -> None:
    phantom = drawn(seed, label=label)
    assert phantom.lesion_mask.any()
    assert not (phantom.lesion_mask & ~phantom.lung_mask).any()


@pytest.mark.parametrize("label", FINDINGS)
@pytest.mark.parametrize("seed", range(4))
def test_a_finding_brightens_the_very_film_it_is_drawn_into(label: str, seed: int) -> None:
    sick, well = drawn(seed, label=label, severity=0.6), drawn(seed)
    change = sick.pixels.astype(int) - well.pixels
    elsewhere = sick.lung_mask & ~sick.lesion_mask
    assert change[sick.lesion_mask].mean() > 4
    assert change[sick.lesion_mask].mean() > change[elsewhere].mean() + 4


@pytest.mark.parametrize("label", FINDINGS)
def test_a_graver_finding_is_brighter(label: str) -> None:
    grave, faint = drawn(5, label=label, severity=1.0), drawn(5, label=label, severity=0.1)
    both = grave.lesion_mask & faint.lesion_mask
    assert grave.pixels[both].mean() > faint.pixels[both].mean()


def test_a_normal_film_has_no_lesion_and_no_severity() -> None:
    phantom = drawn(0)
    assert not phantom.lesion_mask.any()
    assert phantom.severity == 0


def test_ground_glass_lies_in_both_lungs() -> None:
    for seed in range(4):
        mask = drawn(seed, label="ground_glass").lesion_mask
        assert mask[:, : SIZE // 2].any()
        assert mask[:, SIZE // 2 :].any()


def test_the_view_can_be_asked_for() -> None:
    assert {drawn(seed, view="AP").view for seed in range(5)} == {"AP"}
    assert {drawn(seed, hospital="hospital-c").view for seed in range(12)} == {"AP", "PA"}


def test_anatomy_keeps_its_place_when_the_size_changes() -> None:
    small = drawn(4, size=128).lung_mask
    large = drawn(4, size=256).lung_mask.reshape(128, 2, 128, 2).mean(axis=(1, 3)) > 0.5
    assert (small & large).sum() / (small | large).sum() > 0.95


def test_subjects_differ_in_sex_age_and_build() -> None:
    subjects = [Subject.draw(np.random.default_rng(seed)) for seed in range(200)]
    assert 60 < sum(subject.sex == "F" for subject in subjects) < 140
    assert min(subject.age for subject in subjects) >= 18
    assert np.std([subject.half_width for subject in subjects]) > 4


def test_an_unknown_finding_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"no finding called 'nodul'. Did you mean 'nodule'"):
        drawn(0, label="nodul")


def test_an_unknown_hospital_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match=r"No hospital called 'hospital-z'. Did you mean"):
        drawn(0, hospital="hospital-z")


@pytest.mark.parametrize("size", [63, 2049])
def test_a_size_out_of_range_is_refused(size: int) -> None:
    with pytest.raises(ConfigError, match=rf"size must be in \[64, 2048\] pixels, got {size}"):
        drawn(0, size=size)


@pytest.mark.parametrize("severity", [-0.1, 1.5, float("nan")])
def test_a_severity_out_of_range_is_refused(severity: float) -> None:
    with pytest.raises(ConfigError, match=r"severity must be in \[0, 1\]"):
        drawn(0, severity=severity)


def test_findings_are_registered_by_name() -> None:
    assert list(lesions) == ["consolidation", "ground_glass", "nodule", "normal"]


def test_a_phantom_is_read_like_any_film() -> None:
    reading = pytest.importorskip("hilum.data.reading")
    phantom = drawn(0)
    file = io.BytesIO()
    Image.fromarray(phantom.pixels).save(file, "PNG")
    assert np.array_equal(reading.read_radiograph(file.getvalue()).pixels, phantom.pixels)
