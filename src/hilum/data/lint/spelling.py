"""Names that are most likely another name, misspelt.

A slip of the keys is one letter too many, too few, wrong, or two swapped. Between short names that
proves little, so a name is suspicious only beside one that is much commoner or known by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

__all__ = ["one_slip_apart", "same_but_for_style", "slips"]

_SHORTEST = 4
_RARER = 5


def one_slip_apart(a: str, b: str) -> bool:
    """Say whether one letter was added, dropped, changed, or two neighbours swapped.

    >>> one_slip_apart("rnsa", "rsna"), one_slip_apart("rsna", "cohen")
    (True, False)
    """
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    if len(a) == len(b):
        differ = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        if len(differ) == 2:
            i, j = differ
            return j == i + 1 and a[i] == b[j] and a[j] == b[i]
        return len(differ) == 1
    short, long = sorted((a, b), key=len)
    return any(long[:i] + long[i + 1 :] == short for i in range(len(long)))


def same_but_for_style(a: str, b: str) -> bool:
    """Say whether two names differ only in capitals, blanks and punctuation."""
    return a != b and _bare(a) == _bare(b) != ""


def slips(counts: Mapping[str, int], known: Iterable[str] = ()) -> dict[str, str]:
    """Return each suspicious name and the name that is likely meant.

    Args:
        counts: How often each name occurs.
        known: Names that are right wherever they occur.

    Returns:
        Names one slip from a name that is known, or at least five times as common; and, of names
        that differ only in style, all but the commonest.
    """
    right = {*known}
    found: dict[str, str] = {}
    by_count = sorted({*counts, *right}, key=lambda name: (-counts.get(name, 0), name))
    near = _neighbourhoods(by_count)
    for name in by_count:
        if name in right or name not in counts:
            continue
        others = {other for key in _keys(name) for other in near[key]} - {name}
        for other in sorted(others, key=lambda other: (-counts.get(other, 0), other)):
            if other not in found and _is_slip(name, other, counts, right):
                found[name] = other
                break
    return found


def _keys(name: str) -> set[tuple[str, str]]:
    """Return the name's digits with the name without style, and with each one letter dropped.

    Names one slip apart share a key, so that a hundred thousand names need not be compared in
    pairs.
    """
    lower, digits = name.lower(), _numbers(name)
    forms = {_bare(name), lower, *(lower[:i] + lower[i + 1 :] for i in range(len(lower)))}
    return {(digits, form) for form in forms}


def _neighbourhoods(names: Iterable[str]) -> dict[tuple[str, str], list[str]]:
    near: dict[tuple[str, str], list[str]] = {}
    for name in names:
        for key in _keys(name):
            near.setdefault(key, []).append(name)
    return near


def _is_slip(name: str, other: str, counts: Mapping[str, int], right: set[str]) -> bool:
    often = counts.get(other, 0)
    if same_but_for_style(name, other):
        return other in right or often >= counts[name]
    if min(len(name), len(other)) < _SHORTEST or _numbers(name) != _numbers(other):
        return False
    near = one_slip_apart(name.lower(), other.lower())
    return near and (other in right or often >= _RARER * counts[name])


def _bare(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _numbers(name: str) -> str:
    """Return the digits: level1 and level2, or site_3 and site_4, are two names on purpose."""
    return "".join(letter for letter in name if letter.isdigit())
