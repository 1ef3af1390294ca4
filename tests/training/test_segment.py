"""Fitting the lung segmenter: the films it is shown, and the bundle that comes of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.data.phantom import HOSPITALS
from hilum.data.preprocessing import Preprocessing, to_uint8
from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError, ConfigError, DataError
from hilum.screening.lungs import LungSegmenter
from hilum.screening.lungs_quality import overlap
from hilum.screening.lungs_truth import DrawnLungs, films_with_masks
from hilum.training import SegmentSettings, segment_bundle, train_segmenter
from hilum.training.segment import fit_unet, soft_dice
from hilum.training.segment_augment import augment_films, not_chests
from hilum.training.segment_films import LungFilms, draw_phantoms, prepare_films
from hilum.training.segment_strangers import STRANGERS

QUICK = SegmentSettings(size=64, epochs=14, phantoms=0, films_per_epoch=48, batch_size=8)


def lungs_of(height: int, width: int, wide: float = 0.13) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:height, :width]
    y, x = (rows + 0.5) / height, (columns + 0.5) / width
    sides = [((y - 0.5) / 0.3) ** 2 + ((x - place) / wide) ** 2 < 1 for place in (0.3, 0.7)]
    return np.asarray(sides[0] | sides[1])


def film_of(lungs: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.uint8]:
    return np.clip(np.where(lungs, 60, 180) + rng.normal(0, 8, lungs.shape), 0, 255).astype("u1")


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twenty films of as many people, two dark ellipses each: 12 train, 4 val, 4 test."""
    folder = tmp_path_factory.mktemp("ellipses")
    rng = np.random.default_rng(9)
    rows = []
    for number in range(20):
        lungs = lungs_of(100, 90 + number, 0.11 + 0.002 * number)
        Image.fromarray(film_of(lungs, rng)).save(folder / f"{number}.png")
        Image.fromarray(lungs).save(folder / f"mask-{number}.png")
        split = "train" if number < 12 else "val" if number < 16 else "test"
        rows.append((f"{number}.png", f"p{number}", "drawn", "any", split, f"mask-{number}.png"))
    columns = ["path", "patient_id", "source", "label", "split", "lung_mask"]
    return Manifest.from_frame(pl.DataFrame(rows, schema=columns, orient="row"), folder)


def drawn(pixels: NDArray[np.uint8], mask: NDArray[np.bool_]) -> DrawnLungs:
    shape = (pixels.shape[0], pixels.shape[1])
    film = Radiograph(pixels=pixels, white=255, format="png", sha256="", full_shape=shape)
    return DrawnLungs(film=film, mask=mask, source="s", patient=("s", "1"), path=Path("1.png"))


# Films


@pytest.mark.parametrize("square", ["pad", "stretch"])
@pytest.mark.parametrize("shape", [(80, 120), (120, 80)])
def test_a_mask_goes_where_its_film_goes(shape: tuple[int, int], square: str) -> None:
    lungs = lungs_of(*shape)
    how = Preprocessing(size=64, square=square)  # type: ignore[arg-type]
    films = prepare_films([drawn(np.where(lungs, 255, 60).astype(np.uint8), lungs)], how)
    assert overlap(films.pictures[0] > 157, films.masks[0] > 127)[0] > 0.97


def test_preparing_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="films must not be empty"):
        prepare_films([], QUICK.preprocessing)


def test_phantoms_come_from_every_hospital_with_the_lung_behind_the_heart() -> None:
    found = list(draw_phantoms(6, 96, np.random.default_rng(1)))
    assert [one.source for one in found[:5]] == [hospital.name for hospital in HOSPITALS]
    assert found[5].source == HOSPITALS[0].name
    assert found[0].patient != found[5].patient


def test_the_lung_field_takes_in_the_lung_mask_and_more() -> None:
    from hilum.data.phantom import draw_phantom

    phantom = draw_phantom(np.random.default_rng(4), size=128)
    assert not (phantom.lung_mask & ~phantom.lung_field).any()
    assert phantom.lung_field.sum() > 1.05 * phantom.lung_mask.sum()


# Augmentation


def squares() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    masks = np.stack([lungs_of(64, 64)] * 16).astype(np.uint8) * 255
    return 255 - masks // 2, masks


def test_augmentation_keeps_the_scale_and_changes_every_film() -> None:
    films, lungs = augment_films(*squares(), torch.Generator().manual_seed(1))
    assert films.shape == lungs.shape == (16, 1, 64, 64)
    assert 0 <= float(films.min()) <= float(films.max()) <= 1
    assert 0 <= float(lungs.min()) <= float(lungs.max()) <= 1
    assert all(not torch.equal(films[0], other) for other in films[1:])


def test_the_mask_moves_with_the_film() -> None:
    pictures, masks = squares()
    films, lungs = augment_films(pictures, masks, torch.Generator().manual_seed(2))
    inside = [float(film[lung > 0.9].mean()) for film, lung in zip(films, lungs, strict=True)]
    body = (lungs < 0.1) & (films > 0.02)
    outside = [float(film[part].mean()) for film, part in zip(films, body, strict=True)]
    darker = sum(dark < bright for dark, bright in zip(inside, outside, strict=True))
    assert darker >= 14


def test_the_same_draws_give_the_same_films() -> None:
    one, two = (augment_films(*squares(), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(one[0], two[0])
    assert torch.equal(one[1], two[1])


def test_pictures_that_are_no_chest_lie_in_the_scale() -> None:
    chests = torch.rand(3, 1, 64, 64, generator=torch.Generator().manual_seed(1))
    upright = [*chests, *chests.flip(3)]
    generator = torch.Generator().manual_seed(2)
    for _ in range(12):
        noise, turned = not_chests(chests, generator)
        assert 0 <= float(noise.min()) < float(noise.max()) <= 1
        assert noise.shape == turned.shape == (1, 64, 64)
        greys = torch.sort(turned.flatten()).values
        assert any(torch.equal(greys, torch.sort(film.flatten()).values) for film in chests)
        assert not any(torch.equal(turned, film) for film in upright)


@pytest.mark.parametrize("name", list(STRANGERS))
def test_a_stranger_is_an_8_bit_picture_other_than_its_film(name: str) -> None:
    rng = np.random.default_rng(1)
    film = drawn(film_of(lungs_of(90, 120), rng), lungs_of(90, 120)).film
    made = STRANGERS[name](film, rng)
    assert made.dtype == np.uint8
    assert made.ndim == 2
    assert not np.array_equal(made, to_uint8(film))


# Fitting


def test_the_loss_is_one_minus_dice_of_probabilities() -> None:
    lungs = torch.zeros(2, 1, 4, 4)
    lungs[0, 0, :2] = 1
    sure = torch.where(lungs > 0, 50.0, -50.0)
    assert soft_dice(sure, lungs).tolist() == pytest.approx([0, 0])
    assert soft_dice(-sure, lungs).tolist() == pytest.approx([1 - 1 / 17, 1 - 1 / 17])


def films_of(manifest: Manifest) -> LungFilms:
    return prepare_films(films_with_masks(manifest, "train"), QUICK.preprocessing)


def test_the_same_seed_gives_the_same_weights(manifest: Manifest) -> None:
    settings = SegmentSettings(size=64, epochs=1, phantoms=0, films_per_epoch=8, batch_size=4)
    films = films_of(manifest)
    one, two = (fit_unet(films, films, settings).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)
    other = SegmentSettings(size=64, epochs=1, phantoms=0, films_per_epoch=8, batch_size=4, seed=1)
    three = fit_unet(films, films, other).state_dict()
    assert not torch.equal(one["stem.weight"], three["stem.weight"])


def test_fitting_leaves_the_callers_random_numbers_alone(manifest: Manifest) -> None:
    settings = SegmentSettings(size=64, epochs=1, phantoms=0, films_per_epoch=4, batch_size=4)
    before = torch.random.get_rng_state()
    fit_unet(films_of(manifest), None, settings)
    assert torch.equal(before, torch.random.get_rng_state())


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 100}, "size must be a multiple of 16 from 64, got 100"),
        ({"epochs": 0}, "epochs must be at least 1"),
        ({"phantoms": -1}, "phantoms must be at least 0"),
        ({"batch_size": 400}, "batch_size must be in"),
        ({"learning_rate": 2.0}, "learning_rate must be in"),
        ({"seed": -1}, "seed must be at least 0"),
    ],
)
def test_settings_that_cannot_be_honoured_are_refused(
    changes: dict[str, int | float], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        SegmentSettings(**changes)  # type: ignore[arg-type]


# The bundle


@pytest.fixture(scope="module")
def trained(manifest: Manifest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segmenter of ellipses, measured on a tenth of the phantoms."""
    folder = tmp_path_factory.mktemp("trained") / "segmenter"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segment_bundle, "_HELD_OUT", 5)
        train_segmenter(manifest, folder, QUICK, command=("hilum", "segment", "train"))
    return folder


def test_a_trained_segmenter_finds_ellipses_it_never_saw(trained: Path, manifest: Manifest) -> None:
    segmenter = LungSegmenter.load(trained)
    films = list(films_with_masks(manifest, "test"))
    assert all(overlap(segmenter.mask(one.film).mask, one.mask)[0] > 0.8 for one in films)


def test_the_record_says_what_was_learnt_from_and_measured(
    trained: Path, manifest: Manifest
) -> None:
    record = LungSegmenter.load(trained).bundle.record
    assert record.training["n_images"] == 12
    assert record.training["manifest_sha256"] == manifest.sha256
    assert record.measured["dice_by_source"]["drawn"]["films"] == 4
    assert record.measured["dice_by_source"]["hospital-a"]["subjects"] == 2
    assert set(record.measured["called_poor"]) == {*STRANGERS}
    assert record.measured["parity"]["largest_difference"] <= 1e-4


def test_the_card_names_figures_and_limits(trained: Path) -> None:
    card = (trained / "README.md").read_text(encoding="utf-8")
    assert "**Research use only.**" in card
    assert "| drawn | 4 | 4 |" in card
    assert "| balance |" in card


def test_the_weights_fit_the_network(trained: Path) -> None:
    from hilum.models.unet import UNet

    weights = LungSegmenter.load(trained).bundle.load_weights()
    tensors = {name: torch.from_numpy(np.array(value)) for name, value in weights.items()}
    UNet().load_state_dict(tensors)


def test_a_folder_that_is_taken_is_refused_before_training(
    trained: Path, manifest: Manifest
) -> None:
    with pytest.raises(BundleError, match="already something at"):
        train_segmenter(manifest, trained, QUICK)


def test_a_network_that_found_nothing_is_not_written(
    manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = SegmentSettings(size=64, epochs=1, phantoms=0, films_per_epoch=4, batch_size=4)
    monkeypatch.setattr(segment_bundle, "_HELD_OUT", 5)
    with pytest.raises(DataError, match="nothing to know a good mask by"):
        train_segmenter(manifest, tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()


def test_a_manifest_without_test_masks_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    short = Manifest.from_frame(manifest.frame.filter(pl.col("split") != "test"), manifest.root)
    with pytest.raises(DataError, match="lung mask in split 'test'"):
        train_segmenter(short, tmp_path / "out", QUICK)
