"""Options that the generic layouts share: other words for labels, and patients told by a pattern.

Separate because folders, tables and trees of DICOM files all take them, written alike.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import polars as pl

from hilum.errors import ConfigError, DataError

__all__ = ["patient_pattern", "patients_by", "relabel", "relabelling"]

_SHOWN = 5


def relabelling(options: Mapping[str, str]) -> dict[str, str]:
    """Read the option relabel, such as "COVID-19:covid,No Finding:normal,Scoliosis:".

    A label without a word after the colon is left out; one that is not named stays as it is.

    Raises:
        ConfigError: If a part has no colon, or one label gets two words.

    >>> relabelling({"relabel": "COVID-19:covid, No Finding:normal"})
    {'COVID-19': 'covid', 'No Finding': 'normal'}
    """
    words: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in options.get("relabel", "").split(","))):
        old, mark, new = (text.strip() for text in part.rpartition(":"))
        if not mark or not old:
            raise ConfigError(
                f"relabel: expected OLD:NEW,OLD:NEW,... (an empty NEW leaves out), got {part!r}."
            )
        if words.setdefault(old, new) != new:
            raise ConfigError(f"relabel: {old!r} is to be {words[old]!r} and {new!r}; choose one.")
    return words


def relabel(frame: pl.DataFrame, words: Mapping[str, str]) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Put other words for labels; those to be left out become null.

    Args:
        frame: With column label.
        words: As `relabelling` returns.

    Returns:
        The frame, and a note on words that no row has: most likely a slip.
    """
    if not words:
        return frame, ()
    held = set(frame["label"].drop_nulls())
    new: dict[str, str | None] = {old: word or None for old, word in words.items()}
    frame = frame.with_columns(
        pl.col("label").replace_strict(new, default=pl.col("label"), return_dtype=pl.String)
    )
    unused = sorted(set(words) - held)
    if not unused:
        return frame, ()
    shown = ", ".join(map(repr, unused[:_SHOWN]))
    there = ", ".join(map(repr, sorted(held)[:_SHOWN])) or "none"
    return frame, (f"relabel names labels that no image has: {shown}; there are {there}.",)


def patient_pattern(options: Mapping[str, str]) -> re.Pattern[str] | None:
    """Read the option patient, a regular expression with one group; None if it is not given.

    Raises:
        ConfigError: If it is no regular expression, or has not exactly one group.
    """
    text = options.get("patient")
    if text is None:
        return None
    try:
        pattern = re.compile(text)
    except re.error as error:
        raise ConfigError(f"patient: {text!r} is no regular expression: {error}.") from error
    if pattern.groups != 1:
        raise ConfigError(
            f"patient: expected a regular expression with one group, such as '^(\\d+)_', "
            f"got {pattern.groups} groups in {text!r}."
        )
    return pattern


def patients_by(pattern: re.Pattern[str], files: list[str]) -> pl.Series:
    """Return the patient each file name tells, null where the pattern does not match.

    Args:
        pattern: As `patient_pattern` returns; looked for anywhere in the relative path.
        files: Relative paths.

    Raises:
        DataError: If it matches none of them.
    """
    found = [match[1] or None if (match := pattern.search(file)) else None for file in files]
    if files and not any(found):
        raise DataError(
            f"patient={pattern.pattern} matches no file, for example not {files[0]}. It is looked "
            "for anywhere in the path below the root."
        )
    return pl.Series("patient_id", found, dtype=pl.String)
