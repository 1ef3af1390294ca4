"""Which slip of the pen would make an impossible row possible.

A slip is offered only if the row, read that way, agrees with everything else that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from hilum.evaluation.published.metric import Metric
from hilum.evaluation.published.reasons import listed
from hilum.evaluation.published.table import Item, Space

__all__ = ["Slip", "find_slips"]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Slip:
    """One way to read a row that makes it possible."""

    name: str
    sentence: str


def find_slips(
    space: Space, row: Sequence[Item], rest: Sequence[Item], *, unfit: Sequence[Item] = ()
) -> list[Slip]:
    """Return the slips that would explain a row.

    Args:
        space: The matrices that could be.
        row: Numbers that cannot be, alone or beside `rest`.
        rest: Numbers of other tables that are taken to be right.
        unfit: Those of the row that are impossible by themselves; if no reading saves them, the
            others are tried without.
    """
    found = list(_of(space, row, rest, ""))
    others = [item for item in row if item not in unfit]
    if not found and unfit and len(others) > 1 and space.possible([*others, *rest]) is False:
        left = f" (all but {listed(f'{item.label} {item.printed.text}' for item in unfit)})"
        found = list(_of(space, others, rest, left))
    return found


def _of(space: Space, row: Sequence[Item], rest: Sequence[Item], left: str) -> Iterator[Slip]:
    for name, sentence, read in _readings(space, row, alone=not rest):
        again = [item.of(read(item.metric)) for item in row]
        if again != list(row) and space.possible([*again, *rest]) is True:
            yield Slip(name, f"It fits if {sentence}{left}.")
    means = [item for item in row if _is_mean_of_rounded(space, item, [*row, *rest])]
    kept = [*(item for item in row if item not in means), *rest]
    averaged = [item for item in means if space.possible([*kept, item]) is False]
    if averaged and space.possible([i for i in (*row, *rest) if i not in averaged]) is True:
        names = listed(f"{item.label} {item.printed.text}" for item in averaged)
        verb = "is the mean" if len(averaged) == 1 else "are means"
        yield Slip("averaged", f"{names} {verb} of the rounded numbers of the classes.")
    if row and space.possible([*(item.cut_off() for item in row), *rest]) is True:
        yield Slip("cut_off", f"It fits if digits were cut off, not rounded{left}.")


def _readings(
    space: Space, row: Sequence[Item], *, alone: bool
) -> Iterator[tuple[str, str, Callable[[Metric], Metric]]]:
    kinds = {(item.metric.kind, item.metric.of) for item in row}
    classes = space.counts.classes
    of = sorted({number for _, number in kinds if number is not None})
    if any(("recall", c) in kinds and ("precision", c) in kinds for c in of):
        yield "swapped", "precision and recall are exchanged", _swapped
    for a, b in combinations(range(len(classes)), 2):
        few = 2 * len(classes) if alone and len(classes) > 2 else 2  # fewer fit by chance
        if sum(item.metric.of in {a, b} for item in row) >= few:
            sentence = f"the classes {classes[a]} and {classes[b]} are exchanged"
            yield "other_class", sentence, _exchanged(a, b)
    one_class = len(of) == 1 and sum(item.metric.of is not None for item in row) > 1
    if one_class and not any(item.metric.average for item in row):
        yield "macro", f"they are macro averages, not those of {classes[of[0]]}", _averaged


def _swapped(metric: Metric) -> Metric:
    if metric.of is None or metric.kind not in {"recall", "precision"}:
        return metric
    return Metric("precision" if metric.kind == "recall" else "recall", of=metric.of)


def _exchanged(a: int, b: int) -> Callable[[Metric], Metric]:
    def read(metric: Metric) -> Metric:
        number = {a: b, b: a}.get(metric.of, metric.of) if metric.of is not None else None
        return Metric(metric.kind, of=number, average=metric.average)

    return read


def _averaged(metric: Metric) -> Metric:
    return metric if metric.of is None else Metric(metric.kind, average="macro")


def _is_mean_of_rounded(space: Space, item: Item, known: Sequence[Item]) -> bool:
    if item.metric.average != "macro":
        return False
    printed: dict[int, float] = {}
    for other in known:
        if other.metric.kind == item.metric.kind and other.metric.of is not None:
            printed.setdefault(other.metric.of, other.printed.value)
    if len(printed) < len(space.counts.classes):
        return False
    mean = sum(printed.values()) / len(printed)
    return abs(mean - item.printed.value) <= item.printed.step / 2 + _ROUNDING
