"""Intervals: hilum's weighted resampling beside the usual loop over scikit-learn."""

from __future__ import annotations

import time

import numpy as np
from sklearn import metrics

from benchmarks.rows import Row
from hilum.evaluation import Predictions, evaluate

IMAGES, CLASSES, RESAMPLES, LOOPED = 10_000, 3, 2_000, 10


def _predictions() -> Predictions:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, IMAGES)
    logits = rng.normal(size=(IMAGES, CLASSES)) + 1.5 * np.eye(CLASSES)[labels]
    raised = np.exp(logits)
    return Predictions(
        images=[f"{i}.png" for i in range(IMAGES)],
        patient_ids=[str(i // 2) for i in range(IMAGES)],
        labels=labels,
        classes=tuple("abc"),
        probabilities=raised / raised.sum(1, keepdims=True),
    )


def _loop(predictions: Predictions) -> None:
    """Resample patients and score with scikit-learn, as most papers' notebooks do."""
    rng = np.random.default_rng(0)
    patients = predictions.patient_index()
    rows = [np.flatnonzero(patients == p) for p in np.unique(patients)]
    for _ in range(LOOPED):
        chosen = np.concatenate([rows[i] for i in rng.integers(0, len(rows), len(rows))])
        y, p = predictions.labels[chosen], predictions.probabilities[chosen]
        metrics.classification_report(y, p.argmax(1), output_dict=True, zero_division=0)
        metrics.roc_auc_score(y, p, multi_class="ovr")
        metrics.average_precision_score(np.eye(CLASSES)[y], p)
        metrics.log_loss(y, p)


def rows() -> list[Row]:
    """Time 2,000 resamples here, and 10 rounds of the loop, scaled to as many."""
    predictions = _predictions()
    start = time.perf_counter()
    evaluate(predictions, resamples=RESAMPLES)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    _loop(predictions)
    theirs = (time.perf_counter() - start) * RESAMPLES / LOOPED
    return [
        Row(
            claim=f"{IMAGES:,} images, {RESAMPLES:,} resamples of patients, all metrics",
            peer=f"loop over scikit-learn, {LOOPED} rounds scaled to {RESAMPLES:,}", ours=ours,
            theirs=theirs, unit="s", ratio=theirs / ours, wanted="in seconds", met=ours < 10,
        )
    ]  # fmt: skip
