"""Lint: what is wrong with a data set, found by rules, before any network sees it.

`lint(read_table(path))` looks at the table alone and needs no image. Codes and severities are
described in `record`; each family of rules is one file.
"""

from hilum.data.lint.record import Finding, LintReport, Severity

__all__ = ["Finding", "LintReport", "Severity"]
