"""One measured claim: hilum's figure, the peer's, the ratio, and whether that was wanted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Row", "compared", "limited"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A claim: hilum's figure, the peer's, and what the ratio should be.

    Args:
        claim: What is measured.
        peer: What it stands beside; "limit" or "" where there is only a figure.
        ours: hilum's median; None where nothing could be measured.
        theirs: The peer's median, in the same unit; None without a peer.
        unit: Of both.
        ratio: How many times better hilum is, or with `at_most` how many times as long something
            takes; None without a peer.
        wanted: The target in words; "" where there is none.
        met: Whether it was reached; None where nothing is wanted or nothing was measured.
        target: The ratio that is wanted, where one is.
        at_most: Whether the ratio must stay below `target`.
        group: The group of cases it belongs to.
        versions: Of the packages that take part, by name.
        note: What else a reader should know: the largest difference of two maps.
        missing: Why there is no figure, and how to get one: the line for pip.
    """

    claim: str
    peer: str
    ours: float | None
    theirs: float | None
    unit: str
    ratio: float | None
    wanted: str
    met: bool | None
    target: float | None = None
    at_most: bool = False
    group: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    missing: str = ""


def compared(
    claim: str,
    ours: float,
    peer: str,
    theirs: float,
    ratio: float,
    *,
    unit: str,
    target: float | None = None,
    at_most: bool = False,
    also: str = "",
    also_met: bool = True,
    note: str = "",
) -> Row:
    """Return a row of hilum beside a peer.

    Args:
        claim: What is measured.
        ours: hilum's figure.
        peer: What it stands beside.
        theirs: The peer's figure.
        ratio: Theirs to ours, pair by pair.
        unit: Of both figures.
        target: The ratio that is wanted; None for none.
        at_most: Whether the ratio must stay below `target`.
        also: What is wanted besides, in words.
        also_met: Whether that was reached.
        note: What else a reader should know.
    """
    words = "" if target is None else f"at {'most' if at_most else 'least'} {target:g} times"
    wanted = ", ".join(part for part in (words, also) if part)
    within = target is None or (ratio <= target if at_most else ratio >= target)
    return Row(
        claim=claim, peer=peer, ours=ours, theirs=theirs, unit=unit, ratio=ratio, wanted=wanted,
        met=(within and also_met) if wanted else None, target=target, at_most=at_most, note=note,
    )  # fmt: skip


def limited(
    claim: str, ours: float, *, unit: str, limit: float | None = None, note: str = ""
) -> Row:
    """Return a row of a figure of this machine, which may have a limit.

    Args:
        claim: What is measured.
        ours: The figure.
        unit: Its unit.
        limit: What it must stay below; None for nothing.
        note: What else a reader should know.
    """
    return Row(
        claim=claim, peer="" if limit is None else "limit", ours=ours, theirs=None, unit=unit,
        ratio=None, wanted="" if limit is None else f"under {limit:,g} {unit}",
        met=None if limit is None else ours < limit, note=note,
    )  # fmt: skip
