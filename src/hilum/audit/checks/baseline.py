"""The score of never looking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import polars as pl

from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.data.manifest import Manifest
from hilum.evaluation.record import Estimate
from hilum.evaluation.scoring import evaluate
from hilum.evaluation.zero_pixel import NOTHING, BlindRule, ZeroPixel, zero_pixel

__all__ = ["blind_rules", "zero_pixel_baseline"]

_CLOSE = 0.05
_TELLING = 0.75
_CHANCE = 0.55

_REASON = (
    "A rule counts when the lower limit of its score is above "
    f"{_CHANCE}. It fails when such a rule reaches the lower limit of the model's score, of any "
    f"class or on the whole, or when its own lower limit is above {_TELLING} on the whole: then "
    "the table gives the labels away, however good the model is. It warns when one comes within "
    f"{_CLOSE} of the model's score, or is itself above {_TELLING}."
)


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
    found = blind_rules(subject)
    settings = subject.settings
    scored = evaluate(subject.predictions(), resamples=settings.resamples, seed=settings.seed)
    model = scored.metrics["auroc" if len(subject.classes) == 2 else "macro_auroc"]
    rules = [rule for rule in found.rules if rule.looks_at != NOTHING]
    if not rules:
        return Outcome.not_run("The manifest says nothing of a film but its label.")
    by_class = {label: row["auroc"] for label, row in scored.per_class.items()}
    best = max(rules, key=lambda rule: rule.metrics["auroc"].estimate or 0.0)
    told = _best_told(rules, by_class)
    score = best.metrics["auroc"]
    also = "" if told is None else f" {_sentence(*told, by_class)}"
    return Outcome(
        verdict=_worst(
            _verdict(model, score),
            "pass" if told is None else _verdict(by_class[told[1]], _of(*told), classwise=True),
        ),
        summary=f"Knowing only a film's {best.looks_at}, a rule reaches {subject.score_name} "
        f"{score.text()} on {score.n:,} films; the model, which sees them, {model.text()}.{also}",
        reason=_REASON,
        numbers={
            f"{subject.score_name} of the {best.looks_at}": score,
            f"{subject.score_name} of the model": model,
        }
        | ({} if told is None else {f"AUROC of the {told[0].looks_at} for {told[1]}": _of(*told)}),
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
        tables=(_table(found.rules), _by_class(rules, by_class)),
        notes=(
            *found.notes,
            f"The rule named is the best of {len(rules)} on these films, which flatters it.",
            (
                "A film whose value is missing gets the commonest label, so an empty column may "
                "tell, too."
            ),
        ),
    )


def blind_rules(
    subject: Subject, columns: Sequence[str] | None = None, *, known_only: bool = False
) -> ZeroPixel:
    """Score rules that look at columns of the manifest; by default at all it has.

    They learn from the whole train split, or by cross-validation where there is none, and are
    tested on the films audited.

    Args:
        subject: What is audited.
        columns: As in `zero_pixel`.
        known_only: Leave out films of which a column is not known.

    Raises:
        DataError: If no two labels are left to tell apart.
    """
    manifest = _table_read(subject)
    if known_only and columns:
        manifest = replace(manifest, frame=manifest.frame.drop_nulls([*columns]))
    taught = "split" in manifest.frame.columns and "train" in manifest.splits
    return zero_pixel(
        manifest,
        columns=columns,
        split=subject.settings.split if taught else None,
        positive=subject.classes[1] if len(subject.classes) == 2 else None,
        resamples=subject.settings.resamples,
        seed=subject.settings.seed,
    )


def _table_read(subject: Subject) -> Manifest:
    """Return the rows the rules learn from and those audited; the network's sample is no limit."""
    split = subject.settings.split
    others = subject.manifest.select(labels=subject.classes).frame
    if "split" in others.columns:
        others = others.filter(pl.col("split").fill_null("") == "train")
        others = others.filter(pl.col("split") != split)
    return replace(subject.manifest, frame=pl.concat([others, subject.tested.frame]))


def _of(rule: BlindRule, label: str) -> Estimate:
    return rule.per_class[label]["auroc"]


def _best_told(
    rules: Sequence[BlindRule], model: dict[str, Estimate]
) -> tuple[BlindRule, str] | None:
    """Return the rule and class where a rule comes nearest to the model; None for two classes."""
    if len(model) == 2:
        return None
    pairs = [(rule, label) for rule in rules for label in model if label in rule.per_class]
    return max(
        pairs,
        key=lambda pair: (_of(*pair).estimate or 0.0) - (model[pair[1]].estimate or 0.0),
        default=None,
    )


def _sentence(rule: BlindRule, label: str, model: dict[str, Estimate]) -> str:
    return (
        f"Of single classes a rule does best with {label}: by {rule.looks_at} AUROC "
        f"{_of(rule, label).text()}, the model {model[label].text()}."
    )


def _verdict(model: Estimate, rule: Estimate, *, classwise: bool = False) -> Verdict:
    if model.estimate is None or rule.estimate is None:
        return "not run"
    least = rule.estimate if rule.low is None else rule.low
    if least <= _CHANCE:
        return "pass"
    lowest = model.estimate if model.low is None else model.low
    if rule.estimate >= lowest or (least > _TELLING and not classwise):
        return "fail"
    if classwise:
        return "warn" if rule.estimate > model.estimate - _CLOSE else "pass"
    return "warn" if rule.estimate > min(model.estimate - _CLOSE, _TELLING) else "pass"


def _worst(*verdicts: Verdict) -> Verdict:
    order: tuple[Verdict, ...] = ("fail", "warn", "pass", "not run")
    return min(verdicts, key=order.index)


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


def _by_class(rules: Sequence[BlindRule], model: dict[str, Estimate]) -> Table:
    """Say how well each rule tells each class from the rest, beside the model."""
    return Table(
        title="AUROC of each class against the rest",
        columns=("looks at", *model),
        rows=(
            *((rule.looks_at, *(_text(rule, label) for label in model)) for rule in rules),
            ("the model", *(value.text() for value in model.values())),
        ),
    )


def _text(rule: BlindRule, label: str) -> str:
    return _of(rule, label).text() if label in rule.per_class else "not told apart"
