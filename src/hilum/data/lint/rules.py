"""The registry of lint's rules over the table.

A rule is a function from the table to findings. Each family is one file, which registers its rules
at its end; `run` asks them all. A rule looks at whole columns, never row by row, and yields nothing
where the columns it needs are not there.
"""

from __future__ import annotations

from collections.abc import Iterable

from hilum.data.lint.record import Finding
from hilum.registry import Registry

__all__ = ["rules"]

rules: Registry[Iterable[Finding]] = Registry("lint rule")
