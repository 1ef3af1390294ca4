"""Do sex, age or view say which class a film is of?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from hilum.audit.checks.baseline import blind_rules
from hilum.audit.checks.subgroups import group_values
from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.errors import DataError
from hilum.evaluation.record import Estimate
from hilum.evaluation.zero_pixel import BlindRule

__all__ = ["class_balance"]

_GIVES_AWAY = 0.75
_HINTS = 0.6
_PEOPLE = ("sex", "age", "view")


@check(
    "class-balance",
    title="Who the classes are",
    question="Do sex, age or view say which class a film is of?",
    asked_by=(
        "Roberts et al., Nature Machine Intelligence 2021",
        "Garcia Santa Cruz et al., Medical Image Analysis 2021",
    ),
)
def class_balance(subject: Subject) -> Outcome:
    """Count sex, age and view by class, and score the rule that knows them alone."""
    known = [name for name in _PEOPLE if name in subject.tested.frame.columns]
    known = [name for name in known if subject.tested.frame[name].drop_nulls().n_unique() > 1]
    if not known:
        return Outcome.not_run("The manifest knows neither sex nor age nor view.")
    rules = [rule for name in known if (rule := _rule(subject, name)) is not None]
    if not rules:
        return Outcome.not_run("Sex, age and view are known of films of one class only.")
    best = max(rules, key=_area)
    score, name = best.metrics["auroc"], best.looks_at
    return Outcome(
        verdict=_balance_verdict(score),
        summary=f"A rule that knows only a film's {name} reaches {subject.score_name} "
        f"{score.text()} on {score.n:,} films.",
        reason=f"Fails when the lower limit of the best rule's score is above {_GIVES_AWAY}; warns "
        f"when it is above {_HINTS}.",
        numbers={f"{subject.score_name} of {name}": score},
        charts=(
            Bars(
                title="What sex, age and view say of the class",
                axis=subject.score_name,
                rows=tuple((rule.looks_at, rule.metrics["auroc"]) for rule in rules),
                references=(("chance", 0.5),),
            ),
        ),
        tables=tuple(_balance_table(subject, one) for one in known),
        notes=(
            "Each is judged on the films of which it is known, over the classes these show.",
            *_never_known(subject, known),
        ),
    )


def _never_known(subject: Subject, names: Sequence[str]) -> Iterator[str]:
    """Say of which classes something is never known, though it is of others."""
    for name in names:
        known = set(subject.tested.frame.drop_nulls(name)["label"])
        missing = [label for label in subject.classes if label not in known]
        if missing:
            yield f"The {name} of no film of {' or '.join(missing)} is known: that alone tells it."


def _rule(subject: Subject, name: str) -> BlindRule | None:
    """Return what a rule scores that knows one thing, on films of which it is known."""
    try:
        found = blind_rules(subject, (name,), known_only=True)
    except DataError:
        return None
    return next((rule for rule in found.rules if rule.looks_at == name), None)


def _area(rule: BlindRule) -> float:
    return rule.metrics["auroc"].estimate or 0.0


def _balance_verdict(score: Estimate) -> Verdict:
    if score.estimate is None:
        return "not run"
    lowest = score.estimate if score.low is None else score.low
    if lowest > _GIVES_AWAY:
        return "fail"
    return "warn" if lowest > _HINTS else "pass"


def _balance_table(subject: Subject, name: str) -> Table:
    frame = subject.tested.frame
    groups = group_values(frame.select(name))[name]
    labels = frame["label"].to_numpy().astype(str)
    rows = []
    for value in np.unique(groups).tolist():
        here = labels[groups == value]
        counts = [int((here == label).sum()) for label in subject.classes]
        rows.append((value or "not known", *counts))
    return Table(
        title=f"Films audited by {name} and class",
        columns=(name, *subject.classes),
        rows=tuple(rows),
    )
