"""Reading the CSV files that publishers ship with their images.

Separate from the manifest's own reading because these headers are not ours: capitals, blanks and
trailing commas come and go between releases. Column names are looked up as a person would, and a
column that is gone is named together with the file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from hilum.data.manifest_table import ROW, read_csv
from hilum.errors import DataError, ManifestError
from hilum.registry import suggestion

__all__ = ["ROW", "read_labels"]


def read_labels(
    path: Path, required: Sequence[str], *, fallback_encoding: str | None = None
) -> pl.DataFrame:
    """Read a publisher's CSV as text.

    Args:
        path: The file, in UTF-8.
        required: Columns that must be there, in lower case.
        fallback_encoding: How the publisher is known to have encoded it where it is not UTF-8.

    Returns:
        Text columns with names in lower case and without blanks around them, values stripped, empty
        ones null, and the row number in the file in column `ROW` (the header is row 1).

    Raises:
        DataError: If the file cannot be read as a table, has no rows, lacks a column or has it
            twice; names the file, and the row where there is one.
    """
    try:
        frame = read_csv(path)
    except ManifestError as error:
        if fallback_encoding is None or "is not UTF-8" not in error.summary:
            raise
        frame = read_csv(path, encoding=fallback_encoding)
    text = [name for name in frame.columns if name != ROW]
    names = {name: name.strip().lower() for name in text}
    if twice := sorted(name for name, count in Counter(names.values()).items() if count > 1):
        raise DataError(
            f"{path}: several columns are called {', '.join(map(repr, twice))}, capitals and "
            "blanks apart; rename or remove all but one."
        )
    frame = frame.rename({name: plain for name, plain in names.items() if name != plain})
    if missing := [name for name in required if name not in frame.columns]:
        hints = " ".join(suggestion(name, [*names.values()]) for name in missing[:1])
        raise DataError(f"{path}: expected a column {', '.join(map(repr, missing))}. {hints}")
    if not frame.height:
        raise DataError(f"{path} has a header and no rows; is the download whole?")
    stripped = pl.col([*names.values()]).str.strip_chars()
    return frame.with_columns(stripped).with_columns(
        pl.when(pl.col([*names.values()]) != "").then(pl.col([*names.values()])).name.keep()
    )
