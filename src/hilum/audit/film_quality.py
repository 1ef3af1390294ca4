"""How well a film's quality alone tells the classes apart: no network, no disease.

Each measure is tried for each class against the rest. So many looks find something by chance, so
p-values are Holm's; and they are not against an AUROC of 0.5, which disease itself may move, but
against one that only a difference between films explains.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.audit.answers import Answer
from hilum.audit.changes.measures import MEASURES, OUTSIDE_LUNGS, measured
from hilum.audit.subject import Part, Subject
from hilum.data.file_hash import file_sha256
from hilum.data.preprocessing import Preprocessing
from hilum.errors import HilumError
from hilum.evaluation.delong import auroc_covariance, auroc_interval
from hilum.evaluation.intervals import exact_interval
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import DELONG
from hilum.screening.cores import usable_cores

__all__ = ["Quality", "Telling", "film_quality", "holm", "tellings"]

_PARTS: tuple[Part, Part] = ("tested", "taught")
_NETWORK = "film-quality-4"
"""Measures are kept under this name; say another when they change."""

_FEWEST_LUNGS = 0.5
_LEVEL = 0.95
_LEAST_P = 1e-9
_HALVINGS = 40
_NOTHING_OVERLAPS = "exact binomial: the share of patients who stand out, as nothing overlaps"


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """The measures of the films that are tested, then of those that taught."""

    values: NDArray[np.float64]
    """Shape (n, measures); NaN where there is none: the film was not read, or, of what is measured
    outside the lungs, these are not known."""

    labels: NDArray[np.int64]
    patients: NDArray[np.int64]

    outside_lungs: bool
    """Whether grey and sharpness are those outside the lungs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """How well one measure tells one class from the rest."""

    measure: str
    label: str

    more: bool
    """Whether films of the class have more of it."""

    area: Estimate
    """AUROC, the way round that is at least 0.5."""

    variance: float
    """Of the AUROC."""

    fewest: int
    """Patients on the rarer side."""

    def p_value(self, beyond: float) -> float:
        """Return how likely an AUROC this far from 0.5 is, either way, if it really is `beyond`.

        It is 1 less the level at which the interval's lower limit is `beyond`. An AUROC of 1 has no
        interval: its chance is that of films of the class which either stand out or are like the
        rest. Then A = 1 - q / 2 for a share q of the latter, and no patient is among them with
        probability (1 - q) to the power of the patients.
        """
        area = self.area.estimate
        if area is None or area <= beyond:
            return 1.0
        if area == 1:
            return min(1.0, 2 * (2 * beyond - 1) ** self.fewest)
        low, high = 0.0, 1 - _LEAST_P
        for _ in range(_HALVINGS):
            level = (low + high) / 2
            limits = auroc_interval(area, self.variance, self.fewest - 1, level) if level else None
            if limits is None:
                return 1.0
            low, high = (level, high) if limits[0] > beyond else (low, level)
        return 1 - low


def film_quality(subject: Subject) -> Quality:
    """Measure the films of both parts; what was measured before is not measured again.

    The films that taught count as well: what they tell is what the network could learn.
    """
    lungs = [mask for part in _PARTS for mask in subject.lungs(part)]
    frame = pl.concat(
        [subject.part(part).frame.select("label", "source", "patient_id") for part in _PARTS]
    )
    index = {label: number for number, label in enumerate(subject.classes)}
    labels = np.array([index[label] for label in frame["label"]])
    number: dict[tuple[str, str], int] = {}
    who = frame.select("source", "patient_id").iter_rows()
    patients = np.array([number.setdefault((one[0], one[1]), len(number)) for one in who])
    known = np.array([one is not None for one in lungs])
    outside = all(known[labels == c].mean() >= _FEWEST_LUNGS for c in np.unique(labels))
    values = _measured(subject, lungs if outside else [None] * len(lungs))
    if outside:
        columns = np.array([MEASURES.index(name) for name in OUTSIDE_LUNGS])
        values[np.ix_(~known, columns)] = np.nan
    return Quality(values=values, labels=labels, patients=patients, outside_lungs=outside)


def tellings(found: Quality, classes: Sequence[str]) -> list[Telling]:
    """Try every measure for every class; of two classes, for the positive one alone.

    A measure is left out where it is the same on all films, or a side has fewer than two patients.
    """
    tried = [
        _tried(found, at, c, classes[c])
        for at in range(len(MEASURES))
        for c in (range(len(classes)) if len(classes) > 2 else (1,))
    ]
    return [one for one in tried if one is not None]


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's adjusted p-values, in the order given.

    References:
        Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6, 1979.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    found, most = [1.0] * len(p_values), 0.0
    for rank, at in enumerate(order.tolist()):
        most = max(most, min(1.0, (len(p_values) - rank) * p_values[at]))
        found[at] = most
    return found


def _measured(subject: Subject, lungs: Sequence[NDArray[np.bool_] | None]) -> NDArray[np.float64]:
    """Return the measures film by film, from those kept and by reading the rest."""
    preprocessing = subject.bundle.record.preprocessing
    paths = [subject.path(row, part) for part in _PARTS for row in range(len(subject.part(part)))]
    jobs = [_Job.of(path, mask, preprocessing) for path, mask in zip(paths, lungs, strict=True)]
    values = np.full((len(jobs), len(MEASURES)), np.nan)
    missing = []
    for row, job in enumerate(jobs):
        kept = subject.store.get(_NETWORK, job.key, [job.sha]).get(job.sha) if job.sha else None
        if kept is None or kept.features is None:
            missing.append(row)
        else:
            values[row] = kept.features
    with ThreadPoolExecutor(usable_cores(), thread_name_prefix="hilum-quality") as pool:
        fresh = pool.map(lambda row: jobs[row].measure(), missing)
        for row, measures in zip(missing, fresh, strict=True):
            if measures is not None:
                values[row] = measures
                answer = Answer(features=measures)
                subject.store.keep(_NETWORK, [(jobs[row].sha, jobs[row].key, answer)])
    return values


@dataclass(frozen=True, slots=True)
class _Job:
    """One film to measure."""

    path: Path
    lungs: NDArray[np.bool_] | None
    """In the square the network sees."""

    preprocessing: Preprocessing
    sha: str
    key: str

    @classmethod
    def of(cls, path: Path, lungs: NDArray[np.bool_] | None, preprocessing: Preprocessing) -> _Job:
        """Name a film to measure by its bytes and by where its lungs are."""
        try:
            sha = file_sha256(path)
        except OSError:
            sha = ""
        key = "whole"
        if lungs is not None:
            digest = hashlib.sha256(np.packbits(lungs).tobytes()).hexdigest()[:16]
            key = f"outside-{digest}-{preprocessing.pixel_hash}"
        return cls(path, lungs, preprocessing, sha, key)

    def measure(self) -> NDArray[np.float32] | None:
        """Return the measures; None if the film cannot be read."""
        try:
            return measured(self.path, None if self.lungs is None else self._on_film)
        except (HilumError, OSError):
            return None

    def _on_film(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return where the lungs are on the film; what the network does not see counts as not."""
        mask = np.zeros(shape, bool)
        if self.lungs is None:
            return mask
        top, left, height, width = self.preprocessing.region(shape)
        rows, columns = np.arange(shape[0]) - top, np.arange(shape[1]) - left
        inside = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
        size = len(self.lungs)
        seen = self.lungs[
            np.ix_(rows[inside[0]] * size // height, columns[inside[1]] * size // width)
        ]
        mask[np.ix_(*inside)] = seen
        return mask


def _tried(found: Quality, at: int, c: int, label: str) -> Telling | None:
    there = np.isfinite(found.values[:, at])
    values, positive = found.values[there, at], found.labels[there] == c
    who = found.patients[there]
    fewest = min(np.unique(who[side]).size for side in (positive, ~positive))
    if fewest < 2 or np.ptp(values) == 0:
        return None
    areas = auroc_covariance(positive, values, who)
    area, variance = float(areas.values[0]), float(areas.covariance[0, 0])
    far = max(area, 1 - area)
    limits = auroc_interval(far, variance, areas.freedom, _LEVEL)
    method = DELONG
    if limits is None and far == 1:
        limits, method = ((1 + exact_interval(1, fewest, _LEVEL)[0]) / 2, 1.0), _NOTHING_OVERLAPS
    return Telling(
        measure=MEASURES[at],
        label=label,
        more=area >= 0.5,
        area=Estimate(
            estimate=far,
            low=None if limits is None else limits[0],
            high=None if limits is None else limits[1],
            n=int(there.sum()),
            patients=int(np.unique(who).size),
            method=method if limits is not None else "none",
            reason=None if limits is not None else "no limits: nothing varies",
        ),
        variance=variance,
        fewest=fewest,
    )
