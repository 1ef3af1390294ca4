"""Without matplotlib folders are written without pictures, and pages of pictures are refused."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from hilum.data.manifest import Manifest
from hilum.errors import MissingExtraError
from hilum.evaluation import Evaluation, Predictions
from hilum.report.describe.write import write_description
from hilum.report.drawing import blank, can_draw
from hilum.report.folder import write_evaluation

Score = Callable[..., tuple[Predictions, Evaluation]]


@pytest.fixture(autouse=True)
def no_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)


def test_an_evaluation_keeps_its_figures_and_leaves_the_pictures_out(
    score: Score, tmp_path: Path
) -> None:
    assert not can_draw()
    written = write_evaluation(tmp_path, *score())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(p.name for p in written)
    assert {path.suffix for path in written} == {".json", ".csv"}


def test_a_picture_names_the_extra() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'hilum\[figures\]'"):
        blank(3, 3)


def test_a_description_is_refused_before_any_film_is_read(tmp_path: Path) -> None:
    manifest = Manifest.from_paths(["a.png"], ["x"], root=tmp_path)
    with pytest.raises(MissingExtraError, match=r"pip install 'hilum\[figures\]'"):
        write_description(manifest, tmp_path / "page")
    assert not (tmp_path / "page").exists()
