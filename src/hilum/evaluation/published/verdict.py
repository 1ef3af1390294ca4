"""What a check says: about each row, and about what it stumbled over."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.published.metric import Counts

__all__ = ["Finding", "Kind", "RowVerdict"]

Kind = Literal[
    "impossible", "contradiction", "two_values", "one_matrix", "confusion", "spread",
    "same_row", "recall_as_precision", "two_sizes",
]  # fmt: skip
"""The last three are remarks: odd, but they can be."""

REMARKS = frozenset({"same_row", "recall_as_precision", "two_sizes"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that cannot be, or that looks odd."""

    kind: Kind
    row: str
    tables: tuple[str, ...]
    message: str
    numbers: tuple[str, ...] = ()
    """Names of the columns it is about."""

    must_be: Mapping[str, str] = field(default_factory=dict)
    """What those columns would have to say, where the other numbers settle it."""

    slips: tuple[str, ...] = ()
    """Which slips of the pen would explain it: swapped, macro, other_class, averaged, cut_off."""

    @property
    def is_remark(self) -> bool:
        """Tell whether it can be, and only looks odd."""
        return self.kind in REMARKS

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "remark": self.is_remark}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """Whether the numbers of one row can stand together, by themselves."""

    table: str
    row: str
    counts: Counts
    numbers: int
    """How many of its numbers follow from counts."""

    possible: bool | None
    """None where there were too many counts to try them all and none of those tried fits."""

    matrices: int
    """Confusion matrices that give it; with more than two classes, sets of row and column sums."""

    complete: bool
    """Whether that is all of them."""

    example: NDArray[np.int64] | None = None
    findings: tuple[Finding, ...] = ()

    def words(self) -> str:
        """Return the verdict in a few words."""
        if not self.numbers:
            return "nothing in it follows from counts"
        if self.possible is None:
            return "not decided: too many counts to try them all"
        if not self.possible:
            return "CANNOT BE"
        if self.example is None:
            return "possible"
        number = f"{self.matrices:,}" if self.complete else f"at least {self.matrices:,}"
        what = "confusion matrix" if len(self.counts.classes) == 2 else "set of counts"
        plural = what if self.matrices == 1 else what.replace("matrix", "matrices")
        plural = plural.replace("set ", "sets ") if self.matrices != 1 else plural
        such_as = "" if self.matrices == 1 and len(self.counts.classes) == 2 else "such as "
        return f"possible: {number} {plural}, {such_as}{self.example.tolist()}"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "table": self.table,
            "row": self.row,
            "images": dict(zip(self.counts.classes, self.counts.images, strict=True)),
            "numbers": self.numbers,
            "possible": self.possible,
            "matrices": self.matrices,
            "complete": self.complete,
            "example": None if self.example is None else self.example.tolist(),
            "findings": [finding.to_dict() for finding in self.findings],
        }
