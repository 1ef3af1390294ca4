"""Is the model as sure as it is right, where to cut, and what an answer is then worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hilum.report.svg import Curve, Drawing, line_chart
from hilum.report.whole.sheet import Cell, Sheet, Value

__all__ = [
    "confidence_sheet",
    "decision_chart",
    "points_sheet",
    "predictive_sheet",
    "sheets_of_points",
    "worth_of_points",
]


def confidence_sheet(title: str, groups: Sequence[Mapping[str, Any]]) -> Sheet:
    """Return how sure and how right a model is, a row a group of films."""
    rows: list[list[Cell]] = [
        [
            "All films" if group["group"] == "all" else group["group"],
            Value(group["accuracy"], percent=True),
            group["confidence"],
            Value(group["gap"], percent=True, signed=True),
            Value(group["ece"]),
            group["perfect_ece"],
            group["perfect_ece_high"],
            Value(group["nll"]),
            Value(group["brier"]),
        ]
        for group in groups
    ]
    return Sheet(
        title,
        ("films", "right", "sure", "sure less right", "calibration error", "by chance",
         "by chance, at most", "log loss", "Brier score"),
        rows,
        notes=(
            ("Sure: mean probability of the class called; its limits are those of the difference "
             "to the accuracy. By chance: the calibration error of a perfectly calibrated model on "
             "as many films, its mean and what it exceeds one time in twenty, by simulation."),
        ),
        forms={"sure": ".1%", "by chance": ".3f", "by chance, at most": ".3f"},
    )  # fmt: skip


def points_sheet(title: str, points: Sequence[Mapping[str, Any]]) -> Sheet:
    """Return thresholds with what they reach, and what such a choice reaches elsewhere."""
    rows: list[list[Cell]] = [
        [
            _point_name(point),
            point["threshold"],
            _range(point["threshold_low"], point["threshold_high"]),
            Value(point["sensitivity"], percent=True),
            Value(point["specificity"], percent=True),
            point["left_out_sensitivity"],
            point["left_out_specificity"],
        ]
        for point in points
    ]
    return Sheet(
        title,
        ("threshold", "from", "chosen anew", "sensitivity", "specificity",
         "sensitivity, left out", "specificity, left out"),
        rows,
        notes=(
            *_chosen(points),
            ("Chosen anew: range of the threshold when it is chosen on resampled patients. Left "
            "out: means over patients who had no part in those choices; they have no limits, as "
            "resampling has already been used to make them."),
        ),
        forms={"sensitivity, left out": ".1%", "specificity, left out": ".1%", "from": ".3f"},
    )  # fmt: skip


def _point_name(point: Mapping[str, Any]) -> str:
    name, label = str(point["name"]), str(point["label"])
    return name if label in name else f"{label}: {name}"


def _chosen(points: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say of each threshold on which films it was chosen; once for all that share them."""
    where: dict[str, list[str]] = {}
    for point in points:
        where.setdefault(str(point["chosen_on"]), []).append(_point_name(point))
    for place, names in where.items():
        who = "All thresholds" if len(where) == 1 else ", ".join(names)
        words = place if place.startswith("chosen") else f"chosen on {place}"
        yield f"{who}: {words}."


def _range(low: float | None, high: float | None) -> str:
    return "given, not chosen" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def predictive_sheet(worth: Mapping[str, Sequence[Mapping[str, Any]]]) -> Sheet:
    """Return PPV and NPV of the decisions at each prevalence, a row a class and prevalence."""
    rows = [
        [label, row["prevalence"], Value(row["ppv"], percent=True), Value(row["npv"], percent=True)]
        for label, found in worth.items()
        for row in found
    ]
    return Sheet(
        "What an answer is worth, by how many have it",
        ("class", "have it", "PPV", "NPV"),
        rows,
        notes=(
            (
                "PPV: of films called so, the share that are. NPV: of films not called so, the "
                "share that are not. Both follow from sensitivity and specificity here, carried "
                "over to another share of the class."
            ),
        ),
        forms={"have it": "percent"},
    )


def worth_of_points(title: str, points: Sequence[Mapping[str, Any]]) -> Sheet:
    """Return PPV and NPV of each threshold at each prevalence."""
    return Sheet(
        title,
        ("threshold", "have it", "PPV", "NPV"),
        [
            [
                _point_name(point),
                row["prevalence"],
                Value(row["ppv"], percent=True),
                Value(row["npv"], percent=True),
            ]
            for point in points
            for row in point["worth"]
        ],
        forms={"have it": "percent"},
    )


def decision_chart(curve: Mapping[str, Any]) -> Drawing:
    """Draw the net benefit of acting on one class's probability."""
    at = curve["thresholds"]
    low = curve["low"] or [None] * len(at)
    high = curve["high"] or [None] * len(at)
    top = max(curve["prevalence"], 0.02)
    model = list(zip(at, curve["model"], low, high, strict=True))
    everyone = [
        (t, benefit, None, None)
        for t, benefit in zip(at, curve["treat_all"], strict=True)
        if benefit > -0.35 * top
    ]
    shown = [value for _, *three in model for value in three if value is not None]
    ends = (max(-top, min(-0.35 * top, 1.05 * min(curve["model"]))), 1.1 * max([top, *shown]))
    return line_chart(
        f"{curve['label']}: net benefit of acting on it",
        [
            Curve(f"act on the model, n {curve['n']:,}, with 95\u00a0% limits", model),
            Curve("act on every film", everyone),
        ],
        x="Probability from which one would act",
        y="True positives a film, net",
        limits=ends,
        references=[("act on none", 0.0)],
    )


def sheets_of_points(title: str, points: Sequence[Mapping[str, Any]]) -> Iterator[Sheet]:
    """Return both tables of thresholds, none where there is no threshold."""
    if points:
        yield points_sheet(title, points)
        yield worth_of_points(f"{title}: what an answer is worth", points)
