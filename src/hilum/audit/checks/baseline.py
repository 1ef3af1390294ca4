"""The score of never looking."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.data.manifest import Manifest
from hilum.evaluation.record import Estimate
from hilum.evaluation.zero_pixel import NOTHING, BlindRule, zero_pixel

__all__ = ["zero_pixel_baseline"]

_CLOSE = 0.05
_TELLING = 0.75


@check(
    "zero-pixel",
    title="A rule that never looks",
    question="How much of the score does a rule reach that reads the table of films and opens no "
    "picture?",
    asked_by=(
        "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
        "Roberts et al., Nature Machine Intelligence 2021",
    ),
)
def zero_pixel_baseline(subject: Subject) -> Outcome:
    """Score rules fitted on the train split's table, on the films that are audited."""
    found = zero_pixel(
        _table_read(subject),
        split=subject.settings.split,
        positive=subject.classes[1] if len(subject.classes) == 2 else None,
        resamples=subject.settings.resamples,
        seed=subject.settings.seed,
    )
    model = subject.score(subject.predictions())
    rules = [rule for rule in found.rules if rule.looks_at != NOTHING]
    if not rules:
        return Outcome.not_run("The manifest says nothing of a film but its label.")
    best = max(rules, key=lambda rule: rule.metrics["auroc"].estimate or 0.0)
    score = best.metrics["auroc"]
    return Outcome(
        verdict=_verdict(model, score),
        summary=f"Knowing only a film's {best.looks_at}, a rule reaches {subject.score_name} "
        f"{score.text()} on {score.n:,} films; the model, which sees them, {model.text()}.",
        reason="Fails when the best rule reaches the lower limit of the model's score; warns when "
        "it comes within 0.05 of the score, or is above 0.75.",
        numbers={
            f"{subject.score_name} of the {best.looks_at}": score,
            f"{subject.score_name} of the model": model,
        },
        charts=(
            Bars(
                title="Rules that never look, and the model",
                axis=subject.score_name,
                limits=(0.0, 1.0),
                rows=(
                    *((rule.looks_at, rule.metrics["auroc"]) for rule in found.rules),
                    ("the model", model),
                ),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(_table(found.rules),),
        notes=found.notes,
    )


def _table_read(subject: Subject) -> Manifest:
    """Return the rows the rules learn from and those audited; the network's sample is no limit."""
    split = subject.settings.split
    others = subject.manifest.select(labels=subject.classes).frame
    if "split" in others.columns:
        others = others.filter(pl.col("split").fill_null("") != split)
    return replace(subject.manifest, frame=pl.concat([others, subject.tested.frame]))


def _verdict(model: Estimate, rule: Estimate) -> Verdict:
    if model.estimate is None or rule.estimate is None:
        return "not run"
    lowest = model.estimate if model.low is None else model.low
    if rule.estimate >= lowest:
        return "fail"
    return "warn" if rule.estimate > min(model.estimate - _CLOSE, _TELLING) else "pass"


def _table(rules: tuple[BlindRule, ...]) -> Table:
    return Table(
        title="What each rule scores",
        columns=("looks at", "values", "guessed", "accuracy", "balanced accuracy", "AUROC", "n"),
        rows=tuple(
            (
                rule.looks_at,
                rule.groups,
                rule.guessed,
                *(rule.metrics[name].text() for name in ("accuracy", "balanced_accuracy", "auroc")),
                rule.metrics["auroc"].n,
            )
            for rule in rules
        ),
    )
