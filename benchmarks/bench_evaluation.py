"""Intervals: hilum's weighted resampling beside the usual loop over scikit-learn."""

from __future__ import annotations

import time

import numpy as np
from sklearn import metrics

from benchmarks.rows import Row
from hilum.evaluation import Predictions, evaluate
from hilum.evaluation.evidence import gather_evidence

IMAGES, CLASSES, RESAMPLES, LOOPED = 10_000, 3, 2_000, 10
MANY, LIMIT_S = 30_000, 20.0


def _predictions(images: int = IMAGES) -> Predictions:
    rng = np.random.default_rng(0)
    labels = rng.integers(0, CLASSES, images)
    logits = rng.normal(size=(images, CLASSES)) + 1.5 * np.eye(CLASSES)[labels]
    raised = np.exp(logits)
    return Predictions(
        images=[f"{i}.png" for i in range(images)],
        patient_ids=[str(i // 2) for i in range(images)],
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


def _everything(predictions: Predictions) -> float:
    """Return the seconds that all of `hilum evaluate` takes, reading and writing aside."""
    start = time.perf_counter()
    gather_evidence(predictions, evaluate(predictions, resamples=RESAMPLES))
    return time.perf_counter() - start


def rows() -> list[Row]:
    """Time 2,000 resamples here, and 10 rounds of the loop, scaled to as many."""
    predictions = _predictions()
    start = time.perf_counter()
    evaluate(predictions, resamples=RESAMPLES)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    _loop(predictions)
    theirs = (time.perf_counter() - start) * RESAMPLES / LOOPED
    many = _everything(_predictions(MANY))
    return [
        Row(
            claim=f"{MANY:,} images, {RESAMPLES:,} resamples, all metrics, worth of an answer, "
            "thresholds, calibration, decision curves", peer="", ours=many, theirs=None, unit="s",
            ratio=None, wanted=f"under {LIMIT_S:.0f} s", met=many < LIMIT_S,
        ),
        Row(
            claim=f"{IMAGES:,} images, {RESAMPLES:,} resamples of patients, all metrics",
            peer=f"loop over scikit-learn, {LOOPED} rounds scaled to {RESAMPLES:,}", ours=ours,
            theirs=theirs, unit="s", ratio=theirs / ours, wanted="in seconds", met=ours < 10,
        ),
    ]  # fmt: skip
