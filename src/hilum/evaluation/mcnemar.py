"""The films on which exactly one of two models is right, and whether chance explains their split.

With one film a patient this is McNemar's exact test. Where patients have several films these are
not separate trials; then whole patients are swapped between the models instead of films, which is
the same test when every patient has one.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Discordance", "mcnemar"]

_ROOM = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Discordance:
    """Where two models differ in being right."""

    both_right: int
    only_a: int
    """Films that the first alone calls rightly."""

    only_b: int
    both_wrong: int
    n: int
    patients: int
    p_value: float | None
    """Two-sided; None where no patient tells the models apart."""

    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def mcnemar(right_a: ArrayLike, right_b: ArrayLike, patients: ArrayLike) -> Discordance:
    """Test whether two models are right equally often on the same films.

    d_i = films of patient i that only A calls rightly, minus those only B does. If the models are
    alike, d_i is as likely as -d_i; the p value is the chance that |sum +-d_i| is at least
    |sum d_i|, summed exactly over all signs.

    Args:
        right_a: Whether the first is right on each film, shape (n,).
        right_b: Whether the second is.
        patients: Which patient each film shows, shape (n,), whole numbers from 0.

    Raises:
        ValueError: If the shapes differ or there is no film.

    References:
        McNemar, "Note on the sampling error of the difference between correlated proportions or
        percentages", Psychometrika 12, 1947.

    >>> mcnemar([1, 1, 1, 0], [0, 1, 0, 0], [0, 1, 2, 3]).p_value
    0.5
    """
    a, b = np.asarray(right_a, dtype=bool), np.asarray(right_b, dtype=bool)
    who = np.asarray(patients)
    if a.ndim != 1 or a.shape != b.shape or a.shape != who.shape or a.size == 0:
        raise ValueError(
            f"Expected three arrays of one shape (n >= 1,), got {a.shape}, {b.shape}, {who.shape}"
        )
    d = np.bincount(who, weights=a.astype(np.float64) - b).astype(np.int64)
    films = np.bincount(who)
    single = bool((films <= 1).all())
    return Discordance(
        both_right=int((a & b).sum()),
        only_a=int((a & ~b).sum()),
        only_b=int((~a & b).sum()),
        both_wrong=int((~a & ~b).sum()),
        n=int(a.size),
        patients=int((films > 0).sum()),
        p_value=_sign_flip(d[d != 0]),
        method="exact McNemar" if single else "exact McNemar, whole patients swapped",
    )


def _sign_flip(d: NDArray[np.int64]) -> float | None:
    """Return P(|sum of +-d| >= |sum of d|) over all signs, exactly."""
    if d.size == 0:
        return None
    size, reach = np.abs(d), int(np.abs(d).sum())
    chance = np.zeros(2 * reach + 1)
    chance[reach] = 1.0
    for step in np.sort(size).tolist():
        moved = np.zeros_like(chance)
        moved[step:] += chance[:-step] / 2
        moved[:-step] += chance[step:] / 2
        chance = moved
    sums = np.abs(np.arange(-reach, reach + 1))
    tail = float(chance[sums >= abs(int(d.sum()))].sum())
    return 1.0 if tail > 1 - _ROOM else tail
