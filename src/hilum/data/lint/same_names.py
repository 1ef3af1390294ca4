"""H111 and H112: one image name in several places, where chance cannot have made it so."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from hilum.data.lint.patients import distinctive
from hilum.data.lint.record import Finding
from hilum.data.lint.rules import rules
from hilum.data.lint.table import Table, counted, examples, row_numbers
from hilum.data.manifest_table import ROW

__all__ = ["same_names"]

_SCHEME = 0.2
"""Share of all names from which repeats are a way of numbering, not copies."""


def same_names(table: Table) -> Iterator[Finding]:
    """Find one telling file name under several paths: in two splits, or under two sources."""
    if not table.has("path"):
        return
    known = {name: table.has(name) for name in ("source", "split")}
    columns = [pl.col(n) if known[n] else pl.lit("none").alias(n) for n in known]
    stem = table.file_names.str.to_lowercase().str.replace(r"\.[a-z0-9]{2,5}$", "")
    rows = table.frame.select(ROW, "path", *columns).with_columns(name=stem).drop_nulls("name")
    again = rows.filter(pl.col("path").n_unique().over("name") > 1).filter(distinctive("name"))
    if not again.height or again.height > _SCHEME * rows.height:
        return
    again = again.with_columns(
        splits=pl.col("split").drop_nulls().n_unique().over("name"),
        sources=pl.col("source").drop_nulls().n_unique().over("name"),
    ).sort("name", ROW)
    crossing = again.filter(pl.col("splits") > 1)
    elsewhere = again.filter((pl.col("splits") <= 1) & (pl.col("sources") > 1))
    if crossing.height:
        yield _finding(crossing, "H111", "in more than one split")
    if elsewhere.height:
        yield _finding(elsewhere, "H112", "under two sources")


def _finding(rows: pl.DataFrame, code: str, where: str) -> Finding:
    names = rows["name"].n_unique()
    return Finding(
        code=code,
        severity="error" if code == "H111" else "warning",
        title=f"{counted(names, 'image name')} {where}, at different paths",
        count=names,
        examples=examples(rows, "{} of {}, split {}", "path", "source", "split"),
        why="They are most likely copies of one image, which is then trained on and tested on."
        if code == "H111"
        else "They are most likely copies of one image, which then counts twice.",
        cure="Compare the files, and keep one of each.",
        said_by="elcronos/COVID-19#51",
        rows=row_numbers(rows),
    )


rules.register("same names", same_names)
