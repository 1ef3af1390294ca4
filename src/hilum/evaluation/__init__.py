"""How good a set of predictions is, and how sure that is: pure arrays, no network, no torch.

`evaluate(Predictions.read("predictions.csv"))` gives every figure with an interval that resamples
patients, beside the score of a model that never looks at the picture. Needs numpy alone.
"""

from hilum.evaluation.baseline import SourceLabels, frequencies_by_group, majority_by_group
from hilum.evaluation.calibration import (
    ReliabilityBins,
    expected_calibration_error,
    reliability_bins,
)
from hilum.evaluation.intervals import exact_interval, percentile_interval, resample_patients
from hilum.evaluation.metrics import (
    accuracy,
    balanced_accuracy,
    brier_score,
    cohen_kappa,
    confusion_matrix,
    f1,
    matthews_correlation,
    negative_log_likelihood,
    negative_predictive_value,
    precision,
    recall,
    specificity,
)
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.ranking import (
    auroc,
    average_precision,
    precision_recall_points,
    roc_points,
)
from hilum.evaluation.record import RESEARCH_USE, Baseline, Estimate, Evaluation
from hilum.evaluation.scoring import evaluate

__all__ = [
    "RESEARCH_USE",
    "Baseline",
    "Estimate",
    "Evaluation",
    "Predictions",
    "ReliabilityBins",
    "SourceLabels",
    "accuracy",
    "auroc",
    "average_precision",
    "balanced_accuracy",
    "brier_score",
    "cohen_kappa",
    "confusion_matrix",
    "evaluate",
    "exact_interval",
    "expected_calibration_error",
    "f1",
    "frequencies_by_group",
    "majority_by_group",
    "matthews_correlation",
    "negative_log_likelihood",
    "negative_predictive_value",
    "percentile_interval",
    "precision",
    "precision_recall_points",
    "recall",
    "reliability_bins",
    "resample_patients",
    "roc_points",
    "specificity",
]
