"""One name in several tables: whether its rows can be of one model on one test set.

Rows that cannot are parted into those that agree and those that do not: as few rows as possible
are taken to be wrong, first those whose fault a slip of the pen explains.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from hilum.evaluation.published.cores import contradictions, smallest_contradiction
from hilum.evaluation.published.reasons import listed, must_be, reason
from hilum.evaluation.published.slips import Slip, find_slips
from hilum.evaluation.published.table import Item, PublishedRow, PublishedTable, Space
from hilum.evaluation.published.verdict import Finding

__all__ = ["Part", "Settled", "settle"]


@dataclass(frozen=True)
class Part:
    """One row of one table."""

    table: PublishedTable
    row: PublishedRow
    items: tuple[Item, ...]
    faults: tuple[tuple[Item, ...], ...]
    """Its numbers that contradict each other, or counts, without any other table."""

    @classmethod
    def of(cls, space: Space, table: PublishedTable, row: PublishedRow) -> Part:
        """Look at a row by itself."""
        items = table.items(row)
        return cls(table, row, items, tuple(contradictions(space, items)))

    @property
    def unfit(self) -> tuple[Item, ...]:
        """Return the numbers that are impossible by themselves."""
        return tuple(core[0] for core in self.faults if len(core) == 1)

    @property
    def broken(self) -> bool:
        """Tell whether numbers that could be contradict each other within the row."""
        return any(len(core) > 1 for core in self.faults)

    @property
    def sound(self) -> tuple[Item, ...]:
        """Return what may be used beside other rows."""
        return () if self.broken else tuple(i for i in self.items if i not in self.unfit)


@dataclass(frozen=True)
class Settled:
    """What is left to believe of a name's rows."""

    kept: tuple[Item, ...]
    """Numbers that agree."""

    findings: tuple[Finding, ...] = ()


def settle(space: Space, parts: Sequence[Part]) -> Settled:
    """Find the rows that contradict the others, and say what they would have to be."""
    sound = [item for part in parts for item in part.sound]
    if space.possible(sound) is not False:
        return Settled(tuple(sound))
    ways = _ways(space, parts)
    ranks = [_plausibility(space, parts, way) for way in ways]
    dropped = ways[ranks.index(max(ranks))]
    kept = tuple(item for part in parts if part not in dropped for item in part.sound)
    core = smallest_contradiction(space, sound)
    if ranks.count(max(ranks)) > 1:
        return Settled(_beyond_doubt(parts, ways), (_undecided(space, parts, ways, core),))
    findings = [_finding(space, parts, part, kept) for part in dropped]
    return Settled(kept, tuple(findings))


def _ways(space: Space, parts: Sequence[Part]) -> list[tuple[Part, ...]]:
    """Return every smallest set of rows without which the others agree."""
    for size in range(1, len(parts)):
        ways = [
            few
            for few in combinations(parts, size)
            if space.possible([i for p in parts if p not in few for i in p.sound]) is not False
        ]
        if ways:
            return ways
    return [tuple(parts)]


def _plausibility(space: Space, parts: Sequence[Part], way: Sequence[Part]) -> tuple[int, int, int]:
    """Rank by how many of the doubted rows a slip explains, are faulty anyway, and are short."""
    kept = tuple(item for part in parts if part not in way for item in part.sound)
    explained = sum(bool(_slips(space, part, kept)) for part in way)
    return explained, sum(bool(part.faults) for part in way), -sum(len(p.items) for p in way)


def _slips(space: Space, part: Part, kept: Sequence[Item]) -> list[Slip]:
    return find_slips(space, part.items, kept, unfit=part.unfit)


def _beyond_doubt(parts: Sequence[Part], ways: Sequence[tuple[Part, ...]]) -> tuple[Item, ...]:
    doubted = [part for way in ways for part in way]
    return tuple(item for part in parts if part not in doubted for item in part.sound)


def _undecided(
    space: Space, parts: Sequence[Part], ways: Sequence[tuple[Part, ...]], core: Sequence[Item]
) -> Finding:
    doubted = [part.table.name for part in parts if any(part in way for way in ways)]
    return Finding(
        kind="contradiction",
        row=parts[0].row.name,
        tables=tuple(doubted),
        message=f"{listed(doubted)} contradict each other: {reason(space, core)}.",
        numbers=tuple(item.label for item in core),
    )


def _finding(space: Space, parts: Sequence[Part], part: Part, kept: tuple[Item, ...]) -> Finding:
    agreeing = [p.table.name for p in parts if any(item in kept for item in p.sound)]
    wrong = {i.label: (i, v) for i in part.items if (v := _settled(space, kept, i)) is not None}
    said = [
        f"{label} {item.printed.text} must be {value}" for label, (item, value) in wrong.items()
    ]
    why = [listed(said)] if said else []
    if not any(item in part.sound for item, _ in wrong.values()):
        core = smallest_contradiction(space, [*kept, *part.sound])
        why += [reason(space, core)] if core else []
    slips = _slips(space, part, kept)
    verb = "which agree" if len(agreeing) > 1 else "which can be"
    against = f"contradicts {listed(agreeing)}, {verb}" if agreeing else "contradicts itself"
    sentence = f"{part.table.name} {against}{': ' if why else ''}{'; '.join(why)}."
    return Finding(
        kind="contradiction",
        row=part.row.name,
        tables=(part.table.name,),
        message=" ".join([sentence, *(slip.sentence for slip in slips)]),
        numbers=tuple(wrong) or tuple(part.row.printed),
        must_be={label: value for label, (_, value) in wrong.items()},
        slips=tuple(slip.name for slip in slips),
    )


def _settled(space: Space, kept: Sequence[Item], item: Item) -> str | None:
    """Return what a number that does not fit must be; None if it fits, or much is left open."""
    value = must_be(space, kept, item)
    if value is None or value == item.printed.text or _fits(space, kept, item):
        return None
    return value


def _fits(space: Space, kept: Sequence[Item], item: Item) -> bool:
    return space.possible([*kept, item]) is not False
