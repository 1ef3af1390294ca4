"""Figures as SVG: well-formed, escaped, in place, and short."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from xml.etree.ElementTree import Element, fromstring

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from hilum.evaluation import Evaluation, Predictions
from hilum.evaluation.confidence import class_reliability
from hilum.report.svg import (
    WIDTH,
    Curve,
    Drawing,
    Scale,
    confusion_matrix,
    interval_rows,
    line_chart,
    nice_ticks,
    precision_recall_chart,
    reliability_chart,
    roc_chart,
    thinned,
)

NAME = "{http://www.w3.org/2000/svg}"


def estimate(value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {
        "estimate": value, "low": low, "high": high, "n": 40, "patients": 30, "method": "m",
        "reason": None,
    }  # fmt: skip


def parsed(drawing: Drawing) -> Element:
    return fromstring(str(drawing.markup("a")))


def words(drawing: Drawing) -> str:
    return " ".join("".join(node.itertext()) for node in parsed(drawing).iter(f"{NAME}text"))


def test_a_figure_names_itself_for_who_cannot_see_it() -> None:
    root = parsed(interval_rows("Scores", [("m", estimate(0.5, 0.4, 0.6))], axis="AUROC"))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "a-t a-d"
    assert root.find(f"{NAME}title").text == "Scores"  # type: ignore[union-attr]
    said = root.find(f"{NAME}desc").text  # type: ignore[union-attr]
    assert "0.500 (0.400 to 0.600), n 40" in (said or "")


@given(some.text(max_size=60))
def test_no_name_breaks_out_of_a_figure(name: str) -> None:
    hostile = f'{name}</text><script>alert("1")</script>'
    drawing = interval_rows(hostile, [(hostile, estimate(0.5, None, None))], axis=hostile)
    root = parsed(drawing)
    assert not [node for node in root.iter() if node.tag.endswith("script")]


def test_whiskers_stand_at_the_limits_and_the_point_between_them() -> None:
    root = parsed(interval_rows("t", [("m", estimate(0.5, 0.25, 0.75))], axis="a"))
    whisker = next(n for n in root.iter(f"{NAME}line") if "whisker" in n.get("class", ""))
    point = next(root.iter(f"{NAME}circle"))
    middle = WIDTH / 2
    quarter = (WIDTH - 16) / 4
    assert float(whisker.get("x1", "")) == pytest.approx(middle - quarter, abs=0.06)
    assert float(whisker.get("x2", "")) == pytest.approx(middle + quarter, abs=0.06)
    assert float(point.get("cx", "")) == pytest.approx(middle, abs=0.06)


def test_a_row_without_limits_has_no_whisker_and_says_so() -> None:
    drawing = interval_rows("t", [("m", estimate(0.5, None, None))], axis="a")
    assert "whisker" not in str(drawing.markup("a"))
    assert "no limits, n 40" in words(drawing)


def test_a_row_without_a_value_has_no_point_and_says_so() -> None:
    drawing = interval_rows("t", [("m", estimate(None, None, None))], axis="a")
    assert "mark" not in str(drawing.markup("a"))
    assert "undefined, n 40" in words(drawing)


def test_a_long_name_is_cut_and_whole_on_hovering() -> None:
    drawing = interval_rows("t", [("n" * 200, estimate(0.5, 0.4, 0.6))], axis="a")
    titles = [node.text for node in parsed(drawing).iter(f"{NAME}title")]
    assert "n" * 200 in titles
    assert "…" in words(drawing)


@given(
    some.floats(-1e6, 1e6, allow_nan=False),
    some.floats(1e-3, 1e6, allow_nan=False),
    some.integers(1, 9),
)
def test_ticks_lie_between_the_ends_evenly_apart(low: float, span: float, most: int) -> None:
    ticks = nice_ticks(low, low + span, most)
    room = 1e-6 * (abs(low) + span)
    assert len(ticks) <= most + 1
    assert all(low - room <= tick <= low + span + room for tick in ticks)
    gaps = np.diff(ticks)
    assert gaps.size == 0 or np.allclose(gaps, gaps[0], rtol=1e-3)


@pytest.mark.parametrize("ends", [(1.0, 1.0), (2.0, 1.0), (0.0, math.nan), (0.0, math.inf)])
def test_an_axis_without_length_is_refused(ends: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="must rise between finite ends"):
        Scale(*ends, 0, 100)


def test_a_value_beyond_the_axis_stands_at_its_end() -> None:
    scale = Scale(0, 1, 10, 110)
    assert [scale.place(value) for value in (-5, 0.5, 7)] == [10, 60, 110]


def test_a_long_curve_keeps_its_ends_and_its_peaks() -> None:
    x = np.linspace(0, 1, 50_000)
    y = np.sin(x)
    y[31_234], y[12_345] = 9, -9
    a, b = thinned(x, y, columns=100)
    assert a.size <= 400
    assert (a[0], a[-1]) == (0, 1)
    assert (b.max(), b.min()) == (9, -9)
    assert np.all(np.diff(a) > 0)


def test_a_short_curve_is_kept_whole() -> None:
    a, b = thinned([0.0, 0.0, 1.0], [0.0, 1.0, 1.0])
    assert a.tolist() == [0, 0, 1]
    assert b.tolist() == [0, 1, 1]


def test_thinning_refuses_what_does_not_fit() -> None:
    with pytest.raises(ValueError, match="must have one shape"):
        thinned([0.0, 1.0], [0.0])
    with pytest.raises(ValueError, match="columns must be at least 1"):
        thinned([0.0], [0.0], columns=0)


def test_curves_of_many_films_stay_short(
    score: Callable[..., tuple[Predictions, Evaluation]],
) -> None:
    rng = np.random.default_rng(0)
    n = 30_000
    labels = rng.integers(0, 2, n)
    p = np.clip(rng.normal(0.4 + 0.2 * labels, 0.2), 0, 1)
    names = [str(i) for i in range(n)]
    said = Predictions(names, names, labels, ("no", "yes"), np.stack([1 - p, p], axis=1))
    for drawing in (roc_chart(said, ["yes"]), precision_recall_chart(said, ["yes"])):
        assert len(str(drawing.markup("a"))) < 40_000


def test_each_class_has_a_curve_of_its_own_dashes(
    score: Callable[..., tuple[Predictions, Evaluation]],
) -> None:
    said, _ = score()
    text = str(roc_chart(said, ["a", "b", "c"]).markup("a"))
    assert all(f'class="curve s{number}"' in text for number in range(3))
    assert len(set(re.findall(r'stroke-dasharray="([^"]+)"', text))) == 2


def test_precision_keeps_its_level_until_the_next_film() -> None:
    said = Predictions(
        ["a", "b", "c", "d"], ["a", "b", "c", "d"], [1, 0, 1, 0], ("no", "yes"),
        [[0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.4, 0.6]],
    )  # fmt: skip
    text = str(precision_recall_chart(said, ["yes"]).markup("a"))
    curve = re.search(r'<path d="M([^"]+)" class="curve s0"', text)
    assert curve is not None
    steps = [tuple(map(float, place.split())) for place in curve[1].split("L")]
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(steps))


def test_reliability_bins_show_their_films() -> None:
    said = Predictions(
        ["a", "b", "c"], ["a", "b", "c"], [0, 1, 1], ("no", "yes"),
        [[0.9, 0.1], [0.1, 0.9], [0.05, 0.95]],
    )  # fmt: skip
    drawing = reliability_chart("r", class_reliability(said, 1).to_dict())
    assert "n 3;" in words(drawing)
    assert parsed(drawing).find(f"{NAME}desc").text.count("said") == 2  # type: ignore[union-attr]


@pytest.mark.parametrize("k", [2, 3, 14])
def test_a_confusion_matrix_counts_every_cell(k: int) -> None:
    counts = (np.arange(k * k).reshape(k, k) + 100).tolist()
    shown = words(confusion_matrix([f"class {i}" for i in range(k)], counts)).split()
    assert all(str(count) in shown for row in counts for count in row)


def test_an_empty_class_is_no_division_by_zero() -> None:
    assert "n 0" in words(confusion_matrix(["a", "b"], [[0, 0], [1, 2]]))


def test_a_line_chart_cuts_off_what_lies_beyond_its_limits() -> None:
    points = [(float(x), y, None, None) for x, y in enumerate([0.5, 5.0, 0.5])]
    text = str(line_chart("t", [Curve("c", points)], x="x", y="y", limits=(0, 1)).markup("a"))
    assert text.count('class="mark') == 2 + 1  # and that of the key


def test_few_points_have_whiskers_and_many_a_band() -> None:
    few = [(float(x), 0.5, 0.4, 0.6) for x in range(5)]
    many = [(float(x), 0.5, 0.4, 0.6) for x in range(50)]
    drawn = [
        str(line_chart("t", [Curve("c", points)], x="x", y="y").markup("a"))
        for points in (few, many)
    ]
    assert ["band" in text for text in drawn] == [False, True]
    assert ["whisker" in text for text in drawn] == [True, False]


def test_a_chart_without_a_point_is_refused() -> None:
    with pytest.raises(ValueError, match="has no point to draw"):
        line_chart("empty", [Curve("c", [])], x="x", y="y")


def test_one_point_alone_can_be_drawn() -> None:
    drawing = line_chart("t", [Curve("c", [(0.0, 0.0, None, None)])], x="x", y="y")
    assert "NaN" not in str(drawing.markup("a"))
