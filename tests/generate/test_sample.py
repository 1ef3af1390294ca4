"""Drawing is repeatable, ends of a walk are reconstructions, and files say what they are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.generate.conftest import SIDE, draw_discs

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.errors import DataError, TrainingError
from hilum.generate.run_folder import load_vae
from hilum.generate.sample import describe, draw, interpolate, reconstruct
from hilum.generate.sheet import contact_sheet, read_origin, write_samples

ORIGIN = {"manifest_sha256": "0"}


def test_the_same_seed_draws_the_same_films(trained: Path) -> None:
    vae, _ = load_vae(trained)
    films = draw(vae, 5, seed=3)
    assert films.shape == (5, SIDE, SIDE)
    assert films.dtype == np.uint8
    assert np.array_equal(films, draw(load_vae(trained)[0], 5, seed=3))
    assert not np.array_equal(films, draw(vae, 5, seed=4))


def test_a_longer_draw_begins_like_a_shorter_one(trained: Path) -> None:
    vae, _ = load_vae(trained)
    assert np.abs(draw(vae, 70, seed=3)[:5].astype(int) - draw(vae, 5, seed=3)).max() <= 1


def test_a_lower_temperature_draws_nearer_to_the_average(trained: Path) -> None:
    vae, _ = load_vae(trained)
    spread = [draw(vae, 50, seed=0, temperature=t).std(axis=0).mean() for t in (0.3, 1.0)]
    assert spread[0] < 0.6 * spread[1]


def test_a_disc_is_drawn_again_where_it_was(trained: Path) -> None:
    vae, _ = load_vae(trained)
    films = draw_discs(20, seed=77)
    again = reconstruct(vae, films)
    error = np.square(films / 255 - again / 255).mean()
    assert error < 0.3 * np.square(films / 255 - films.mean(0) / 255).mean()


def test_the_ends_of_a_walk_are_the_reconstructions(trained: Path) -> None:
    vae, _ = load_vae(trained)
    ends = draw_discs(2, seed=78)
    walk = interpolate(vae, ends[0], ends[1], steps=5)
    assert walk.shape == (5, SIDE, SIDE)
    assert np.abs(walk[[0, -1]].astype(int) - reconstruct(vae, ends)).max() <= 1


def test_between_the_ends_a_walk_is_what_half_way_decodes_to(trained: Path) -> None:
    vae, _ = load_vae(trained)
    ends = draw_discs(2, seed=79)
    walk = interpolate(vae, ends[0], ends[1], steps=3)
    assert not np.array_equal(walk[1], walk[0])
    assert not np.array_equal(walk[1], walk[2])
    assert describe(vae, ends).shape == (2, vae.latent)


def test_pictures_of_another_size_are_refused(trained: Path) -> None:
    vae, _ = load_vae(trained)
    with pytest.raises(ValueError, match=r"shape \(n, 16, 16\), got uint8 of shape \(2, 20, 20\)"):
        reconstruct(vae, np.zeros((2, 20, 20), np.uint8))


def test_nothing_to_draw_is_refused(trained: Path) -> None:
    vae, _ = load_vae(trained)
    with pytest.raises(ValueError, match="count of at least 1"):
        draw(vae, 0, seed=0)
    with pytest.raises(ValueError, match="at least 2 steps"):
        interpolate(vae, *draw_discs(2, seed=1), steps=1)


def test_damaged_weights_are_refused(trained: Path, tmp_path: Path) -> None:
    for name in ("recipe.yaml", "best.safetensors"):
        (tmp_path / name).write_bytes((trained / name).read_bytes())
    (tmp_path / "best.safetensors").write_bytes(b"no weights")
    with pytest.raises(TrainingError, match="best.safetensors cannot be read"):
        load_vae(tmp_path)


def test_drawn_films_are_a_manifest_that_can_be_prepared(tmp_path: Path) -> None:
    films = draw_discs(4, seed=5)
    write_samples(films, tmp_path / "drawn", label="disc", name="toy-3", origin=ORIGIN)
    manifest = Manifest.read(tmp_path / "drawn")
    frame = manifest.frame
    assert frame["source"].unique().to_list() == ["generated"]
    assert frame["split"].unique().to_list() == ["train"]
    assert frame["patient_id"].n_unique() == 4
    build_cache(manifest, Preprocessing(size=SIDE), tmp_path / "cache", workers=1)
    cache = PreparedCache.open(tmp_path / "cache")
    assert np.array_equal(cache.images(cache.locate(manifest)), films)
    assert read_origin(tmp_path / "drawn") == ORIGIN


def test_every_drawn_file_says_that_it_shows_no_patient(tmp_path: Path) -> None:
    write_samples(draw_discs(1, seed=5), tmp_path / "d", label="disc", name="a", origin=ORIGIN)
    contact_sheet([draw_discs(3, seed=5)], tmp_path / "sheet.png", title="three")
    for path in (tmp_path / "d" / "images" / "00000.png", tmp_path / "sheet.png"):
        with Image.open(path) as picture:
            said = picture.text["Description"]  # type: ignore[attr-defined]
        assert "Shows no patient" in said
        assert "Research use only" in said


def test_films_of_no_single_label_get_no_manifest(tmp_path: Path) -> None:
    films = draw_discs(2, seed=5)
    assert write_samples(films, tmp_path, label=None, name="a", origin=ORIGIN) is None
    assert not (tmp_path / "manifest.csv").exists()


def test_samples_do_not_overwrite(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("dear")
    with pytest.raises(DataError, match="is not empty"):
        write_samples(draw_discs(1, seed=5), tmp_path, label="disc", name="a", origin=ORIGIN)


def test_a_folder_without_an_origin_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="origin.json cannot be read"):
        read_origin(tmp_path)


def test_a_sheet_shows_each_picture_where_it_belongs(tmp_path: Path) -> None:
    rows = [draw_discs(3, seed=1), draw_discs(2, seed=2)]
    contact_sheet(rows, tmp_path / "sheet.png", title="five", row_names=("first", "second"))
    with Image.open(tmp_path / "sheet.png") as picture:
        sheet = np.asarray(picture)
    for number, row in enumerate(rows):
        top = 34 + number * (SIDE + 2 + 16) + 16
        for column, picture in enumerate(row):
            left = 2 + column * (SIDE + 2)
            assert np.array_equal(sheet[top : top + SIDE, left : left + SIDE], picture)


def test_an_empty_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least one picture"):
        contact_sheet([], tmp_path / "sheet.png", title="none")
