from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.agreement import MethodMap, compare_maps
from hilum.audit.explained import ClassExplained, Explained
from hilum.data.preprocessing import Preprocessing
from hilum.data.radiograph import Radiograph
from hilum.report.explain.page import page, picture_row
from hilum.report.explain.pictures import draw_map, scale_colours
from hilum.report.heated import shown
from hilum.screening.result import Screening
from hilum.screening.threshold import Threshold

HOW = Preprocessing(size=32, square="crop")
HILL = np.add.outer(np.arange(4), np.arange(4)).astype(np.float32)


def radiograph() -> Radiograph:
    pixels = np.full((60, 50), 90, np.uint8)
    return Radiograph(pixels=pixels, white=255, format="png", sha256="", full_shape=(60, 50))


def a_map(method: str, values: NDArray[np.float32]) -> MethodMap:
    return MethodMap(method=method, label="covid", values=values, grid=(4, 4), in_lungs=0.5)


def explained(second: NDArray[np.float32], path: str = "films/<b>.png") -> Explained:
    maps = (a_map("grad-cam", HILL), a_map("occlusion", second))
    answer = Screening(
        path=path, bundle="b" * 64, bundle_name="tiny", threshold_name="argmax",
        threshold=Threshold(), accepted=True, probabilities={"normal": 0.1, "covid": 0.9},
        decision="covid", film=radiograph(),
    )  # fmt: skip
    one = ClassExplained(
        label="covid", probability=0.9, maps=maps, agreement=tuple(compare_maps(maps))
    )
    return Explained(answer=answer, classes=(one,), seconds={"grad-cam": 0.01}, lungs=0.3)


def record(film: Explained) -> dict[str, Any]:
    return {
        "use": "Research use only.", "bundle": {"name": "tiny", "id": "b" * 64},
        "methods": [{"method": "grad-cam", "called": "Grad-CAM", "median_seconds": 0.01}],
        "disagree_when": {"peaks_apart_at_least": 0.25, "rank_correlation_at_most": 0.0},
        "command": "hilum explain", "films": [film.to_dict()], "version": "0", "date": "2024-05-01",
    }  # fmt: skip


def text_of(film: Explained) -> str:
    return page(record(film), [picture_row(film, HOW)])


def test_a_page_shows_film_maps_scale_and_what_they_may_be_used_for() -> None:
    text = text_of(explained(HILL))
    assert text.count("<figure") == 3
    assert "Research use only." in text
    assert "linear-gradient(to right, rgb(" in text
    assert "Grad-CAM: at most 6 (logits a cell); 50\u00a0% of it in the lungs" in text
    assert "1 film, 1 answer explained. For 0 of 1 the maps disagree." in text


def test_disagreement_stands_out() -> None:
    text = text_of(explained(HILL[::-1, ::-1]))
    assert '<p class="doubt">The maps disagree about where the evidence for covid lies' in text
    assert '<tr class="apart"><th scope="row">Grad-CAM and occlusion</th>' in text
    assert "For 1 of 1 the maps disagree" in text


def test_an_empty_map_is_called_empty_and_leaves_the_film_as_it_is() -> None:
    film = explained(HILL * 0)
    assert "Occlusion: the map is empty" in text_of(film)
    grey = shown(radiograph())
    drawn = np.asarray(draw_map(grey, film.classes[0].maps[1], Preprocessing(square="stretch")))
    assert np.array_equal(drawn, np.repeat(grey[..., None], 3, 2))


def test_names_of_films_are_escaped() -> None:
    text = text_of(explained(HILL))
    assert "<b>.png" not in text
    assert "&lt;b&gt;.png" in text


def test_the_frame_is_the_strongest_cell_in_the_part_the_network_saw() -> None:
    grey = shown(radiograph())
    assert grey.shape == (400, 333)
    drawn = np.asarray(draw_map(grey, a_map("grad-cam", HILL), HOW))
    top, left, height, width = HOW.region((400, 333))
    inside = drawn[top + 3 * height // 4 + 8, left + 3 * width // 4 + 8]
    edge = drawn[top + height - 2, left + width - 40]
    assert (edge > 240).all()
    assert inside[0] > inside[2]
    assert (drawn[:top] < 60).all()


def test_the_scale_runs_through_the_colours_of_the_heat() -> None:
    colours = list(scale_colours(3))
    assert len(set(colours)) == 3
    assert all(colour.startswith("rgb(") for colour in colours)


@pytest.mark.parametrize("dark", [False, True])
def test_a_browser_finds_the_page_accessible(
    tmp_path: Path, browser: ModuleType, dark: bool
) -> None:
    path = tmp_path / "index.html"
    path.write_text(text_of(explained(HILL[::-1, ::-1])), encoding="utf-8")
    assert browser.axe_findings(path, tmp_path, dark=dark) == []


def test_a_phone_shows_the_page_without_scrolling_sideways(
    tmp_path: Path, browser: ModuleType
) -> None:
    path = tmp_path / "index.html"
    path.write_text(text_of(explained(HILL)), encoding="utf-8")
    assert browser.widest(path, tmp_path, width=390) <= 390


def test_a_film_without_an_answer_says_why() -> None:
    failed = Screening(
        path="x.png", bundle="b", bundle_name="tiny", threshold_name="argmax",
        threshold=Threshold(), error="it is no picture",
    )  # fmt: skip
    text = text_of(Explained(answer=failed))
    assert "No answer: it is no picture" in text
    assert "1 film, and no answer to explain." in text


def test_the_film_itself_is_never_turned(tmp_path: Path) -> None:
    grey = shown(radiograph())
    Image.fromarray(grey).save(tmp_path / "g.png")
    assert int(grey.max()) == int(grey.min()) == 90
