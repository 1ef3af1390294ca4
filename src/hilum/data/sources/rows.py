"""The steps that most readings of label files share: what is frontal, left out, known.

Separate so that a builder reads as the facts about one data set and nothing else.
"""

from __future__ import annotations

import re

import polars as pl

from hilum.data.manifest_table import ROW
from hilum.data.sources.source import LeftOut

__all__ = ["FRONTAL_VIEWS", "frontal_view", "keep_first", "known", "left_out", "sex", "years"]

_SHOWN = 5

FRONTAL_VIEWS = {
    "pa": "PA",
    "ap": "AP",
    "ap supine": "AP SUPINE",
    "ap semi erect": "AP SEMI ERECT",
    "ap erect": "AP ERECT",
    "antero-posterior": "AP",
    "postero-anterior": "PA",
}
"""Words publishers use for frontal views, in lower case, and the manifest's word for each."""


def frontal_view(column: str) -> pl.Expr:
    """Return the frontal view each row names, null where it is another view or none is named."""
    text = pl.col(column).str.to_lowercase().str.replace_all(r"[\s_]+", " ").str.strip_chars()
    return text.replace_strict(FRONTAL_VIEWS, default=None, return_dtype=pl.String)


def sex(column: str) -> pl.Expr:
    """Return M or F, null where neither is said."""
    words = {"m": "M", "male": "M", "f": "F", "female": "F", "w": "F"}
    text = pl.col(column).str.to_lowercase()
    return text.replace_strict(words, default=None, return_dtype=pl.String)


def years(column: str) -> pl.Expr:
    """Return ages in years from text such as "57", "058Y", "6M", "50+"; null where unknown.

    Months, weeks and days become parts of years; an age above 120 is taken as unknown.
    """
    text = pl.col(column).str.to_uppercase().str.strip_chars()
    number = text.str.extract(r"^(\d+(?:\.\d+)?)\s*[YMWD+]?$").cast(pl.Float64)
    unit = text.str.extract(r"([MWD])$").replace_strict(
        {"M": 12.0, "W": 52.1775, "D": 365.2425}, default=1.0, return_dtype=pl.Float64
    )
    age = number / unit
    return pl.when(age.is_between(0, 120)).then(age)


def known(frame: pl.DataFrame, column: str) -> pl.Expr:
    """Return a column that some releases lack, as nulls where it is not there."""
    return pl.col(column) if column in frame.columns else pl.lit(None, dtype=pl.String)


def keep_first(frame: pl.DataFrame, *keys: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part a table into the first row of each key, in order, and the rows that repeat one."""
    first = pl.struct(keys).is_first_distinct()
    return frame.filter(first), frame.filter(~first)


def left_out(
    reason: str, rows: pl.DataFrame, column: str, *, file: str = ""
) -> tuple[LeftOut, ...]:
    """Describe rows that were not taken; nothing if there are none.

    Args:
        reason: Why, to follow "left out 3: ".
        rows: They; with column `ROW` examples name the row.
        column: What a person would look for.
        file: Name of the list, if there are several.
    """
    if not rows.height:
        return ()
    where = f"{file} row {{}}: {{}}".strip() if ROW in rows.columns else "{}"
    keys = [ROW, column] if ROW in rows.columns else [column]
    shown = rows.head(_SHOWN).select(pl.col(keys).cast(pl.String).fill_null("(empty)"))
    examples = tuple(re.sub(r"\s+", " ", where.format(*row)) for row in shown.iter_rows())
    return (LeftOut(reason, rows.height, examples),)
