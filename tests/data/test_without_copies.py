from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from typer.testing import CliRunner

from hilum.cli import app
from hilum.data.manifest import Manifest
from hilum.data.phantom import draw_phantom
from hilum.data.without_copies import without_copies
from hilum.errors import DataError


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Four films; the second source has taken two of them, smaller and as JPEG."""
    folder = tmp_path_factory.mktemp("copied")
    rng = np.random.default_rng(4)
    rows = []
    for number in range(4):
        film = Image.fromarray(draw_phantom(rng).pixels).resize((400, 400))
        film.save(folder / f"{number}.png")
        rows.append((f"{number}.png", f"p{number}", "clinic", "normal", "train"))
        if number < 2:
            film.resize((260, 260)).save(folder / f"copy{number}.jpg", quality=60)
            label = ("normal", "covid")[number]
            rows.append((f"copy{number}.jpg", f"copy{number}", "archive", label, "test"))
    columns = ["path", "patient_id", "source", "label", "split"]
    frame = pl.DataFrame(rows, schema=columns, orient="row").sort("source")
    return Manifest.from_frame(frame, folder)


def test_one_file_of_every_film_is_kept_and_the_preferred_source_first(copied: Manifest) -> None:
    found = without_copies(copied, prefer=["clinic"], workers=1)
    assert sorted(found.manifest.frame["path"]) == ["0.png", "1.png", "2.png", "3.png"]
    assert [(row.path, row.kept) for row in found.dropped] == [
        ("copy0.jpg", "0.png"),
        ("copy1.jpg", "1.png"),
    ]
    assert [row.path for row in found.relabelled] == ["copy1.jpg"]


def test_without_a_preference_the_first_listed_file_is_kept(copied: Manifest) -> None:
    found = without_copies(copied, workers=1)
    assert sorted(found.manifest.frame["path"]) == ["2.png", "3.png", "copy0.jpg", "copy1.jpg"]


def test_a_preferred_source_that_is_not_there_is_refused(copied: Manifest) -> None:
    with pytest.raises(DataError, match="no source clinik in the manifest; it has archive, clinic"):
        without_copies(copied, prefer=["clinik"], workers=1)


def test_the_command_says_what_it_dropped(copied: Manifest, tmp_path: Path) -> None:
    copied.write(tmp_path / "all.csv")
    words = ["data", "dedupe", str(tmp_path / "all.csv"), "--out", str(tmp_path / "one.csv")]
    result = CliRunner().invoke(app, [*words, "--prefer", "clinic", "--workers", "1"])
    assert result.exit_code == 0, result.output
    assert "2 of 6 files dropped" in result.output
    assert "2 of archive: a file of clinic shows the same film" in result.output
    assert "1 had another label" in result.output
    assert len(Manifest.read(tmp_path / "one.csv")) == 4


@pytest.mark.slow
def test_the_real_set_holds_films_that_one_collection_took_from_another(shared_data: Path) -> None:
    manifest = Manifest.read(shared_data / "cxr" / "manifest.csv")
    covid = manifest.select(labels=["covid"])
    found = without_copies(covid, prefer=["hannover", "cohen"])
    taken = {(row.source, row.kept_source) for row in found.dropped}
    assert ("covidcxnet", "hannover") in taken
    assert ("covidcxnet", "cohen") in taken
    assert 60 <= len(found.dropped) <= 90
