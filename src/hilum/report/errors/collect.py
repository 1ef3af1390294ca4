"""The numbers of the errors: how many, which for which, in which groups, beside never looking."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.data.manifest import Manifest
from hilum.errors import PredictionsError
from hilum.evaluation.baseline import SourceLabels, majority_by_group
from hilum.evaluation.error_groups import compare_groups, error_rates, holm, share_limits
from hilum.evaluation.errors import Errors, confusions, find_errors
from hilum.evaluation.metadata_groups import metadata_groups
from hilum.evaluation.predictions import Predictions

__all__ = ["UNKNOWN", "Gathered", "gather", "numbers"]

UNKNOWN = "unknown"

Values = dict[str, list[str]]


@dataclass(frozen=True, slots=True, eq=False)
class Gathered:
    """What was scored, what was wrong of it, and what is known of each image.

    Args:
        predictions: Of n images.
        errors: Those called wrongly.
        paths: Absolute, of each image.
        groups: What each image is grouped by, n values a column.
        usual: Index of the commonest training label of each image's source; None if not known.
    """

    predictions: Predictions
    errors: Errors
    paths: list[str]
    groups: Values
    usual: NDArray[np.int64] | None

    def film(self, place: int) -> dict[str, Any]:
        """Return what is known of the error at `place`, 0 the most confident."""
        row = int(self.errors.rows[place])
        true, called = int(self.predictions.labels[row]), int(self.errors.called[row])
        p = self.predictions.probabilities[row]
        names = self.predictions.classes
        return {
            "rank": place + 1,
            "image": str(self.predictions.images[row]),
            "patient_id": str(self.predictions.patient_ids[row]),
            "true": names[true],
            "called": names[called],
            "probability_called": float(p[called]),
            "probability_true": float(p[true]),
            "margin": float(self.errors.margins[place]),
            "usual_of_source": None if self.usual is None else names[int(self.usual[row])],
            "probabilities": dict(zip(names, p.tolist(), strict=True)),
            "known": {name: values[row] for name, values in self.groups.items()},
        }


def gather(
    predictions: Predictions,
    manifest: Manifest,
    *,
    called: NDArray[np.int64] | None = None,
    baseline: SourceLabels | None = None,
) -> Gathered:
    """Find the errors, and what the manifest knows of every image scored.

    Args:
        predictions: Their images are in the manifest, their sources known.
        manifest: As `match_manifest` was given it.
        called: Index of the class called of each image; by default the most probable.
        baseline: Source and label of the images trained on.

    Raises:
        PredictionsError: If an image is not in the manifest.
    """
    rows = _rows(predictions, manifest)
    frame = manifest.frame[rows]
    found = {
        name: values.fill_null(UNKNOWN).to_list() for name, values in metadata_groups(frame).items()
    }
    usual = None
    if baseline is not None and predictions.sources is not None:
        usual = majority_by_group(baseline.sources, baseline.labels, predictions.sources)
    paths = manifest.absolute_paths().to_list()
    return Gathered(
        predictions=predictions,
        errors=find_errors(predictions, called),
        paths=[paths[row] for row in rows],
        groups=found,
        usual=usual,
    )


def _rows(predictions: Predictions, manifest: Manifest) -> list[int]:
    row_of = {path: row for row, path in enumerate(manifest.absolute_paths().to_list())}
    row_of |= {path: row for row, path in enumerate(manifest.frame["path"].to_list())}
    absent = [image for image in predictions.images.tolist() if image not in row_of]
    if absent:
        raise PredictionsError(f"{len(absent)} predicted images are not in the manifest.", absent)
    return [row_of[image] for image in predictions.images.tolist()]


def numbers(gathered: Gathered, *, seed: int, shuffles: int) -> dict[str, Any]:
    """Return every number of the page but the films, as plain values.

    Args:
        gathered: What was scored.
        seed: Of the shuffles.
        shuffles: Of patients between groups, for each test.
    """
    predictions, errors = gathered.predictions, gathered.errors
    patients = predictions.patient_index()
    return {
        "classes": list(predictions.classes),
        "images": len(predictions),
        "patients": int(np.unique(patients).size),
        "patients_wrong": int(np.unique(patients[errors.wrong]).size),
        "errors": _rate(errors.wrong, patients),
        "never_looking": _never_looking(gathered, patients),
        "confusions": [asdict(confusion) for confusion in confusions(predictions, errors)],
        "groups": _groups(gathered, patients, seed=seed, shuffles=shuffles),
        "shuffles": shuffles,
        "seed": seed,
    }


def _rate(wrong: NDArray[np.bool_], patients: NDArray[np.int64]) -> dict[str, Any]:
    low, high = share_limits(wrong, patients) or (None, None)
    return {"wrong": int(wrong.sum()), "rate": float(wrong.mean()), "low": low, "high": high}


def _never_looking(gathered: Gathered, patients: NDArray[np.int64]) -> dict[str, Any] | None:
    """Return the errors of answering with the source's commonest label, and what is shared."""
    if gathered.usual is None:
        return None
    errors = gathered.errors
    same = errors.called == gathered.usual
    return {
        **_rate(gathered.usual != gathered.predictions.labels, patients),
        "errors_called_as_source_suggests": int((errors.wrong & same).sum()),
    }


def _groups(
    gathered: Gathered, patients: NDArray[np.int64], *, seed: int, shuffles: int
) -> list[dict[str, Any]]:
    wrong, labels = gathered.errors.wrong, gathered.predictions.labels
    found: list[dict[str, Any]] = []
    for name, values in gathered.groups.items():
        rng = np.random.default_rng(seed)
        test = compare_groups(
            wrong, values, patients=patients, labels=labels, rng=rng, shuffles=shuffles
        )
        rates = error_rates(wrong, values, patients=patients, labels=labels)
        found.append(
            {
                "column": name,
                "p_value": test.p_value,
                "reason": test.reason,
                "values": [asdict(rate) for rate in rates],
            }
        )
    adjusted = holm([group["p_value"] for group in found])
    return [{**group, "p_holm": p} for group, p in zip(found, adjusted, strict=True)]
