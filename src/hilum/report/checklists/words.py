"""Counts and estimates as phrases, each number beside its n."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hilum.report.checklists.answer import Facts, listed, look

__all__ = [
    "baseline_text",
    "by_label",
    "by_name",
    "cropping",
    "estimate_text",
    "films",
    "headline_names",
    "preprocessing_steps",
    "scored_on",
    "settings",
    "why_no_test",
]

_HEADLINES = ("macro_auroc", "accuracy", "balanced_accuracy")
_EQUAL = {
    "none": "no equalisation",
    "histogram": "histogram equalisation of the grey levels",
    "clahe": "contrast-limited adaptive histogram equalisation",
}
_SQUARE = {
    "crop": "the central square cut out",
    "pad": "padded with black to a square",
    "stretch": "stretched to a square, its aspect lost",
}


def films(size: Mapping[str, Any]) -> str:
    """Return a size as a phrase.

    >>> films({"images": 1404, "patients": 1055})
    '1,404 films of 1,055 patients'
    """
    images, patients = size.get("images"), size.get("patients")
    counted = f"{images:,} film{'' if images == 1 else 's'}"
    if patients is None:
        return counted
    return f"{counted} of {patients:,} patient{'' if patients == 1 else 's'}"


def by_name(sizes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return several sizes, each after its name."""
    return "; ".join(f"{name or '(unknown)'}: {films(size)}" for name, size in sizes.items())


def by_label(sizes: Mapping[str, Any]) -> str:
    """Return how many films each label has, without patients."""
    return ", ".join(
        f"{name or 'unknown'} {size['images'] if isinstance(size, Mapping) else size:,}"
        for name, size in sizes.items()
    )


def estimate_text(value: Mapping[str, Any], level: float | None = 0.95) -> str:
    """Return an estimate with its limits and what it rests on.

    Args:
        value: As `Estimate.to_dict` gives it, or a figure of a bundle (`value`, `low`, `high`).
        level: Confidence of the limits; None if not known.

    >>> estimate_text({"estimate": 0.8247, "low": 0.7778, "high": 0.872, "n": 29, "patients": 23})
    '0.825 (95 % interval 0.778 to 0.872; 29 films of 23 patients)'
    """
    point = value.get("estimate", value.get("value"))
    rests = films({"images": value.get("n") or 0, "patients": value.get("patients")})
    if point is None:
        return f"undefined ({value.get('reason') or 'no value'}; {rests})"
    low, high = value.get("low"), value.get("high")
    if low is None or high is None:
        return f"{point:.3f} (no interval; {rests})"
    named = "interval" if level is None else f"{level * 100:g} % interval"
    return f"{point:.3f} ({named} {low:.3f} to {high:.3f}; {rests})"


def headline_names(figures: Mapping[str, Any]) -> list[str]:
    """Return the metrics that lead a report: those that the rules that never look have, too."""
    return [name for name in _HEADLINES if name in figures]


def scored_on(facts: Facts) -> str:
    """Return which films the evaluation is of."""
    found = facts["evaluation"]
    split = found.get("split")
    where = f"split {split!r}" if split else "a table of predictions that names no split"
    size = films({"images": found.get("n_images", 0), "patients": found.get("n_patients")})
    return f"{where}, {size} ({by_label(found.get('class_counts') or {})})"


def why_no_test(facts: Facts) -> str:
    """Return why the figures are no test of the model; empty if nothing known speaks against it."""
    return next(_objections(facts), "")


def _objections(facts: Facts) -> Iterator[str]:
    """Yield what would have to be there for the figures to be a test, worst first."""
    split = look(facts, "evaluation.split")
    if untied := facts["untied"]:
        yield f"Figures of this very model: {untied[0].lower()}{untied[1:]}"
    if rule := _other_rule(facts):
        yield f"Figures of the model's own rule of decision ({rule}); another was scored"
    if split is None:
        yield "Which films were scored, and that none of them had a part in training"
    apart = "Figures on films with no part in training: split"
    if split == "train":
        yield f"{apart} {split!r} was trained on"
    if split == "val":
        yield f"{apart} {split!r} was used to choose the weights"
    if split == look(facts, "training.recipe.training.selection_split"):
        yield f"{apart} {split!r} chose the weights"
    if split and _calibrated_on(facts, split):
        yield f"Figures on films that temperature and thresholds were not chosen on: {split!r} was"
    if look(facts, "data.patients_in_several_splits"):
        yield "Figures on a split that shares no patient with another"


def _other_rule(facts: Facts) -> str:
    """Return the rule the model decides by, if the decisions scored were made by another."""
    rules = look(facts, "model.thresholds") or {}
    own = rules.get(look(facts, "model.default_threshold")) or {}
    decided = str(look(facts, "evaluation.decision"))
    changed = own.get("kind") == "at_least" and decided.startswith("the most probable class")
    return str(own["rule"]) if changed else ""


def _calibrated_on(facts: Facts, split: str) -> bool:
    chosen = look(facts, "model.measured.calibration") or {}
    theirs = look(facts, "evaluation.manifest.sha256")
    return chosen.get("split") == split and chosen.get("manifest_sha256") in (theirs, None)


def baseline_text(facts: Facts) -> str:
    """Return the score of the rule that never looks at the picture, or why there is none."""
    rule = look(facts, "evaluation.baselines.source_majority")
    if not rule:
        return "No baseline was measured that never looks at the film"
    if not rule.get("available"):
        return f"No baseline that knows only each film's source: {rule.get('reason')}"
    level = look(facts, "evaluation.intervals.level")
    figures = rule["metrics"]
    shown = [f"{name} {estimate_text(figures[name], level)}" for name in headline_names(figures)]
    return f"A rule that never looks at the film and knows only its source: {listed(shown)}"


def preprocessing_steps(facts: Facts) -> str:
    """Return what is done to a film before the network sees it, as a sentence."""
    steps = look(facts, "model.preprocessing") or {}
    found = ["turned into 256 greys", *cropping(facts)]
    found.append(f"resized to {steps.get('size')} x {steps.get('size')} pixels")
    equal = steps.get("equalization")
    found.append(_EQUAL.get(str(equal), f"equalisation {equal}"))
    mean, std = settings(steps.get("mean")), settings(steps.get("std"))
    found.append(f"scaled to [0, 1]; minus mean {mean}, divided by {std}")
    found.append(f"{steps.get('channels')} channel(s)")
    text = "; ".join(found)
    if digest := look(facts, "model.preprocessing_hash"):
        text += f" (record {digest})"
    return text


def cropping(facts: Facts) -> list[str]:
    """Return what is cut off each film."""
    steps = look(facts, "model.preprocessing") or {}
    top = [f"the top {steps['top']:.0%} of the rows cut off"] if steps.get("top") else []
    square = str(steps.get("square"))
    return [*top, _SQUARE.get(square, f"made square ({square})")]


def settings(values: Any) -> str:
    """Return settings as a phrase.

    >>> settings({"name": "adamw", "learning_rate": 0.0005, "scale": [0.9, 1.1]})
    'name adamw, learning rate 0.0005, scale 0.9 to 1.1'
    """
    if isinstance(values, Mapping):
        shown = [(key, settings(value)) for key, value in values.items() if value is not None]
        return ", ".join(f"{str(key).replace('_', ' ')} {value}" for key, value in shown if value)
    if isinstance(values, list | tuple):
        numbers = len(values) == 2 and all(isinstance(value, int | float) for value in values)
        return (" to " if numbers else ", ").join(settings(value) for value in values)
    if isinstance(values, bool):
        return "yes" if values else "no"
    return f"{values:g}" if isinstance(values, float) else str(values)
