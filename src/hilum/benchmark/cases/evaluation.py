"""Intervals: hilum's weighted resampling beside the usual loop over scikit-learn."""

from __future__ import annotations

import time

import numpy as np

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.row import Row, compared, limited
from hilum.evaluation import Predictions, evaluate
from hilum.evaluation.evidence import gather_evidence

__all__ = ["CASES"]

CLASSES, RESAMPLES, LOOPED = 3, 2_000, 10
LIMIT_S, EVERYTHING_S = 10.0, 20.0


def drawn_predictions(images: int) -> Predictions:
    """Return predictions of two films a patient, better than chance."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, images)
    raised = np.exp(rng.normal(size=(images, CLASSES)) + 1.5 * np.eye(CLASSES)[labels])
    return Predictions(
        images=[f"{i}.png" for i in range(images)],
        patient_ids=[str(i // 2) for i in range(images)],
        labels=labels,
        classes=tuple("abc"),
        probabilities=raised / raised.sum(1, keepdims=True),
    )


def loop(predictions: Predictions, rounds: int) -> None:
    """Resample patients and score with scikit-learn, as most papers' notebooks do."""
    from sklearn import metrics

    rng = np.random.default_rng(0)
    patients = predictions.patient_index()
    rows = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    for _ in range(rounds):
        chosen = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        y, p = predictions.labels[chosen], predictions.probabilities[chosen]
        metrics.classification_report(y, p.argmax(1), output_dict=True, zero_division=0)
        metrics.roc_auc_score(y, p, multi_class="ovr")
        metrics.average_precision_score(np.eye(CLASSES)[y], p)
        metrics.log_loss(y, p)


def alone(settings: Settings) -> list[Row]:
    """Time everything that `hilum evaluate` computes."""
    predictions = drawn_predictions(settings.many)
    start = time.perf_counter()
    gather_evidence(predictions, evaluate(predictions, resamples=RESAMPLES))
    seconds = time.perf_counter() - start
    claim = f"{settings.many:,} images, {RESAMPLES:,} resamples, all that `hilum evaluate` computes"
    return [limited(claim, seconds, unit="s", limit=EVERYTHING_S)]


def beside(settings: Settings) -> list[Row]:
    """Time 2,000 resamples here, and 10 rounds of the loop, scaled to as many."""
    predictions = drawn_predictions(settings.images)
    start = time.perf_counter()
    evaluate(predictions, resamples=RESAMPLES)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    loop(predictions, LOOPED)
    theirs = (time.perf_counter() - start) * RESAMPLES / LOOPED
    return [
        *alone(settings),
        compared(
            f"{settings.images:,} images, {RESAMPLES:,} resamples of patients, all metrics", ours,
            f"loop over scikit-learn, {LOOPED} rounds scaled to {RESAMPLES:,}", theirs,
            theirs / ours, unit="s", also=f"under {LIMIT_S:g} s", also_met=ours < LIMIT_S,
        ),
    ]  # fmt: skip


CASES = (
    Case(
        claim="resamples of patients, all metrics", alone=alone, beside=beside,
        peer="loop over scikit-learn", needs=("sklearn",), packages=("numpy", "scikit-learn"),
    ),
)  # fmt: skip
