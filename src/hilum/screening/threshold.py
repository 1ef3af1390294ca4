"""The rule that turns probabilities into a decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from hilum.screening.fields import Faults

__all__ = ["Threshold", "describe", "threshold_from"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A rule that turns probabilities into a decision.

    Args:
        kind: "argmax" decides for the most probable class; "at_least" for `label` whenever its
            probability reaches `value`, and otherwise for the most probable of the others.
        label: The class that `value` belongs to; empty for "argmax".
        value: Probability in [0, 1].
        source: Where the value comes from, for the reader.
    """

    kind: Literal["argmax", "at_least"] = "argmax"
    label: str = ""
    value: float = 0.0
    source: str = ""

    def decide(self, probabilities: Mapping[str, float]) -> str:
        """Return the class that `probabilities` (class to number) decide for."""
        if self.kind == "argmax":
            return max(probabilities, key=probabilities.__getitem__)
        if probabilities[self.label] >= self.value:
            return self.label
        others = {name: p for name, p in probabilities.items() if name != self.label}
        return max(others, key=others.__getitem__)

    def describe(self) -> str:
        """Return the rule as a phrase for a reader."""
        return describe(self.to_dict())

    def to_dict(self) -> dict[str, Any]:
        """Return the rule as plain values, as `bundle.json` holds it."""
        noted = {"source": self.source} if self.source else {}
        if self.kind == "argmax":
            return {"kind": "argmax", **noted}
        return {"kind": "at_least", "class": self.label, "value": self.value, **noted}


def describe(rule: Mapping[str, Any]) -> str:
    """Return a rule, as `Threshold.to_dict` gives it, as a phrase for a reader."""
    if rule["kind"] == "argmax":
        return "the most probable class"
    return f"{rule['class']} if its probability is at least {rule['value']:.3g}"


def threshold_from(where: str, rule: Any, faults: Faults) -> Threshold:
    """Read one entry of `thresholds`; what is wrong with it goes to `faults`.

    Args:
        where: The path of the entry, for messages.
        rule: What the file holds there.
        faults: Where problems are noted.
    """
    if not isinstance(rule, Mapping):
        faults.add(f"{where} must be an object, got {rule!r}")
        return Threshold()
    inner = f"{where}."
    kind = faults.one_of("kind", rule, ("argmax", "at_least"), inner)
    source = faults.text("source", rule, inner) if "source" in rule else ""
    if kind != "at_least":
        faults.keys(inner, rule, ["kind", "source"])
        return Threshold(source=source)
    faults.keys(inner, rule, ["kind", "class", "value", "source"])
    label, value = faults.text("class", rule, inner), faults.number("value", rule, inner)
    return Threshold(kind="at_least", label=label, value=value, source=source)
