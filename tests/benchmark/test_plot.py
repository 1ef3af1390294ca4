"""The picture of the ratios."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

from hilum.benchmark.plot import speed_plot
from hilum.benchmark.results import Results

SVG = "{http://www.w3.org/2000/svg}"


def test_every_ratio_has_a_bar_and_every_target_a_line(results: Results) -> None:
    root = ET.fromstring(speed_plot(results) or "")
    kinds = [part.get("class") for part in root.iter()]
    assert kinds.count("bar") == 2
    assert kinds.count("missed") == 1
    assert kinds.count("wanted") == 3 + 1  # one in the legend


def test_bars_are_as_long_as_ratios_on_a_logarithmic_axis(results: Results) -> None:
    rows = [replace(results.rows[1], ratio=ratio, met=True) for ratio in (2.0, 4.0, 8.0)]
    root = ET.fromstring(speed_plot(replace(results, rows=tuple(rows))) or "")
    two, four, eight = (
        float(part.get("width", 0))
        for part in root.iter(f"{SVG}rect")
        if part.get("class") == "bar"
    )
    assert abs(four - 2 * two) < 0.3
    assert abs(eight - 3 * two) < 0.3


def test_it_is_light_or_dark_as_the_screen_is_and_fetches_nothing(results: Results) -> None:
    drawn = speed_plot(results) or ""
    assert "prefers-color-scheme: dark" in drawn
    assert set(re.findall(r"https?://[^\"' ]+", drawn)) == {"http://www.w3.org/2000/svg"}


def test_without_a_ratio_there_is_nothing_to_draw(results: Results) -> None:
    assert speed_plot(replace(results, rows=results.rows[:1])) is None
