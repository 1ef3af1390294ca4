"""What a contradiction between printed numbers comes to, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hilum.evaluation.published.table import Item, Nearest, Space

__all__ = ["listed", "must_be", "reason"]


def listed(words: Iterable[str], last_word: str = "and") -> str:
    """Join words for a sentence.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    *first, last = words
    return f"{', '.join(first)} {last_word} {last}" if first else last


def reason(space: Space, core: Sequence[Item]) -> str:
    """Say why some numbers cannot hold together, and what is nearest to them.

    Args:
        space: The matrices that could be.
        core: Numbers no matrix gives, and none of which can be left out.
    """
    if len(core) == 1:
        item = core[0]
        near = _near(item, space.nearest((), item.metric, item.printed.value))
        return f"{_said(item)} {_alone(space, item)}{f'; nearest {near}' if near else ''}"
    tables = {item.table for item in core}
    names = listed(f"{_said(i)}{f' ({i.table})' if len(tables) > 1 else ''}" for i in core)
    could = []
    for item in core:
        others = [other for other in core if other is not item]
        near = _near(item, space.nearest(others, item.metric, item.printed.value))
        if near:
            rest = "the other" if len(core) == 2 else "the others"
            could.append(f"with {rest} as printed, the nearest {item.label} is {near}")
    return "; ".join([f"{names} cannot hold together", *could])


def must_be(space: Space, rest: Sequence[Item], item: Item) -> str | None:
    """Return what a number must be if others hold; None where they leave much open."""
    span = space.span(rest, item.metric) if rest else None
    if span is None:
        return None
    low, high = (item.printed.show(value) for value in span)
    if low == high:
        return low
    return f"{low} to {high}" if span[1] - span[0] <= 10 * item.printed.step else None


def _said(item: Item) -> str:
    return f"{item.label} {item.printed.text}"


def _alone(space: Space, item: Item) -> str:
    counts, metric = space.counts, item.metric
    divisor = None
    if metric.kind == "accuracy":
        divisor = counts.total
    elif metric.of is not None and metric.kind == "recall":
        divisor = counts.images[metric.of]
    elif metric.of is not None and metric.kind == "specificity":
        divisor = counts.total - counts.images[metric.of]
    if divisor is None:
        return f"can come of no whole numbers of images ({counts.words()})"
    places = item.printed.places
    digits = f"{places} decimal{'' if places == 1 else 's'}"
    return f"is no k/{divisor:,} to {digits}{' of a percent' if item.printed.percent else ''}"


def _near(item: Item, both: tuple[Nearest | None, Nearest | None]) -> str:
    shown = [_value(item, near) for near in both if near is not None]
    return listed(dict.fromkeys(shown), "or") if shown else ""


def _value(item: Item, near: Nearest) -> str:
    shown = item.printed.show(near.value)
    if shown == item.printed.text:
        scale = 100 if item.printed.percent else 1
        shown = f"{near.value * scale:.{item.printed.places + 2}f}"
    return f"{shown} ({near.fraction})" if near.fraction and 0 < near.value < 1 else shown
