"""`hilum check-table`: can these published numbers be?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option, echo

from hilum.cli.console import note, print_json

if TYPE_CHECKING:
    from hilum.evaluation.published import PublishedTable

__all__ = ["check_table"]


def check_table(
    table: Annotated[
        str,
        Argument(help="CSV, YAML, evaluation.json or its folder; or p1 to p4, the papers'."),
    ],
    *,
    json: Annotated[bool, Option("--json", help="Print the verdicts as JSON.")] = False,
) -> None:
    """Say which rows of TABLE no whole numbers of images can have given, and why.

    Columns of a CSV: name, n_positive and n_negative (or n_<class> for every class), and any of
    accuracy, precision, recall, specificity, npv, f1, macro_f1 ... as printed: their digits say
    how they were rounded.

    Exit code 4: something in it cannot be.
    """
    from hilum.evaluation.published import check_tables

    report = check_tables(_read(table))
    if json:
        print_json(report.to_dict())
    else:
        echo(report.text(), nl=False)
    if report.failed:
        note("hilum: something in this table cannot be")
        raise Exit(4)


def _read(table: str) -> tuple[PublishedTable, ...]:
    if table in {"p1", "p2", "p3", "p4"} and not Path(table).exists():
        from hilum.reproduce.published_tables import published

        return published(table).tables
    from hilum.evaluation.published import read_tables

    return read_tables(table)
