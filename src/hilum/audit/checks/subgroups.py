"""Is the model as good for everyone: by sex, age, view, device and source?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.strata import StratifiedAreas, estimated
from hilum.audit.subject import Subject
from hilum.evaluation.error_groups import compare_groups, holm
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate

__all__ = ["group_values", "subgroups"]

_FEWEST = 10
"""Patients in a group."""

_LARGE = 0.1
_SHUFFLES = 4000
"""At least: so that the smallest p is below `_SURE` after Holm's correction for a dozen columns."""

_LEVEL = 0.05
_SURE = 0.01
"""Below which p a difference fails a model: an audit has some thirty checks, and a false alarm of
one in twenty audits from each would fail most good models."""

_KNOWN = ("sex", "age", "view", "device", "manufacturer", "model", "hospital", "site", "source")
_AGES = (18, 40, 60, 80)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """The films of one value of a column."""

    column: str
    value: str
    score: Estimate
    right: Estimate
    """Share called rightly."""

    excess: float
    """Error rate above that expected of its mix of classes."""

    recalls: tuple[Estimate, ...]
    """Of each class: the share of its films called so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """A column's groups and the tests between them."""

    name: str
    groups: tuple[_Group, ...]
    p_errors: float | None
    p_score: float | None
    score_gap: Estimate | None
    """Score of the best group less that of the worst."""

    @property
    def excess_gap(self) -> float:
        """Return the error rate of the worst group less the best, both above expected."""
        found = [group.excess for group in self.groups]
        return max(found) - min(found)


@check(
    "subgroups",
    title="The same for everyone",
    question="Is the model as good for women as for men, for the old as for the young, for each "
    "view, device and source?",
    asked_by=(
        "Roberts et al., Nature Machine Intelligence 2021",
        "Seyyed-Kalantari et al., Nature Medicine 2021",
    ),
)
def subgroups(subject: Subject) -> Outcome:
    """Score each group, and test whether groups differ by more than chance."""
    said = subject.predictions()
    rows = subject.answers().rows
    columns = [
        found
        for name, values in group_values(subject.tested.frame[rows]).items()
        if (found := _column(subject, said, name, values)) is not None
    ]
    if not columns:
        return Outcome.not_run(
            f"The manifest knows no sex, age, view, device or source with {_FEWEST} patients in "
            "each of two groups."
        )
    adjusted = holm([p for column in columns for p in (column.p_errors, column.p_score)])
    tests = [*zip(columns, adjusted[::2], adjusted[1::2], strict=True)]
    judged = [(_verdict(*test), test) for test in tests]
    verdict = min((one for one, _ in judged), key=("fail", "warn", "pass").index)
    worst = [test for one, test in judged if one == verdict]
    numbers = {
        f"{subject.score_name} of {column.name}: best group less worst": column.score_gap
        for column, _, _ in sorted(worst, key=lambda test: test[1] or 1.0)
        if column.score_gap is not None
    }
    return Outcome(
        verdict=verdict,
        summary=_summary(verdict, worst, len(said)),
        reason="Differences are tested within true classes for errors (patients moved between "
        f"groups) and by resampled patients for {subject.score_name}, p by Holm's method over all "
        f"of them. Fails when one is sure (p at most {_SURE}) and at least {_LARGE} large, in "
        f"{subject.score_name} or in the error rate beyond the mix of classes; warns when one is "
        f"shown at all (p at most {_LEVEL}).",
        numbers={**numbers, f"{subject.score_name} of all": subject.score(said)},
        charts=tuple(_chart(subject, column) for column in columns),
        tables=(_groups_table(subject, columns), _tests_table(tests)),
        notes=(f"Groups of fewer than {_FEWEST} patients are left out.",),
    )


def group_values(frame: pl.DataFrame) -> dict[str, NDArray[np.str_]]:
    """Return the group of each film by column; empty where it is not known."""
    found = {}
    for name in _KNOWN:
        if name not in frame.columns:
            continue
        column = frame[name]
        if name == "age":
            edges = np.array(_AGES, dtype=np.float64)
            names = np.array(["0 to 17", "18 to 39", "40 to 59", "60 to 79", "80 and over"])
            ages = column.cast(pl.Float64, strict=False).fill_null(np.nan).to_numpy()
            place = np.searchsorted(edges, np.nan_to_num(ages), side="right")
            found[name] = np.where(np.isnan(ages), "", names[place]).astype(np.str_)
        else:
            found[name] = column.cast(pl.String).fill_null("").to_numpy().astype(np.str_)
    return found


def _column(
    subject: Subject, said: Predictions, name: str, values: NDArray[np.str_]
) -> _Column | None:
    """Return the groups of a column with enough patients; None for fewer than two."""
    who = said.patient_index()
    enough = [
        value
        for value in np.unique(values).tolist()
        if value and np.unique(who[values == value]).size >= _FEWEST
    ]
    if len(enough) < 2:
        return None
    kept = np.isin(values, enough)
    part, values = said.take(kept), values[kept]
    wrong = part.decisions != part.labels
    who = part.patient_index()
    test = compare_groups(
        wrong,
        values,
        patients=who,
        labels=part.labels,
        rng=np.random.default_rng(subject.settings.seed),
        shuffles=max(_SHUFFLES, 2 * subject.settings.resamples),
    )
    gap, p_score = _score_gap(subject, part, values)
    return _Column(
        name=name,
        groups=tuple(_group(subject, part, name, value, values) for value in enough),
        p_errors=test.p_value,
        p_score=p_score,
        score_gap=gap,
    )


def _group(
    subject: Subject, said: Predictions, column: str, value: str, values: NDArray[np.str_]
) -> _Group:
    here = values == value
    wrong = said.decisions != said.labels
    usual = np.array([wrong[said.labels == label].mean() for label in said.labels[here]])
    part = said.take(here)
    who, right = part.patient_index(), part.decisions == part.labels
    areas = StratifiedAreas(part.labels, part.probabilities, None, who)
    settings = subject.settings
    score = (
        estimated(areas.mean, who, resamples=settings.resamples, seed=settings.seed)
        if areas.classes
        else share_estimate(right[:0], who[:0], empty="only one class")
    )
    return _Group(
        column=column,
        value=value,
        score=score,
        right=share_estimate(right, who),
        excess=float(wrong[here].mean() - usual.mean()),
        recalls=tuple(
            share_estimate(right[part.labels == c], who[part.labels == c], empty=f"no {label}")
            for c, label in enumerate(part.classes)
        ),
    )


def _score_gap(
    subject: Subject, said: Predictions, values: NDArray[np.str_]
) -> tuple[Estimate | None, float | None]:
    """Return the largest difference of score between two groups and its p; None where undefined.

    Groups are compared over the classes they both have. The p is two-sided, from the spread over
    resampled patients, times the number of pairs of groups that could have been the largest.
    """
    who, settings = said.patient_index(), subject.settings
    areas = {}
    for value in np.unique(values):
        here = values == value
        scores = StratifiedAreas(
            said.labels[here], said.probabilities[here], None, _all_people(who, here)
        )
        if scores.classes:
            areas[value] = (scores, np.unique(who[here]))
    if len(areas) < 2 or not settings.resamples:
        return None, None
    found: list[tuple[float, Estimate]] = []
    pairs = [(a, b) for a in areas for b in areas if a < b]
    for a, b in pairs:
        classes = [c for c in areas[a][0].classes if c in areas[b][0].classes]
        if not classes:
            continue
        both = np.isin(values, [a, b])
        gap = _difference(said.take(both), values[both], (a, b), classes, subject)
        found.append((abs(gap.estimate or 0.0), gap))
    if not found:
        return None, None
    gap = max(found, key=lambda one: one[0])[1]
    if gap.estimate is None or gap.low is None or gap.high is None or gap.high <= gap.low:
        return gap, None
    z = abs(gap.estimate) / ((gap.high - gap.low) / (2 * 1.959964))
    return gap, min(1.0, len(found) * _two_sided(float(z)))


def _all_people(who: NDArray[np.int64], here: NDArray[np.bool_]) -> NDArray[np.int64]:
    _, people = np.unique(who[here], return_inverse=True)
    return people.astype(np.int64)


def _difference(
    said: Predictions,
    values: NDArray[np.str_],
    pair: tuple[str, str],
    classes: Sequence[int],
    subject: Subject,
) -> Estimate:
    """Return the score of the better of two groups less that of the other."""
    who = said.patient_index()
    one, other = (_Weighed.of(said, values == value, who) for value in pair)
    whole = np.ones((1, int(who.max()) + 1))
    if one(whole, classes)[0] < other(whole, classes)[0]:
        one, other = other, one
    return estimated(
        lambda weights: one(weights, classes) - other(weights, classes),
        who,
        resamples=subject.settings.resamples,
        seed=subject.settings.seed,
        ends=(0.0,),
    )


@dataclass(frozen=True, slots=True)
class _Weighed:
    """The score of one group under weights of the patients of two."""

    areas: StratifiedAreas
    people: NDArray[np.int64]

    @classmethod
    def of(cls, said: Predictions, here: NDArray[np.bool_], who: NDArray[np.int64]) -> _Weighed:
        people = np.unique(who[here])
        return cls(
            StratifiedAreas(
                said.labels[here], said.probabilities[here], None, _all_people(who, here)
            ),
            people,
        )

    def __call__(self, weights: NDArray[np.float64], classes: Sequence[int]) -> NDArray[np.float64]:
        return self.areas.mean(weights[:, self.people], [*classes])


def _two_sided(z: float) -> float:
    return math.erfc(z / math.sqrt(2))


def _verdict(column: _Column, p_errors: float | None, p_score: float | None) -> Verdict:
    sizes = (
        (p_errors, column.excess_gap),
        (p_score, 0.0 if column.score_gap is None else column.score_gap.estimate or 0.0),
    )
    shown = [(p, size) for p, size in sizes if p is not None and p <= _LEVEL]
    if any(p <= _SURE and size >= _LARGE for p, size in shown):
        return "fail"
    return "warn" if shown else "pass"


_Test = tuple[_Column, float | None, float | None]


def _summary(verdict: Verdict, worst: Sequence[_Test], films: int) -> str:
    if verdict == "pass":
        names = ", ".join(column.name for column, _, _ in worst)
        return f"No difference is shown between groups by {names}, {films:,} films."
    parts = []
    for column, p_errors, p_score in worst:
        ordered = sorted(column.groups, key=lambda group: group.excess)
        best, least = ordered[0], ordered[-1]
        shown = min(p for p in (p_errors, p_score) if p is not None)
        parts.append(
            f"By {column.name} the model does not do equally well (p = {shown:.3f}): it is right "
            f"in {least.right.text(percent=True)} of {least.right.n:,} films of {least.value} and "
            f"{best.right.text(percent=True)} of {best.right.n:,} of {best.value}."
        )
    return " ".join(parts)


def _chart(subject: Subject, column: _Column) -> Bars:
    return Bars(
        title=f"By {column.name}",
        axis=subject.score_name,
        rows=tuple((group.value, group.score) for group in column.groups if group.score.n),
        references=(("chance", 0.5),),
    )


def _groups_table(subject: Subject, columns: Sequence[_Column]) -> Table:
    classes = subject.classes
    called = (
        ("specificity", "sensitivity")
        if len(classes) == 2
        else tuple(f"sensitivity for {label}" for label in classes)
    )
    return Table(
        title="Every group",
        columns=("by", "group", "films", "patients", subject.score_name, "right", *called),
        rows=tuple(
            (
                column.name,
                group.value,
                group.right.n,
                group.right.patients,
                group.score.text() if group.score.n else "only one class",
                group.right.text(),
                *(_recall(one) for one in group.recalls),
            )
            for column in columns
            for group in column.groups
        ),
    )


def _recall(one: Estimate) -> str:
    return f"{one.text()}, n = {one.n}" if one.n else "no film"


def _tests_table(tests: Sequence[_Test]) -> Table:
    return Table(
        title="Differences between groups, p by Holm's method",
        columns=("by", "largest difference of score", "p", "largest difference of errors", "p "),
        rows=tuple(
            (
                column.name,
                "undefined" if column.score_gap is None else column.score_gap.text(),
                None if p_score is None else round(p_score, 4),
                round(column.excess_gap, 3),
                None if p_errors is None else round(p_errors, 4),
            )
            for column, p_errors, p_score in tests
        ),
    )
