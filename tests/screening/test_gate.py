from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import BundleError
from hilum.screening.gate import Gate, Limits, Verdict
from hilum.screening.gate import check as ask


def check(radiograph: Radiograph, gate: dict[str, Any] | Limits | None = None) -> Verdict:
    """Ask the rules and tags alone: the films drawn here are smooth hills and no chests."""
    limits = gate if isinstance(gate, Limits) else Limits.from_gate(gate or {})
    return Gate(limits=limits, layout=None).check(radiograph)


def film(pixels: NDArray[Any], **changes: Any) -> Radiograph:
    values: dict[str, Any] = {
        "pixels": pixels,
        "white": 255,
        "format": "png",
        "sha256": "0" * 64,
        "full_shape": pixels.shape,
    }
    return Radiograph(**{**values, **changes})


def noise(scale: float) -> NDArray[np.uint8]:
    rng = np.random.default_rng(5)
    return np.clip(128 + scale * rng.standard_normal((256, 256)), 0, 255).astype(np.uint8)


def test_a_chest_is_accepted_without_a_word(chest: Draw) -> None:
    assert check(film(chest())) == Verdict()


Draw = Callable[..., NDArray[np.uint8]]

PLAINLY_ELSE: dict[str, Callable[[Draw], NDArray[np.uint8]]] = {
    "too small: 80 x 90 pixels": lambda chest: chest(90, 80),
    "2.5 times as long as wide": lambda chest: chest(500, 200),
    "is blank": lambda chest: np.full((200, 200), 77, np.uint8),
    r"is blank: nearly all of it lies within 1\d of 256 greys": lambda chest: noise(3),
    "hardly alike": lambda chest: noise(60),
    "only 2 different greys": lambda chest: np.where(chest() > 180, 200, 0).astype(np.uint8),
    r"mostly black: 8\d%": lambda chest: cover(chest(), 0, rows=138),
    r"mostly white: 7\d%": lambda chest: cover(chest(), 255, rows=120),
    "has one of two tones": lambda chest: two_tones(chest()),
}


def cover(pixels: NDArray[np.uint8], grey: int, *, rows: int) -> NDArray[np.uint8]:
    pixels = pixels.copy()
    pixels[:rows] = grey
    return pixels


def two_tones(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return 48 grey levels, nearly all of them in two narrow bands."""
    rows = np.arange(pixels.size).reshape(pixels.shape)
    tones = np.where(pixels > 150, 192, 48) + rows // 97 % 16
    return np.where(rows % 61 == 0, 96 + rows % 16, tones).astype(np.uint8)


@pytest.mark.parametrize("reason", list(PLAINLY_ELSE))
def test_what_is_plainly_something_else_is_refused(reason: str, chest: Draw) -> None:
    verdict = check(film(PLAINLY_ELSE[reason](chest)))
    assert not verdict.accepted
    assert re.search(reason, verdict.reasons[0])


def test_colour_is_refused_and_a_tint_is_not(chest: Draw) -> None:
    assert not check(film(chest(), facts={"colourfulness": "28.5"})).accepted
    assert check(film(chest(), facts={"colourfulness": "18.4"})).accepted
    assert check(film(chest(), facts={"colourfulness": "unknown"})).accepted


@pytest.mark.parametrize("view", ["LL", "RL", "LATERAL", "lateral "])
def test_a_lateral_view_is_refused(view: str, chest: Draw) -> None:
    assert "lateral" in check(film(chest(), view=view)).reasons[0]


@pytest.mark.parametrize("view", ["PA", "AP", None, ""])
def test_a_frontal_or_unknown_view_is_accepted(view: str | None, chest: Draw) -> None:
    assert check(film(chest(), view=view)).accepted


def test_another_body_part_is_only_a_warning(chest: Draw) -> None:
    verdict = check(film(chest(), facts={"BodyPartExamined": "HAND"}))
    assert verdict.accepted
    assert "shows HAND; expected CHEST" in verdict.warnings[0]
    assert check(film(chest(), facts={"BodyPartExamined": "Chest"})).warnings == ()


def test_an_inverted_film_is_warned_about(chest: Draw) -> None:
    verdict = check(film(255 - chest()))
    assert verdict.accepted
    assert "may be inverted" in verdict.warnings[0]


def test_the_size_in_the_file_counts_not_that_of_a_reduced_decoding(chest: Draw) -> None:
    assert check(film(chest(90, 80), full_shape=(1800, 1600))).accepted


def test_a_bundle_may_move_the_limits(chest: Draw) -> None:
    assert not check(film(chest()), {"limits": {"shorter_side": 200}}).accepted
    assert check(film(chest(90, 80)), Limits(shorter_side=50)).accepted


@pytest.mark.parametrize(
    ("gate", "message"),
    [
        ({"limits": {"shorter_sid": 1}}, "no such limit. Did you mean 'shorter_side'"),
        ({"limits": {"aspect": "wide"}}, "gate.limits.aspect must be a number, got 'wide'"),
        ({"limits": [1]}, "gate.limits must be an object of numbers"),
    ],
)
def test_limits_that_cannot_be_honoured_are_refused(
    gate: dict[str, Any], message: str, chest: Draw
) -> None:
    with pytest.raises(BundleError, match=message):
        check(film(chest()), gate)


def test_deep_pixels_are_judged_like_shallow_ones(chest: Draw) -> None:
    deep = chest().astype(np.uint16) * 16
    assert check(film(deep, white=4095)) == Verdict()


@pytest.mark.parametrize(
    ("age", "found"),
    [("008Y", "8 years old"), ("017Y", "17 years old"), ("011M", "11 months old"),
     ("010D", "0 months old"), ("006W", "1 months old")],
)  # fmt: skip
def test_a_child_by_its_tag_is_refused(age: str, found: str, chest: Draw) -> None:
    verdict = check(film(chest(), facts={"PatientAge": age}))
    assert found in verdict.reasons[0]
    assert "for adults, from 18 years" in verdict.reasons[0]


@pytest.mark.parametrize("age", ["018Y", "067Y", "000Y", "", "unknown", "67"])
def test_an_adult_or_an_age_that_says_nothing_is_accepted(age: str, chest: Draw) -> None:
    assert check(film(chest(), facts={"PatientAge": age})).accepted


def test_a_bundle_for_children_admits_them(chest: Draw) -> None:
    child = film(chest(), facts={"PatientAge": "008Y"})
    assert check(child, {"limits": {"youngest": 0}}).accepted


@pytest.mark.parametrize(("rows", "taken"), [("A\\F", False), ("P\\F", False), ("L\\F", True)])
def test_rows_that_run_forwards_or_backwards_are_a_lateral_view(
    rows: str, taken: bool, chest: Draw
) -> None:
    assert check(film(chest(), facts={"PatientOrientation": rows})).accepted is taken


def test_a_gate_record_that_cannot_be_honoured_is_refused(chest: Draw) -> None:
    with pytest.raises(BundleError, match="gate.layout must be true or false, got 'no'"):
        ask(film(chest()), {"layout": "no"})


def test_a_bundle_may_go_by_the_rules_alone(chest: Draw) -> None:
    verdict = ask(film(chest()), {"layout": False})
    assert verdict.accepted
    assert verdict.measured == {}


def test_a_colour_picture_is_refused_as_it_is_read(chest: Draw, png: Callable[..., bytes]) -> None:
    picture = np.stack([chest(), chest(), 255 - chest()], axis=2)
    assert "in colour" in check(read_radiograph(png(picture))).reasons[0]


def test_every_original_film_is_accepted(shared_data: Path) -> None:
    files = sorted((shared_data / "originals").glob("*/*"))
    verdicts = {file.name: ask(read_radiograph(file, smallest_side=224)) for file in files}
    assert len(verdicts) == 48
    assert {name: v.reasons for name, v in verdicts.items() if not v.accepted} == {}


@pytest.mark.slow
def test_no_rule_refuses_a_real_film(shared_data: Path) -> None:
    files = sorted((shared_data / "cxr" / "images").glob("*/*.jpg"))
    with ThreadPoolExecutor(2) as pool:
        verdicts = list(pool.map(lambda file: check(read_radiograph(file)), files))
    assert len(files) == 2393
    assert all(verdict.accepted for verdict in verdicts)
    warned = [file.stem for file, v in zip(files, verdicts, strict=True) if v.warnings]
    assert warned == ["28fe65af4e"]
