"""What is wrong with image files, found by opening them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data.lint.images import image_findings
from hilum.data.lint.record import Finding
from hilum.data.manifest import read_table
from hilum.data.phantom import write_cohort


@pytest.fixture
def lint(files: Any, tmp_path: Path) -> Callable[..., dict[str, Finding]]:
    """Write six sound images and those given, list them, and return findings by code."""

    def look(**extra: bytes) -> dict[str, Finding]:
        named = {name.replace("_", "."): data for name, data in extra.items()}
        for seed in range(6):
            named[f"sound{seed}.png"] = files.encode(files.picture((240, 220), seed=seed))
        for name, data in named.items():
            (tmp_path / name).write_bytes(data)
        columns = {name: ["x"] * len(named) for name in ("source", "label")}
        table = {"path": [*named], "patient_id": [*named], **columns}
        pl.DataFrame(table).write_csv(tmp_path / "manifest.csv")
        found = image_findings(read_table(tmp_path), workers=1)
        return {finding.code: finding for finding in found}

    return look


def test_sound_images_give_no_finding(lint: Callable[..., dict[str, Finding]]) -> None:
    assert lint() == {}


def test_unreadable_files_are_listed_with_the_reason(
    lint: Callable[..., dict[str, Finding]], files: Any
) -> None:
    whole = files.encode(files.picture((240, 220), seed=9))
    found = lint(cut_png=whole[:900], page_jpg=b"<html>", empty_png=b"")
    assert [*found] == ["H601"]
    assert found["H601"].count == 3
    assert any("page.jpg (row 3" in line and "HTML" in line for line in found["H601"].examples)


def test_a_wrong_extension_is_noted(lint: Callable[..., dict[str, Finding]], files: Any) -> None:
    found = lint(a_jpg=files.encode(files.picture((240, 220), seed=9)))
    assert [*found] == ["H602"]
    assert "named .jpg but is PNG" in found["H602"].examples[0]


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_constant_image_is_found(
    lint: Callable[..., dict[str, Finding]], files: Any, level: int
) -> None:
    found = lint(flat_png=files.encode(np.full((240, 220), level, np.uint8)))
    assert [*found] == ["H603"]


def test_an_image_with_next_to_nothing_in_it_is_found(
    lint: Callable[..., dict[str, Finding]], files: Any
) -> None:
    faint = np.random.default_rng(1).normal(100, 1, (240, 220)).astype(np.uint8)
    assert [*lint(faint_png=files.encode(faint))] == ["H603"]


def test_a_coloured_image_is_found(lint: Callable[..., dict[str, Finding]], files: Any) -> None:
    channels = [files.picture((240, 220), seed=seed) for seed in (7, 8, 9)]
    found = lint(photo_png=files.encode(Image.fromarray(np.stack(channels, axis=2))))
    assert [*found] == ["H604"]


def test_a_tiny_image_is_small_and_odd(lint: Callable[..., dict[str, Finding]], files: Any) -> None:
    found = lint(tiny_png=files.encode(files.picture((50, 48), seed=9)))
    assert [*found] == ["H605", "H606"]
    assert "48 x 50 pixels" in found["H606"].examples[0]


def test_a_strip_is_noted(lint: Callable[..., dict[str, Finding]], files: Any) -> None:
    assert [*lint(strip_png=files.encode(files.picture((700, 220), seed=9)))] == ["H607"]


def test_an_image_that_was_a_jpeg_before_is_noted(
    lint: Callable[..., dict[str, Finding]], files: Any
) -> None:
    fine = np.random.default_rng(0).normal(0, 12, (240, 220)) + files.picture((240, 220), seed=9)
    once = Image.open(_file(files.encode(np.clip(fine, 0, 255).astype(np.uint8), "JPEG")))
    found = lint(was_png=files.encode(once))
    assert [*found] == ["H608"]
    assert "now stored without loss" in found["H608"].examples[0]


def test_strong_compression_is_noted(lint: Callable[..., dict[str, Finding]], files: Any) -> None:
    found = lint(hard_jpg=files.encode(files.picture((240, 220), seed=9), "JPEG", quality=20))
    assert [*found] == ["H609"]


def test_missing_files_are_left_to_the_table(tmp_path: Path) -> None:
    table = {"path": ["gone.png", None], "patient_id": ["1", "2"], "source": "x", "label": "y"}
    pl.DataFrame(table).write_csv(tmp_path / "m.csv")
    assert image_findings(read_table(tmp_path / "m.csv"), workers=1) == []


def test_a_table_without_paths_has_no_images(tmp_path: Path) -> None:
    pl.DataFrame({"label": ["a"]}).write_csv(tmp_path / "m.csv")
    assert image_findings(read_table(tmp_path / "m.csv")) == []


def test_a_file_listed_twice_is_not_its_own_copy(files: Any, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(files.encode(files.picture((240, 220))))
    table = {"path": ["a.png", "a.png"], "patient_id": "1", "source": "x", "label": ["y", "z"]}
    pl.DataFrame(table).write_csv(tmp_path / "m.csv")
    assert image_findings(read_table(tmp_path / "m.csv"), workers=1) == []


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("leaking")
    write_cohort(folder, patients=30, seed=1, size=256, flaws=["leak"], images_per_patient=(1, 1))
    return folder


def test_a_planted_leak_is_found_and_nothing_besides(leaking: Path) -> None:
    """Of the subjects who come back, a third has the same file and a third a brighter one."""
    frame = read_table(leaking).frame
    found = {one.code: one for one in image_findings(read_table(leaking), workers=1)}
    again = frame.filter(pl.col("patient_id").str.tail(4).cast(int) > 30).height
    assert found["H621"].count == again - again // 3
    assert "1 the same to the pixel" in found["H621"].title
    assert found["H621"].severity == "error"


def test_a_cohort_without_a_leak_has_none(tmp_path: Path) -> None:
    write_cohort(tmp_path, patients=30, seed=1, size=256, images_per_patient=(1, 1))
    assert not image_findings(read_table(tmp_path), workers=1)


def test_fingerprints_are_kept_where_asked(leaking: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    table = read_table(leaking)
    first = image_findings(table, workers=1, cache=tmp_path)
    again = image_findings(
        table, workers=1, cache=tmp_path, progress=lambda *both: told.append(both)
    )
    assert first == again
    assert (tmp_path / "fingerprints.sqlite").is_file()
    assert all(total == table.frame.height for _, total in told)


def test_published_files_under_wrong_names_are_found(shared_data: Path) -> None:
    found = {one.code: one for one in image_findings(read_table(shared_data / "originals"))}
    assert found["H602"].count == 2
    assert all("named .jpg but is PNG" in line for line in found["H602"].examples)
    assert [line.split()[0] for line in found["H608"].examples] == [
        "cohen/covid-19-pneumonia-28.png"
    ]


def _file(data: bytes) -> Any:
    import io

    return io.BytesIO(data)
