"""A new bundle from an old one: as sure as it should be, with thresholds for a purpose.

Nothing of the network changes. What is written beside it says on which films temperature and
thresholds were chosen, and what they did to films that had no part in the choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hilum.errors import DataError
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.threshold import Threshold

if TYPE_CHECKING:
    from hilum.evaluation.confidence import Confidence
    from hilum.evaluation.decisions import AbstainBand
    from hilum.evaluation.operating import OperatingPoint, Target
    from hilum.evaluation.predictions import Predictions
    from hilum.evaluation.record import Estimate

__all__ = ["FittedOn", "Recalibrated", "recalibrate"]

Method = Literal["temperature", "none"]

_ENDS = (0.0501, 19.9)
_STALE = ("nll", "ece", "brier")
_OF_OLD = ("operating_points", "abstain_bands")


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedOn:
    """The films that temperature and thresholds were chosen on."""

    manifest_sha256: str
    split: str

    def text(self, predictions: Predictions, date: str) -> str:
        """Return where a number comes from, for the reader of the bundle."""
        people = int(predictions.patient_index().max()) + 1
        return (
            f"chosen on split {self.split} of manifest {self.manifest_sha256[:12]}, "
            f"{len(predictions)} films of {people} patients, {date}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibrated:
    """What was written, and what it changed."""

    bundle: Bundle
    method: Method
    temperature: float
    before: Confidence
    after: Confidence
    """Each film by a temperature fitted on other patients' films."""

    points: tuple[OperatingPoint, ...]
    bands: tuple[AbstainBand, ...]
    said_before: Predictions
    said_after: Predictions
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; no NaN."""
        return {
            "use": self.bundle.record.intended_use,
            "bundle": str(self.bundle.folder),
            "id": self.bundle.id,
            "method": self.method,
            "temperature": self.temperature,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "operating_points": [point.to_dict() for point in self.points],
            "abstain_bands": [band.to_dict() for band in self.bands],
            "default_threshold": self.bundle.record.default_threshold,
            "notes": list(self.notes),
        }


def recalibrate(
    bundle: Bundle,
    predictions: Predictions,
    out: str | Path,
    *,
    fitted_on: FittedOn,
    method: Method = "temperature",
    targets: Sequence[tuple[str, Target]] = (),
    abstain: Mapping[str, tuple[float, float]] | None = None,
    prevalences: Sequence[float] | None = None,
    default: str | None = None,
    seed: int = 0,
    overwrite: bool = False,
) -> Recalibrated:
    """Fit a temperature and choose thresholds on predictions of a bundle; write a new bundle.

    Args:
        bundle: The bundle that made the predictions; it is left as it is.
        predictions: Of films that neither trained it nor will judge it.
        out: The new bundle's folder.
        fitted_on: Where these films come from.
        method: "none" leaves the temperature alone and only chooses thresholds.
        targets: Class and target of each threshold wanted.
        abstain: Class to the sensitivity and specificity wanted of a band without an answer.
        prevalences: Where predictive values are wanted; 1, 5 and 20 % by default.
        default: Name of the threshold that decides unless another is asked for.
        seed: Seed of the resampling.
        overwrite: Replace a bundle that is already there.

    Raises:
        DataError: If no temperature can be fitted or a target cannot be served.
        BundleError: If `out` is taken or there is no threshold called `default`.
    """
    from hilum.evaluation.confidence import measure_confidence

    factor, after = _fit(predictions, method, seed)
    temperature = bundle.record.temperature * factor
    now = datetime.now(UTC).isoformat(timespec="seconds")
    source = fitted_on.text(predictions, now[:10])
    fitted = _scaled(predictions, factor)
    points = _points(fitted, targets, prevalences, source, seed)
    bands = _bands(fitted, abstain or {}, source)
    thresholds, dropped = _thresholds(bundle, points, changed=factor != 1)
    kept_default = bundle.record.default_threshold
    chosen = default or (kept_default if kept_default in thresholds else "argmax")
    before = measure_confidence(predictions, group="before", seed=seed)
    measured_after = measure_confidence(after, group="after", seed=seed)
    measured = _measured(bundle, changed=factor != 1)
    measured["calibration"] = {
        "note": "before and after on the films named here; after: each film by a temperature "
        "fitted on other patients' films",
        "method": method,
        "manifest_sha256": fitted_on.manifest_sha256,
        "split": fitted_on.split,
        "n_images": len(predictions),
        "n_patients": before.patients,
        "date": now[:10],
        "calibrated_bundle": bundle.id,
        "before": _confidence(before),
        "after": _confidence(measured_after),
    }
    for key, new in (
        ("operating_points", {name: _point(point) for name, point in points.items()}),
        ("abstain_bands", {band.label: _band(band) for band in bands}),
    ):
        if kept := {**measured.get(key, {}), **new}:
            measured[key] = kept
    record = replace(
        bundle.record, created=now, temperature=temperature, thresholds=thresholds,
        default_threshold=chosen, measured=measured, files={}, id="",
    )  # fmt: skip
    written = write_bundle(
        out, record, model_onnx=bundle.model_path, weights=bundle.weights_path(),
        overwrite=overwrite,
    )  # fmt: skip
    return Recalibrated(
        bundle=written, method=method, temperature=temperature, before=before,
        after=measured_after, points=tuple(points.values()), bands=bands,
        said_before=predictions, said_after=after, notes=_notes(dropped, predictions),
    )  # fmt: skip


def _fit(predictions: Predictions, method: Method, seed: int) -> tuple[float, Predictions]:
    """Return by what to divide the logits further, and the cross-fitted predictions."""
    import numpy as np

    from hilum.evaluation.calibrators import cross_fitted
    from hilum.evaluation.temperature import fit_temperature

    if method == "none":
        return 1.0, predictions
    y, p = predictions.labels, predictions.probabilities
    factor = fit_temperature(y, p)
    who = predictions.patient_index()
    if not _ENDS[0] < factor < _ENDS[1] or np.unique(who).size < 2 or np.unique(y).size < 2:
        raise DataError(
            f"No temperature can be fitted on these {len(predictions)} films of "
            f"{np.unique(who).size} patients and {np.unique(y).size} classes: the best is "
            f"{factor:.3g}, at the end of what is allowed, as when every film is right. Take more "
            "films, or choose thresholds alone with the method none."
        )
    better = cross_fitted("temperature", y, p, who, rng=np.random.default_rng(seed))
    return factor, _with(predictions, better)


def _scaled(predictions: Predictions, factor: float) -> Predictions:
    from hilum.evaluation.temperature import scale_by_temperature

    if factor == 1:
        return predictions
    return _with(predictions, scale_by_temperature(predictions.probabilities, factor))


def _with(predictions: Predictions, probabilities: Any) -> Predictions:
    from hilum.evaluation.predictions import Predictions as Made

    return Made(
        predictions.images,
        predictions.patient_ids,
        predictions.labels,
        predictions.classes,
        probabilities,
        sources=predictions.sources,
    )


def _points(
    predictions: Predictions,
    targets: Sequence[tuple[str, Target]],
    prevalences: Sequence[float] | None,
    source: str,
    seed: int,
) -> dict[str, OperatingPoint]:
    from hilum.evaluation.operating import operating_point
    from hilum.evaluation.prevalence import PREVALENCES

    found = {}
    for label, target in targets:
        many = len(predictions.classes) > 2
        name = f"{label}:{target.name}" if many else target.name
        try:
            found[name] = operating_point(
                predictions,
                predictions.classes.index(label),
                target,
                name=name,
                prevalences=PREVALENCES if prevalences is None else prevalences,
                chosen_on=source,
                resamples=1000,
                seed=seed,
            )
        except ValueError as error:
            raise DataError(f"No threshold for {name}: {error}.") from error
    return found


def _bands(
    predictions: Predictions, wanted: Mapping[str, tuple[float, float]], source: str
) -> tuple[AbstainBand, ...]:
    from hilum.evaluation.decisions import abstain_band

    found = []
    for label, (sensitivity, specificity) in wanted.items():
        try:
            band = abstain_band(
                predictions,
                predictions.classes.index(label),
                sensitivity=sensitivity,
                specificity=specificity,
                chosen_on=source,
            )
        except ValueError as error:
            raise DataError(f"No abstain band for {label}: {error}.") from error
        found.append(band)
    return tuple(found)


def _thresholds(
    bundle: Bundle, points: Mapping[str, OperatingPoint], *, changed: bool
) -> tuple[dict[str, Threshold], list[str]]:
    """Return the new rules, and the names of old ones that a new temperature made wrong."""
    old = bundle.record.thresholds
    dropped = [name for name, rule in old.items() if changed and rule.kind == "at_least"]
    rules = {name: rule for name, rule in old.items() if name not in dropped}
    rules.setdefault("argmax", Threshold())
    for name, point in points.items():
        reached = (
            f"reached sensitivity {point.sensitivity.text()} and specificity "
            f"{point.specificity.text()} there"
        )
        rules[name] = Threshold(
            kind="at_least",
            label=point.label,
            value=point.threshold,
            source=f"{point.chosen_on}; {reached}",
        )
    return rules, dropped


def _measured(bundle: Bundle, *, changed: bool) -> dict[str, Any]:
    """Return the old figures without those that hold for the old temperature alone."""
    measured = dict(bundle.record.measured)
    old = measured.get("validation")
    if changed:
        measured = {key: value for key, value in measured.items() if key not in _OF_OLD}
    if changed and isinstance(old, Mapping):
        measured["validation"] = {key: value for key, value in old.items() if key not in _STALE}
    return measured


def _figure(estimate: Estimate) -> dict[str, Any]:
    return {"value": estimate.estimate, "low": estimate.low, "high": estimate.high, "n": estimate.n}


def _confidence(found: Confidence) -> dict[str, Any]:
    return {
        "negative_log_likelihood": _figure(found.nll),
        "brier": _figure(found.brier),
        "calibration_error": _figure(found.ece),
        "calibration_error_of_a_perfect_model": found.perfect_ece,
        "overconfidence": _figure(found.gap),
        "verdict": found.verdict,
    }


def _point(point: OperatingPoint) -> dict[str, Any]:
    worth = {
        f"at {w.prevalence:.3g}": {"ppv": _figure(w.ppv), "npv": _figure(w.npv)}
        for w in point.worth
    }
    return {
        "threshold": {
            "value": point.threshold,
            "low": point.threshold_low,
            "high": point.threshold_high,
        },
        "sensitivity": _figure(point.sensitivity),
        "specificity": _figure(point.specificity),
        "on_patients_left_out": {
            "sensitivity": point.left_out_sensitivity,
            "specificity": point.left_out_specificity,
        },
        "prevalence": worth,
    }


def _band(band: AbstainBand) -> dict[str, Any]:
    return {
        "ruled_out_below": band.low,
        "called_from": band.high,
        "abstained": _figure(band.abstained),
        "error_of_answers": _figure(band.error),
        "error_without_band": _figure(band.error_without),
        "source": band.chosen_on,
    }


def _notes(dropped: Sequence[str], predictions: Predictions) -> tuple[str, ...]:
    notes = []
    if dropped:
        notes.append(
            f"Thresholds left out, as they held for the old temperature: {', '.join(dropped)}."
        )
    absent = [
        name for c, name in enumerate(predictions.classes) if not (predictions.labels == c).any()
    ]
    if absent:
        notes.append(f"No film is truly {' or '.join(absent)}: nothing was learnt of it.")
    return tuple(notes)
