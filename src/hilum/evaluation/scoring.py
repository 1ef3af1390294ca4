"""From predictions to an evaluation: every figure, its interval, and the score of not looking.

The model and the baselines are weighed by the same resamples of patients, so that their
difference has an interval of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hilum.evaluation.baseline import SourceLabels, frequencies_by_group
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Baseline, Evaluation
from hilum.evaluation.spread import Interval, Scored, Spread, resample

__all__ = ["evaluate"]

_COMPARED = ("accuracy", "balanced_accuracy", "macro_auroc")
_FEW_PATIENTS = 100


def evaluate(
    predictions: Predictions,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = 0.95,
    interval: Interval = "auto",
    baseline: SourceLabels | None = None,
    threshold: float | None = None,
    notes: Sequence[str] = (),
) -> Evaluation:
    """Score predictions, with intervals that resample patients and beside never looking.

    Args:
        predictions: What a model said, and what is true.
        resamples: Number of resamples of patients; 0 for no intervals.
        seed: Seed of the resampling.
        level: Confidence of the intervals, in (0, 1).
        interval: How limits are found: "percentile" or "bca" of resampled patients for all
            figures; "auto" takes Wilson's for shares and DeLong's for AUROCs, both with patients
            as clusters, and percentiles for the rest, as was measured to hold best.
        baseline: Images the zero-pixel baseline learns from, usually those the model was trained
            on. By default the evaluated images themselves, which flatters the baseline a little.
        threshold: Of two classes, the probability from which an image is called positive. By
            default the more probable class, the first of equals.
        notes: What a reader must know of how the predictions were come by; kept in the record.

    Raises:
        ValueError: If `resamples` is negative, `level` or `threshold` is out of range, there is no
            such `interval`, or `threshold` is given for other than two classes.
    """
    if resamples < 0 or not 0 < level < 1:
        raise ValueError(f"Expected resamples >= 0 and 0 < level < 1, got {resamples} and {level}")
    decisions, rule = _decide(predictions, threshold)
    model = Scored.start(predictions, decisions)
    rules = {name: Scored.start(rows, None) for name, rows in _rules(predictions, baseline).items()}
    resample([model, *rules.values()], resamples, seed, interval=interval)
    spread = Spread(model, level, resamples, interval)
    return Evaluation(
        classes=predictions.classes,
        n_images=len(predictions),
        n_patients=model.weighted.n_patients,
        metrics={name: spread.overall(name) for name in model.point.overall},
        per_class={
            label: {name: spread.of_class(name, c) for name in model.point.per_class}
            for c, label in enumerate(predictions.classes)
        },
        confusion=model.weighted.confusion.astype(np.int64),
        baselines=_baselines(predictions, baseline, rules, spread),
        method=_method(predictions, resamples, level, interval),
        decision=rule,
        level=level,
        resamples=resamples,
        seed=seed,
        notes=(*notes, *_notes(predictions, model.weighted.n_patients)),
    )


def _decide(predictions: Predictions, threshold: float | None) -> tuple[NDArray[np.int64], str]:
    if threshold is None:
        return predictions.decisions, "the most probable class, the first of equals"
    if len(predictions.classes) != 2 or not 0 <= threshold <= 1:
        raise ValueError(
            f"A threshold needs two classes and a value in [0, 1], got {len(predictions.classes)} "
            f"classes and {threshold}"
        )
    called = (predictions.probabilities[:, 1] >= threshold).astype(np.int64)
    return called, f"{predictions.classes[1]} where its probability is at least {threshold:g}"


def _learns_from(predictions: Predictions, baseline: SourceLabels | None) -> SourceLabels:
    if baseline is not None and baseline.labels.size:
        return baseline
    sources = predictions.sources
    none = np.full(len(predictions), "", dtype=np.str_)
    return SourceLabels(
        none if sources is None else sources,
        predictions.labels,
        "the evaluated images themselves, which flatters it; a manifest with a train split would "
        "not",
    )


def _rules(predictions: Predictions, baseline: SourceLabels | None) -> dict[str, Predictions]:
    """Return what each baseline says of the evaluated images."""
    learnt = _learns_from(predictions, baseline)
    groups = {"overall_majority": (np.zeros_like(learnt.labels), np.zeros_like(predictions.labels))}
    if predictions.sources is not None:
        sources = (learnt.sources, predictions.sources)
        return {
            name: _said(predictions, learnt, *group)
            for name, group in {"source_majority": sources, **groups}.items()
        }
    return {name: _said(predictions, learnt, *group) for name, group in groups.items()}


def _said(
    predictions: Predictions,
    learnt: SourceLabels,
    train_groups: NDArray[np.generic],
    groups: NDArray[np.generic],
) -> Predictions:
    k = len(predictions.classes)
    return Predictions(
        predictions.images,
        predictions.patient_ids,
        predictions.labels,
        predictions.classes,
        frequencies_by_group(train_groups, learnt.labels, groups, k),
        sources=predictions.sources,
    )


_TITLES = {
    "source_majority": "Never looks: the commonest label of the image's source",
    "overall_majority": "Never looks: the commonest label of all",
}


def _baselines(
    predictions: Predictions,
    baseline: SourceLabels | None,
    rules: dict[str, Scored],
    model: Spread,
) -> dict[str, Baseline]:
    learnt = _learns_from(predictions, baseline)
    found = {}
    for name, title in _TITLES.items():
        if name not in rules:
            found[name] = Baseline(title=title, unavailable="not available: no source column")
            continue
        spread = Spread(rules[name], model.level, model.resamples, model.interval)
        found[name] = Baseline(
            title=title,
            fitted_on=learnt.origin,
            metrics={metric: spread.overall(metric) for metric in _COMPARED},
            gain={metric: model.difference(rules[name], metric) for metric in _COMPARED},
        )
    return found


def _method(predictions: Predictions, resamples: int, level: float, interval: Interval) -> str:
    if resamples == 0:
        return "No intervals: no resamples were asked for."
    who = "(source, patient_id)" if predictions.sources is not None else "(patient_id)"
    kind = "BCa" if interval == "bca" else "percentile"
    drawn = (
        f"{level:.0%} {kind} intervals over {resamples} resamples of patients {who}, drawn "
        "with replacement, all images of a patient together"
    )
    formulas = (
        "; of shares Wilson's, with as many images as the patients' vary like, and of AUROCs "
        "DeLong's, patients as clusters"
    )
    return (
        f"{drawn}{formulas if interval == 'auto' else ''}; shares of exactly 0 or 1 have exact "
        "binomial limits over patients instead."
    )


def _notes(predictions: Predictions, n_patients: int) -> tuple[str, ...]:
    notes = []
    missing = [
        name for c, name in enumerate(predictions.classes) if not np.any(predictions.labels == c)
    ]
    if missing:
        notes.append(
            f"No image is truly {' or '.join(missing)}: means over the classes are undefined."
        )
    if n_patients < 2:
        notes.append("All images show one patient: there is no interval over patients.")
    elif n_patients < _FEW_PATIENTS:
        notes.append(
            f"Only {n_patients} patients: below about 100, limits are a little too narrow."
        )
    if predictions.sources is None:
        notes.append("Sources are unknown: what a model that never looks scores cannot be said.")
    return tuple(notes)
