"""Steps that readings of label files share."""

from __future__ import annotations

import polars as pl
import pytest

from hilum.data.manifest_table import ROW
from hilum.data.sources.rows import (
    frontal_view,
    keep_first,
    known,
    left_out,
    sex,
    years,
)


def value(expression: pl.Expr, text: str | None) -> object:
    frame = pl.DataFrame({"x": [text]}, schema={"x": pl.String})
    return frame.select(expression)["x"][0]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("PA", "PA"),
        (" ap  supine ", "AP SUPINE"),
        ("AP_semi erect", "AP SEMI ERECT"),
        ("Postero-Anterior", "PA"),
        ("AP Erect", "AP ERECT"),
        ("L", None),
        ("LL", None),
        ("Axial", None),
        ("", None),
        (None, None),
    ],
)
def test_frontal_views_are_told_from_others(said: str | None, meant: str | None) -> None:
    assert value(frontal_view("x"), said) == meant


@pytest.mark.parametrize(
    ("said", "meant"), [("male", "M"), ("F", "F"), ("w", "F"), ("O", None), (None, None)]
)
def test_sex_is_m_or_f_or_unknown(said: str | None, meant: str | None) -> None:
    assert value(sex("x"), said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("57", 57.0),
        ("058Y", 58.0),
        ("50+", 50.0),
        ("6M", 0.5),
        ("52w", 52 / 52.1775),
        ("002D", 2 / 365.2425),
        ("2.5", 2.5),
        ("0", 0.0),
        ("414", None),
        ("35-40", None),
        ("early 40s", None),
        ("-3", None),
        (None, None),
    ],
)
def test_ages_are_years_or_unknown(said: str | None, meant: float | None) -> None:
    assert value(years("x"), said) == pytest.approx(meant)


def test_a_column_that_is_not_there_is_null() -> None:
    frame = pl.DataFrame({"a": ["1", "2"]})
    assert frame.select(known(frame, "a"), b=known(frame, "b")).rows() == [("1", None), ("2", None)]


def test_the_first_of_each_key_is_kept_in_order() -> None:
    frame = pl.DataFrame({"k": ["b", "a", "b"], "v": [1, 2, 3]})
    first, again = keep_first(frame, "k")
    assert first["v"].to_list() == [1, 2]
    assert again["v"].to_list() == [3]


def test_what_is_left_out_is_shown_with_its_rows_up_to_five() -> None:
    rows = pl.DataFrame({ROW: range(2, 9), "x": ["a", None, "c\nd", *"efgh"]})
    (out,) = left_out("why", rows, "x", file="l.csv")
    assert (out.reason, out.count, len(out.examples)) == ("why", 7, 5)
    assert out.examples[:3] == ("l.csv row 2: a", "l.csv row 3: (empty)", "l.csv row 4: c d")
    assert left_out("why", rows.clear(), "x") == ()
    assert left_out("why", pl.DataFrame({"x": ["a"]}), "x")[0].examples == ("a",)
