"""What the published lists name beside what lies on the disk, source by source.

Data sets of this field move, are renamed and lose files; a build that stops at the first missing
file helps nobody, and one that passes over it in silence is worse. Every build therefore says what
it expected, found, found under another name, missed, and saw beyond the lists.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from hilum.data.atomic import replacing
from hilum.data.sources.source import LeftOut

__all__ = ["Reconciliation", "SourceCount"]

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class SourceCount:
    """One source's images: expected = found + renamed + missing."""

    source: str
    expected: int
    found: int
    renamed: int
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """Everything a build found out about itself.

    Args:
        name: The data set, with its version.
        listed: Rows in the published lists.
        sources: Counts by source; with lists only, nothing is looked for and found is 0.
        labels: Images in the manifest by (split, label), split "" where there is none.
        renamed: (listed, path, rule) of each file found under another name.
        missing: (listed, source) of each file not found.
        extra: Images below the root that no list names.
        left_out: What the lists name and the manifest does not, and why.
        published: Sentences that set the counts beside what papers and publishers say.
        notes: What a reader of any result on these images should know.
        lists_only: Whether files were not looked for at all.
    """

    name: str
    listed: int
    sources: tuple[SourceCount, ...]
    labels: tuple[tuple[str, str, int], ...]
    renamed: tuple[tuple[str, str, str], ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    extra: tuple[str, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    published: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    lists_only: bool = False
    total: SourceCount = field(init=False)

    def __post_init__(self) -> None:
        rows = self.sources
        total = SourceCount(
            "all",
            sum(row.expected for row in rows),
            sum(row.found for row in rows),
            sum(row.renamed for row in rows),
            sum(row.missing for row in rows),
        )
        object.__setattr__(self, "total", total)

    def to_dict(self) -> dict[str, Any]:
        """Return everything, every name included, for JSON."""
        return asdict(self)

    def write(self, path: Path) -> None:
        """Write everything as JSON, whole or not at all."""
        with replacing(path) as file:
            text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
            file.write(text.encode() + b"\n")

    def text(self) -> str:
        """Return what a person should read, with up to five examples of everything."""
        lines = [f"{self.name}: {self.listed:,} rows listed"]
        lines += [*_table(self.sources, self.total, lists_only=self.lists_only), ""]
        lines += [*_label_table(self.labels), ""]
        for out in self.left_out:
            shown = f", for example {'; '.join(out.examples[:_SHOWN])}" if out.examples else ""
            lines.append(f"left out {out.count:,}: {out.reason}{shown}")
        for rule in sorted({rule for *_, rule in self.renamed}):
            pairs = [(listed, path) for listed, path, name in self.renamed if name == rule]
            shown = "; ".join(f"{listed} is {path}" for listed, path in pairs[:_SHOWN])
            lines.append(f"renamed {len(pairs):,} by {rule}: {shown}")
        if self.missing:
            names = "; ".join(name for name, _ in self.missing[:_SHOWN])
            lines.append(f"missing {len(self.missing):,}: {names}{_more(self.missing)}")
        if self.extra:
            names = "; ".join(self.extra[:_SHOWN])
            lines.append(
                f"extra {len(self.extra):,} that no list names: {names}{_more(self.extra)}"
            )
        lines += [*self.published, *(f"note: {note}" for note in self.notes)]
        return "\n".join(lines).rstrip() + "\n"


def _more(items: Sequence[object]) -> str:
    return f"; ... and {len(items) - _SHOWN:,} more" if len(items) > _SHOWN else ""


def _table(sources: Sequence[SourceCount], total: SourceCount, *, lists_only: bool) -> list[str]:
    names = ("expected",) if lists_only else ("expected", "found", "renamed", "missing")
    width = max(12, *(len(row.source) for row in sources)) if sources else 12
    rows = [f"  {'source':{width}}" + "".join(f"{name:>10}" for name in names)]
    for row in (*sources, total) if len(sources) != 1 else sources:
        counts = "".join(f"{getattr(row, name):>10,}" for name in names)
        rows.append(f"  {row.source:{width}}{counts}")
    return rows


def _label_table(labels: Sequence[tuple[str, str, int]]) -> list[str]:
    if not labels:
        return ["  the manifest holds no image"]
    frame = pl.DataFrame(labels, schema=["split", "label", "images"], orient="row")
    names = sorted({label for _, label, _ in labels})
    width = max(12, *(len(split) for split, *_ in labels))
    rows = [
        "  " + f"{'in manifest':{width}}" + "".join(f"{name:>{len(name) + 3}}" for name in names)
    ]
    for split in dict.fromkeys(split for split, *_ in labels):
        part = dict(frame.filter(pl.col("split") == split).select("label", "images").iter_rows())
        counts = "".join(f"{part.get(name, 0):>{len(name) + 3},}" for name in names)
        rows.append(f"  {split or 'all':{width}}{counts}")
    return rows
