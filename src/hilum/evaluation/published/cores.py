"""The smallest sets of printed numbers that contradict each other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from hilum.evaluation.published.table import Item, Space

__all__ = ["contradictions", "smallest_contradiction"]

_GIVEN_UP_FIRST = ("macro", "weighted")


def contradictions(space: Space, items: Sequence[Item]) -> list[tuple[Item, ...]]:
    """Return sets that cannot hold together, each as small as can be, with no number in two.

    What is left once all of them are taken away is possible.
    """
    left, found = list(items), []
    while core := smallest_contradiction(space, left):
        found.append(core)
        left = [item for item in left if item not in core]
    return found


def smallest_contradiction(space: Space, items: Sequence[Item]) -> tuple[Item, ...]:
    """Return the numbers that cannot hold together; empty if all can.

    A single one if there is one, else a pair, else a set of which none can be left out.
    """
    if space.possible(items) is not False:
        return ()
    for size in (1, 2):
        for few in combinations(items, size):
            if space.possible(few) is False:
                return few
    core = sorted(items, key=_order)
    for item in list(core):
        fewer = [other for other in core if other is not item]
        if space.possible(fewer) is False:
            core = fewer
    return tuple(item for item in items if item in core)


def _order(item: Item) -> tuple[bool, bool]:
    """Return what to leave out first: averages, then figures over all classes."""
    return item.metric.average not in _GIVEN_UP_FIRST, item.metric.of is not None
