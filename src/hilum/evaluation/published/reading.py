"""Printed tables from CSV and YAML files, and from hilum's own evaluations.

Numbers are read as text, because their digits say how they were rounded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hilum.errors import DataError
from hilum.evaluation.published.cells import positive_class
from hilum.evaluation.published.csv_tables import parse_csv
from hilum.evaluation.published.metric import Counts
from hilum.evaluation.published.number import Printed
from hilum.evaluation.published.table import PublishedRow, PublishedTable
from hilum.evaluation.published.yaml_tables import parse_yaml

__all__ = ["read_tables", "table_of_evaluation"]

_OVER_ALL = (
    "accuracy", "balanced_accuracy", "macro_precision", "macro_recall", "macro_specificity",
    "macro_f1", "cohen_kappa", "mcc",
)  # fmt: skip
_PER_CLASS = ("recall", "specificity", "precision", "npv", "f1")


def read_tables(path: str | Path) -> tuple[PublishedTable, ...]:
    """Read the tables of a file.

    Args:
        path: A CSV file, a YAML file of tables, an evaluation.json or a folder that holds one.

    Raises:
        DataError: Everything that is wrong, with its row and column; the header is row 1.
    """
    path = Path(path)
    if path.is_dir():
        path = path / "evaluation.json"
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"Cannot read the table {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text; save it as UTF-8.") from error
    match path.suffix.lower():
        case ".yaml" | ".yml":
            return parse_yaml(text, str(path))
        case ".csv":
            return parse_csv(text, path)
        case ".json":
            return (_evaluation(text, path),)
    raise DataError(f"Expected a table ending in .csv, .yaml or .json, got {path}.")


def _evaluation(text: str, path: Path) -> PublishedTable:
    try:
        return table_of_evaluation(json.loads(text), name=str(path))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path} is not an evaluation.json that `hilum evaluate` wrote: {error!r}."
        ) from error


def table_of_evaluation(
    values: Mapping[str, Any], *, name: str, decimals: int = 3
) -> PublishedTable:
    """Return an evaluation's figures as a table that rounds them, with its confusion matrix.

    Args:
        values: What evaluation.json holds.
        name: Of the table.
        decimals: Digits kept.

    Raises:
        KeyError: If a part is missing.
    """
    counts = Counts(
        tuple(values["class_counts"]),
        tuple(values["class_counts"].values()),
        positive_class(list(values["class_counts"]), values["positive_class"]),
    )
    figures = {label: values["metrics"].get(label) for label in _OVER_ALL}
    for class_, row in values["per_class"].items():
        figures |= {f"{kind}_{class_}": row.get(kind) for kind in _PER_CLASS}
    printed = {
        label: Printed.parse(f"{figure['estimate']:.{decimals}f}")
        for label, figure in figures.items()
        if figure is not None and figure["estimate"] is not None
    }
    matrix = tuple(tuple(row) for row in values["confusion"]["counts"])
    row = PublishedRow(name="This model", printed=printed, confusion=matrix)
    return PublishedTable(name=name, counts=counts, rows=(row,))
