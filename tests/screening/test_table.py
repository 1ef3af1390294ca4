from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hilum.screening.bundle import Bundle
from hilum.screening.run import screen_films
from hilum.screening.table import printable, screening_table

Draw = Callable[..., Any]


def test_a_table_names_decisions_refusals_and_failures(
    bundle: Bundle, tmp_path: Path, chest: Draw, png: Draw
) -> None:
    contents = {
        "good.png": png(chest()),
        "blank.png": png(np.zeros((200, 200), np.uint8)),
        "text.png": b"text",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    answers = screen_films([tmp_path / name for name in contents], bundle.folder)
    text = screening_table(answers)
    assert f"tiny ({bundle.id[:12]}), threshold argmax: the most probable class" in text
    assert "refused: The picture is blank" in text
    assert "error: expected a PNG" in text
    assert "3 screened, 1 refused by the gate, 1 failed." in text
    assert text.endswith("Research use only.")


def test_a_film_name_cannot_rewrite_the_terminal() -> None:
    assert printable("a\x1b[2Jb\nc") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}c"


def test_a_heatmap_that_cannot_be_written_is_that_films_error(
    bundle: Bundle, tmp_path: Path, chest: Draw, png: Draw
) -> None:
    (tmp_path / "film.png").write_bytes(png(chest()))
    (tmp_path / "file").write_text("in the way")
    (answer,) = screen_films(
        [tmp_path / "film.png"], bundle.folder, heatmaps=tmp_path / "file" / "maps"
    )
    assert answer["error"].startswith("its heatmaps could not be written")
    assert answer["probabilities"] is not None


def test_heatmaps_are_named_and_the_decided_one_is_first_class(
    bundle: Bundle, tmp_path: Path, chest: Draw, png: Draw
) -> None:
    (tmp_path / "film.png").write_bytes(png(chest()))
    (answer,) = screen_films([tmp_path / "film.png"], bundle.folder, heatmaps=tmp_path / "maps")
    assert answer["heatmap"] == answer["heatmaps"][answer["decision"]]
    assert Path(answer["heatmap"]).is_file()
    assert answer["heatmap"] in screening_table([answer])
