"""What papers and publishers say a data set holds, beside what its lists hold.

The counts lie in `published.yaml` with where each was printed and, where it is known, why it
differs, so that "the paper says 15,951 and the list has 15,952" is something a person is told
instead of something they lose a day to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict

__all__ = ["PublishedCount", "compare_counts", "published_counts"]


_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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

    rows: bool = False
    """Whether it counts rows of the lists, images listed twice and those left out included."""

    said_by: str
    """Who printed it, and where."""

    why: str = ""
    """Why it differs from the lists, if it does and it is known."""


class _Entry(BaseModel):
    """What one person or page said of one version, as `published.yaml` writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str = ""
    split: str | None = None
    label: str | None = None
    images: int | None = None
    rows: int | None = None
    counts: Mapping[str, int | Mapping[str, int]] = {}
    said_by: str
    why: str = ""

    def printed(self) -> Iterator[PublishedCount]:
        """Take an entry of several numbers apart; `all` stands for every split or every label."""
        said = self.model_dump(include={"name", "version", "said_by", "why"})
        if self.images is not None:
            yield PublishedCount(**said, split=self.split, label=self.label, images=self.images)
        if self.rows is not None:
            yield PublishedCount(**said, images=self.rows, rows=True)
        for split, held in self.counts.items():
            labels = {"all": held} if isinstance(held, int) else held
            for label, images in labels.items():
                yield PublishedCount(
                    **said,
                    split=None if split == "all" else split,
                    label=None if label == "all" else label,
                    images=images,
                )


@cache
def published_counts() -> tuple[PublishedCount, ...]:
    """Return every printed number that the project knows."""
    text = files("hilum.data.sources").joinpath("published.yaml").read_text(encoding="utf-8")
    entries = [_Entry.model_validate(row) for row in yaml.load(text, Loader=_LOADER)]  # noqa: S506
    return tuple(count for entry in entries for count in entry.printed())


def compare_counts(
    name: str, version: str, counts: Mapping[tuple[str, str], int], *, rows: int, lists: bool = True
) -> tuple[str, ...]:
    """Set what the lists hold beside what was printed of them.

    Numbers of a split that the lists do not have are passed over, and where one is passed over so
    are those of all splits together.

    Args:
        name: The data set's name.
        version: The version built; empty if it has none.
        counts: Images of the listing by (split, label).
        rows: Rows in the lists.
        lists: Whether the counts come from a publisher's lists, not from folders.

    Returns:
        A sentence for all the numbers of one author that are the same here, and one for those that
        differ for one reason.
    """
    lines = []
    sentences: dict[tuple[str, str | None], list[tuple[PublishedCount, int]]] = {}
    for count in _to_compare(name, version, {split for split, _ in counts}):
        held = rows if count.rows else _held(count, counts)
        why = None if held == count.images else count.why
        sentences.setdefault((count.said_by, why), []).append((count, held))
    here = "the lists hold" if lists else "here are"
    for (said_by, why), numbers in sentences.items():
        said = ", ".join(_said(count) for count, _ in numbers)
        if why is None:
            lines.append(f"published: {said_by} says {said}; the same here")
        else:
            held_here = " and ".join(f"{held:,}" for _, held in numbers)
            reason = f" ({why})" if why else ""
            lines.append(f"published: {said_by} says {said}; {here} {held_here}{reason}")
    return tuple(lines)


def _held(count: PublishedCount, counts: Mapping[tuple[str, str], int]) -> int:
    return sum(
        images
        for (split, label), images in counts.items()
        if count.split in (None, split) and count.label in (None, label)
    )


def _to_compare(name: str, version: str, splits: Collection[str]) -> list[PublishedCount]:
    """Return the printed numbers that can be set beside lists of these splits."""
    printed = [
        count
        for count in published_counts()
        if count.name == name and count.version in ("", version)
    ]
    whole = all(count.split in splits for count in printed if count.split is not None)
    return [count for count in printed if count.split in splits or (whole and count.split is None)]


def _said(count: PublishedCount) -> str:
    what = " ".join(part for part in (count.split, count.label) if part)
    return f"{count.images:,} {what or ('rows' if count.rows else 'images')}"
