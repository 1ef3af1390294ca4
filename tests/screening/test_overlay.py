from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from hilum.errors import DataError
from hilum.screening.bundle import Bundle
from hilum.screening.lettering import AMBER, plain_text
from hilum.screening.overlay import draw_overlay, write_overlays
from hilum.screening.result import Screening
from hilum.screening.screener import Screener
from hilum.screening.storing import overlay_name

Draw = Callable[..., Any]


@pytest.fixture
def answer(bundle: Bundle, film: bytes) -> Screening:
    return Screener(bundle, keep_film=True).screen(film)


def has(picture: Image.Image, colour: tuple[int, int, int]) -> bool:
    return bool((np.asarray(picture) == colour).all(axis=2).any())


def coloured(picture: Image.Image) -> int:
    """Count the coloured pixels of the film's part of an overlay."""
    pixels = np.asarray(picture).astype(int)[84:-76]
    return int((pixels.max(axis=2) - pixels.min(axis=2) > 20).sum())


def test_one_picture_a_class_is_written_with_nothing_beside(
    answer: Screening, bundle: Bundle, tmp_path: Path
) -> None:
    paths = write_overlays(answer, bundle.record, tmp_path / "heat" / "maps")
    assert list(paths) == list(bundle.record.classes)
    assert sorted(paths.values()) == sorted((tmp_path / "heat" / "maps").iterdir())
    with Image.open(paths["covid"]) as picture:
        assert (picture.format, picture.mode) == ("PNG", "RGB")
        assert max(picture.width, picture.height - 160) == 1024


def test_research_use_only_is_in_every_picture(answer: Screening, bundle: Bundle) -> None:
    for label in bundle.record.classes:
        assert has(draw_overlay(answer, bundle.record, label), AMBER)


def test_heat_is_drawn_where_there_is_any_and_nowhere_else(
    answer: Screening, bundle: Bundle
) -> None:
    cams = np.zeros((3, 4, 4), np.float32)
    cams[2, 1, 1] = 1.0
    answer = replace(answer, cams=cams)
    assert coloured(draw_overlay(answer, bundle.record, "covid")) > 1000
    assert coloured(draw_overlay(answer, bundle.record, "normal")) == 0


def test_films_of_one_name_do_not_overwrite_each_other(
    bundle: Bundle, make_film: Callable[..., Path], tmp_path: Path
) -> None:
    screener = Screener(bundle, keep_film=True)
    for index, folder in enumerate(("a", "b")):
        film = make_film("film.png", folder=folder, shift=index)
        write_overlays(screener.screen(film), bundle.record, tmp_path / "heat")
    assert len(list((tmp_path / "heat").iterdir())) == 6


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "CON", "a\nb.png", "x" * 5000, "\u202egnp.exe", "..", "-rf"]
)
def test_names_are_safe_whatever_the_film_is_called(path: str) -> None:
    name = overlay_name(path, "0" * 64, 1, "a/b c")
    assert len(name) < 200
    assert set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")
    assert name.endswith("-0000000000-1-a-b-c.png")
    assert not name.startswith(("-", "."))


def test_a_reduced_decoding_is_read_again_for_display(
    bundle: Bundle, tmp_path: Path, chest: Draw
) -> None:
    path = tmp_path / "film.jpg"
    Image.fromarray(chest(1600, 1440)).save(path, quality=90)
    answer = Screener(bundle, keep_film=True).screen(path)
    assert answer.film is not None
    assert max(answer.film.shape) < 1024
    assert draw_overlay(answer, bundle.record, "covid").height == 1024 + 160


def test_a_film_that_changed_since_is_refused(
    bundle: Bundle, tmp_path: Path, chest: Draw, png: Draw
) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(png(chest()))
    answer = Screener(bundle).screen(path)
    path.write_bytes(png(chest(shift=1)))
    with pytest.raises(DataError, match="has changed since it was screened"):
        write_overlays(answer, bundle.record, tmp_path)


def test_a_refused_film_has_no_overlay(bundle: Bundle, png: Draw) -> None:
    refused = Screener(bundle, keep_film=True).screen(png(np.zeros((200, 200), np.uint8)))
    with pytest.raises(ValueError, match="an overlay needs an answer"):
        draw_overlay(refused, bundle.record, "covid")


def test_an_unknown_class_is_refused(answer: Screening, bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="label must be one of"):
        draw_overlay(answer, bundle.record, "flu")


def test_letters_that_the_font_lacks_are_replaced() -> None:
    assert plain_text("pneumonie sévère — “l\u2019autre”") == 'pneumonie severe - "l\'autre"'
    assert plain_text("肺炎\n") == "???"


def test_long_names_fit_into_the_picture(answer: Screening, bundle: Bundle) -> None:
    record = replace(
        bundle.record,
        classes=("normal", "pneumonia", "w" * 400),
        thresholds={"argmax": bundle.record.thresholds["argmax"]},
    )
    odds = dict(zip(record.classes, (0.1, 0.2, 0.7), strict=True))
    answer = replace(answer, probabilities=odds, decision="w" * 400)
    picture = draw_overlay(answer, record, "w" * 400)
    assert (np.asarray(picture)[:84, -16:] == (16, 18, 22)).all()
