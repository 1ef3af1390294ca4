"""How a page writes an estimate: the number, its limits or why there are none, and its n."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["SHARES", "estimate_text", "is_estimate", "n_text", "signed_text", "why_no_limits"]

SHARES = frozenset({"accuracy", "balanced_accuracy", "recall", "precision", "specificity", "npv"})
"""Figures that are written in per cent."""

_FIELDS = frozenset({"estimate", "low", "high", "n", "patients", "method"})


def is_estimate(value: object) -> bool:
    """Say whether a value is what `Estimate.to_dict` gives."""
    return isinstance(value, Mapping) and value.keys() >= _FIELDS


def estimate_text(value: Mapping[str, Any], *, percent: bool = False) -> str:
    """Return the number and its limits.

    >>> estimate_text({"estimate": 0.9, "low": 0.85, "high": 0.94})
    '0.900 (0.850 to 0.940)'
    """
    number = value["estimate"]
    if number is None:
        return "undefined"
    scale, places, unit = (100, 1, "\u00a0%") if percent else (1, 3, "")
    text = f"{number * scale:.{places}f}{unit}"
    if value["low"] is None or value["high"] is None:
        return text
    return f"{text} ({value['low'] * scale:.{places}f} to {value['high'] * scale:.{places}f})"


def signed_text(value: Mapping[str, Any], *, percent: bool = False) -> str:
    """Return a difference and its limits, each with its sign.

    >>> signed_text({"estimate": 0.05, "low": -0.01, "high": 0.11})
    '+0.050 (-0.010 to +0.110)'
    """
    number = value["estimate"]
    if number is None:
        return "undefined"
    scale, places = (100, 1) if percent else (1, 3)
    unit = "\u00a0points" if percent else ""
    text = f"{_signed(number * scale, places)}{unit}"
    if value["low"] is None or value["high"] is None:
        return text
    low, high = (_signed(value[end] * scale, places) for end in ("low", "high"))
    return f"{text} ({low} to {high})"


def _signed(number: float, places: int) -> str:
    """Return a number with its sign; nothing has none."""
    rounded = round(number, places)
    return f"{rounded:+.{places}f}" if rounded else f"{0:.{places}f}"


def n_text(value: Mapping[str, Any]) -> str:
    """Return how many films stand behind a number.

    >>> n_text({"n": 1200})
    'n 1,200'
    """
    return f"n {value['n']:,}"


def why_no_limits(value: Mapping[str, Any]) -> str:
    """Return why a value or its limits are missing; nothing where both are there.

    >>> why_no_limits({"estimate": 1.0, "low": None, "high": None, "reason": None})
    'no limits: none were asked for'
    """
    if value["estimate"] is not None and value["low"] is not None and value["high"] is not None:
        return ""
    reason: str | None = value.get("reason")
    if reason:
        return reason
    return "undefined" if value["estimate"] is None else "no limits: none were asked for"
