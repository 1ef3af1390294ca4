from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.data.phantom import draw_phantom
from hilum.errors import DataError
from hilum.screening.lungs import LungSegmenter
from hilum.screening.lungs_apply import apply_masks, show_only

PIXELS = np.arange(1, 201, dtype=np.uint8).reshape(10, 20)


def _mask() -> np.ndarray:
    mask = np.zeros((10, 20), dtype=bool)
    mask[3:6, 4:7] = mask[3:6, 12:15] = True
    return mask


def test_lungs_and_outside_are_two_halves_of_the_film() -> None:
    lungs, outside = (show_only(PIXELS, _mask(), kind) for kind in ("lungs", "outside"))
    assert (lungs[~_mask()] == 0).all()
    assert (outside[_mask()] == 0).all()
    assert np.array_equal(lungs + outside, PIXELS)


def test_a_crop_holds_the_lungs_and_stays_within_the_film() -> None:
    crop = show_only(PIXELS, _mask(), "crop")
    assert crop.shape == (10, 12)
    assert set(PIXELS[_mask()]) <= set(crop.ravel())


@pytest.fixture
def films(tmp_path: Path) -> Manifest:
    rows = []
    for number in range(3):
        name = f"film{number}.png"
        pixels = draw_phantom(np.random.default_rng(number), size=256).pixels
        Image.fromarray(pixels).save(tmp_path / name)
        rows.append({"path": name, "patient_id": str(number), "source": "north", "label": "a"})
    Image.fromarray(np.zeros((256, 256), np.uint8)).save(tmp_path / "black.png")
    rows.append({"path": "black.png", "patient_id": "9", "source": "north", "label": "a"})
    (tmp_path / "broken.png").write_bytes(b"no picture")
    rows.append({"path": "broken.png", "patient_id": "10", "source": "north", "label": "a"})
    return Manifest.from_frame(pl.DataFrame(rows), tmp_path)


def test_films_are_written_with_a_manifest_and_what_failed_is_counted(
    films: Manifest, tmp_path: Path
) -> None:
    done = apply_masks(films, tmp_path / "out", LungSegmenter.load(), "outside")
    assert done.good + done.poor == 4
    assert [path for path, _ in done.failed] == ["broken.png"]
    written = Manifest.read(tmp_path / "out" / "manifest.csv")
    assert len(written) == 4 - done.without
    assert set(written.frame["patient_id"].cast(pl.String)) >= {"0", "1", "2"}
    first = np.asarray(Image.open(written.paths()[0]))
    assert first.shape == (256, 256)
    assert (first == 0).mean() > 0.1


def test_a_folder_in_use_is_refused(films: Manifest, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not an empty folder"):
        apply_masks(films, tmp_path, LungSegmenter.load(), "crop")
