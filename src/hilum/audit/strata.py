"""AUROCs that compare like with like: a film only with films of its own source, or label.

A pooled AUROC also counts pairs from two hospitals, which a model may tell apart by the hospital.
Here a pair counts only within its stratum, so nothing that is the same for a whole stratum helps.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.intervals import percentile_interval, resample_patients
from hilum.evaluation.ranking import Ranking
from hilum.evaluation.record import Estimate

__all__ = ["StratifiedAreas", "estimated"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_PERCENTILES = "percentiles of resampled patients"


class StratifiedAreas:
    """The AUROC of each class against the rest, over pairs of films of one stratum.

    A_c = sum_s M_s N_s A_cs / sum_s M_s N_s, with M_s films of class c in stratum s and N_s others:
    the chance that a film of the class scores above another film of the same stratum.

    Args:
        labels: Index of each film's class, shape (n,).
        scores: Score of every class, shape (n, k).
        strata: What films are compared within, shape (n,); None: all with all.
        patients: Whom each film shows, shape (n,), whole numbers from 0.

    References:
        Van Elteren, "On the combination of independent two-sample tests of Wilcoxon", Bull. Int.
        Stat. Inst. 37, 1960, for ranking within strata.
    """

    def __init__(
        self, labels: Index, scores: Array, strata: NDArray[np.generic] | None, patients: Index
    ) -> None:
        if strata is None:
            strata = np.zeros(labels.size, dtype=np.int64)
        self._cells: list[tuple[int, Ranking, Index, Array, Array]] = []
        self.classes: list[int] = []
        """Classes with a pair to compare."""

        for c in range(scores.shape[1]):
            for stratum in np.unique(strata):
                here = strata == stratum
                positive = labels[here] == c
                if positive.all() or not positive.any():
                    continue
                people, who = np.unique(patients[here], return_inverse=True)
                ranking = Ranking(positive, scores[here, c], who)
                counts = [
                    np.bincount(who[side], minlength=people.size) for side in (positive, ~positive)
                ]
                of_class, of_others = (count.astype(np.float64) for count in counts)
                self._cells.append((c, ranking, people, of_class, of_others))
                if c not in self.classes:
                    self.classes.append(c)

    def __call__(self, weights: Array) -> Array:
        """Return the area of each of `classes`, shape (b, len(classes)), NaN where undefined.

        Args:
            weights: How often each patient counts, shape (b, patients).
        """
        above = np.zeros((len(weights), len(self.classes)))
        pairs = np.zeros_like(above)
        for c, ranking, people, of_class, of_others in self._cells:
            place, inside = self.classes.index(c), np.ascontiguousarray(weights[:, people])
            count = (inside @ of_class) * (inside @ of_others)
            area = ranking.areas(inside)[0]
            above[:, place] += np.where(count > 0, area * count, 0.0)
            pairs[:, place] += count
        return np.divide(above, pairs, out=np.full_like(above, np.nan), where=pairs > 0)

    def mean(self, weights: Array, classes: list[int] | None = None) -> Array:
        """Return the mean area over the classes that can be compared, or over some, shape (b,)."""
        chosen = self.classes if classes is None else classes
        places = [self.classes.index(c) for c in chosen]
        found: Array = self(weights)[:, places].mean(axis=1)
        return found


def estimated(
    figure: Callable[[Array], Array],
    patients: Index,
    *,
    resamples: int,
    seed: int,
    level: float = 0.95,
    ends: tuple[float, ...] = (0.0, 1.0),
) -> Estimate:
    """Return a figure with limits over resampled patients.

    Args:
        figure: From weights (b, patients) to values (b,), NaN where undefined.
        patients: Whom each film shows, shape (n,), whole numbers from 0, all there.
        resamples: 0 for no limits.
        seed: Of the resampling: the same seed draws the same patients.
        level: Confidence of the limits.
        ends: Values at which a spread of nothing is no certainty.
    """
    people = int(patients.max()) + 1
    value = float(figure(np.ones((1, people)))[0])
    low: float | None = None
    high: float | None = None
    missing, reason = 0, None
    if np.isnan(value):
        reason = "undefined: no two films of different classes can be compared"
    elif resamples == 0 or people < 2:
        reason = "no limits: no resamples were asked for, or there is one patient"
    else:
        drawn = resample_patients(
            people, resamples, np.random.default_rng(seed), images=patients.size
        )
        samples = np.concatenate([figure(weights) for weights in drawn])
        low, high, missing = percentile_interval(samples, level)
        if missing == samples.size or (low == high == value and value in ends):
            low = high = None
            reason = "no limits: every resample gives the same value, or none"
    return Estimate(
        estimate=None if np.isnan(value) else value,
        low=low,
        high=high,
        n=int(patients.size),
        patients=people,
        method="none" if low is None else _PERCENTILES,
        undefined_resamples=missing,
        reason=reason,
    )
