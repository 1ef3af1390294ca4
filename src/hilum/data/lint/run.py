"""Ask every rule about a table, and put what they find in one report."""

from __future__ import annotations

from collections.abc import Sequence

# Each family registers its rules when it is imported.
from hilum.data.lint import (
    chest,
    confounders,
    labels,
    patients,
    same_names,
    sources,
    splits,
    whole_table,
)
from hilum.data.lint.record import Finding, LintReport
from hilum.data.lint.rules import rules
from hilum.data.lint.table import Table
from hilum.data.manifest import RawTable

__all__ = ["FAMILIES", "lint"]

FAMILIES = (whole_table, same_names, patients, labels, splits, sources, confounders, chest)


def lint(
    table: RawTable,
    *,
    image_findings: Sequence[Finding] = (),
    check_files: bool = True,
    skipped: Sequence[str] = (),
) -> LintReport:
    """Find what is wrong with a data set.

    The rules work on whole columns: a million rows take seconds, and no image is opened.

    Args:
        table: A manifest as written; see `hilum.data.manifest.read_table`.
        image_findings: What was found in the images themselves, to stand in the same report.
        check_files: Look whether every listed file exists.
        skipped: What was not looked at, and why, for the reader.
    """
    asked = Table(table)
    findings = [finding for name in rules for finding in rules.create(name, asked)]
    if check_files:
        findings += whole_table.missing_files(asked)
    return LintReport.of(table.name, table.frame.height, [*findings, *image_findings], skipped)
