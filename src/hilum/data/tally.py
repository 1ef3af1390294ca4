"""How many images and patients a manifest holds, by split, label and source.

What a person looks at after every merge and every split: a column of zeros in it is a source that
answers for the disease.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from hilum.data.manifest import Manifest
from hilum.data.manifest_checks import SPLITS

__all__ = ["tally", "tally_text"]

_KEYS = ["split", "label", "source"]


def tally(manifest: Manifest) -> list[dict[str, Any]]:
    """Count images and patients by split, label and source; split is "" where there is none."""
    has_split = "split" in manifest.frame.columns
    split = pl.col("split").fill_null("") if has_split else pl.lit("")
    order = {name: rank for rank, name in enumerate(SPLITS)}
    counted = (
        manifest.frame.lazy()
        .select("label", "source", "patient_id", split=split)
        .group_by(_KEYS)
        .agg(images=pl.len(), patients=pl.col("patient_id").n_unique())
        .collect()
    )
    rank = counted["split"].replace_strict(order, default=len(order), return_dtype=pl.Int64)
    rows = counted.with_columns(rank=rank).sort("rank", *_KEYS).drop("rank")
    return rows.select(*_KEYS, "images", "patients").to_dicts()


def tally_text(rows: list[dict[str, Any]]) -> str:
    """Lay the counts out as a table: a line a split and source, a column a label.

    Each cell is images, with the patients in brackets where they are fewer.
    """
    labels = sorted({row["label"] for row in rows})
    lines = list(dict.fromkeys((row["split"], row["source"]) for row in rows))
    cells = {(row["split"], row["source"], row["label"]): _cell(row) for row in rows}
    header = ["split", "source", *(label or "(none)" for label in labels)]
    table = [header]
    for split, source in sorted(lines, key=lambda line: (_rank(line[0]), *line)):
        counts = (cells.get((split, source, label), "0") for label in labels)
        table.append([split or "(none)", source, *counts])
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    return "\n".join("  ".join(_padded(row, widths)).rstrip() for row in table)


def _rank(split: str) -> int:
    return SPLITS.index(split) if split in SPLITS else len(SPLITS)


def _cell(row: dict[str, Any]) -> str:
    fewer = row["patients"] < row["images"]
    return f"{row['images']:,}" + (f" ({row['patients']:,})" if fewer else "")


def _padded(row: list[str], widths: list[int]) -> list[str]:
    names = [text.ljust(width) for text, width in zip(row[:2], widths[:2], strict=True)]
    counts = [text.rjust(width) for text, width in zip(row[2:], widths[2:], strict=True)]
    return names + counts
