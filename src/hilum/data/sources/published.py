"""What papers and publishers say a data set holds, beside what its lists hold.

The counts lie in `published.yaml` with where each was printed and, where it is known, why it
differs, so that "the paper says 15,951 and the list has 15,952" is something a person is told
instead of something they lose a day to.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

__all__ = ["PublishedCount", "compare_counts", "published_counts"]


class PublishedCount(BaseModel):
    """One printed number of images."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """The data set's name."""

    version: str = ""
    """Its version, or empty for all."""

    split: str | None = None
    """The split counted, or every one."""

    label: str | None = None
    """The label counted, or every one."""

    images: int
    """The number printed."""

    said_by: str
    """Who printed it, and where."""

    why: str = ""
    """Why it differs from the lists, if it does and it is known."""


@cache
def published_counts() -> tuple[PublishedCount, ...]:
    """Return every printed number that the project knows."""
    text = files("hilum.data.sources").joinpath("published.yaml").read_text(encoding="utf-8")
    return tuple(PublishedCount.model_validate(row) for row in yaml.safe_load(text))


def compare_counts(
    name: str, version: str, counts: Mapping[tuple[str, str], int]
) -> tuple[str, ...]:
    """Set what the lists hold beside what was printed of them, a sentence a number.

    Args:
        name: The data set's name.
        version: The version built; empty if it has none.
        counts: Images of the listing by (split, label).
    """
    lines = []
    for printed in published_counts():
        if printed.name != name or printed.version not in ("", version):
            continue
        held = sum(
            images
            for (split, label), images in counts.items()
            if printed.split in (None, split) and printed.label in (None, label)
        )
        what = " ".join(part for part in (printed.split, printed.label) if part) or "images"
        same = "as listed" if held == printed.images else f"the lists hold {held:,}"
        why = f" ({printed.why})" if printed.why and held != printed.images else ""
        lines.append(f"published: {printed.said_by} says {printed.images:,} {what}; {same}{why}")
    return tuple(lines)
