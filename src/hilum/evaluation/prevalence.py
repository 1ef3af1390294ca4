"""What a positive or a negative answer is worth where the disease is as rare as it is.

A test set with half its films diseased says nothing directly about a clinic where one in a hundred
is. Sensitivity and specificity carry over, if the patients are alike; Bayes' rule does the rest.
"""

from __future__ import annotations

import math

__all__ = ["PREVALENCES", "negative_value", "positive_value", "predictive_values"]

PREVALENCES = (0.01, 0.05, 0.20)
"""Where predictive values are given unless asked otherwise."""

Limits = tuple[float, float, float]
"""A share, its lower and its upper limit."""


def positive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Return the chance that a film called positive is: se q / (se q + (1 - sp) (1 - q)).

    Args:
        sensitivity: Share of positives called positive, in [0, 1].
        specificity: Share of negatives called negative, in [0, 1].
        prevalence: Share of positives among all, q, in (0, 1).

    Returns:
        NaN where nothing is ever called positive.

    >>> round(positive_value(0.95, 0.90, 0.01), 3)
    0.088
    """
    return _bayes(sensitivity * prevalence, (1 - specificity) * (1 - prevalence))


def negative_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Return the chance that a film called negative is: sp (1 - q) / (sp (1 - q) + (1 - se) q).

    Args:
        sensitivity: Share of positives called positive, in [0, 1].
        specificity: Share of negatives called negative, in [0, 1].
        prevalence: Share of positives among all, q, in (0, 1).

    Returns:
        NaN where nothing is ever called negative.

    >>> round(negative_value(0.95, 0.90, 0.20), 3)
    0.986
    """
    return _bayes(specificity * (1 - prevalence), (1 - sensitivity) * prevalence)


def _bayes(right: float, wrong: float) -> float:
    return right / (right + wrong) if right + wrong > 0 else math.nan


def predictive_values(
    sensitivity: Limits, specificity: Limits, prevalence: float
) -> tuple[Limits, Limits]:
    """Return positive and negative predictive value with limits, from those of the two shares.

    The odds of a positive value are the prevalence's odds times se / (1 - sp), of a negative one
    those of health times sp / (1 - se). The limits of such a ratio of two independent shares are
    recovered from theirs, on the log scale. Where a share is 0 or 1, the worst and the best
    corner are taken instead, which is wider.

    Args:
        sensitivity: Value, low, high, of the positive images.
        specificity: Value, low, high, of the negative images.
        prevalence: Share of positives among all, in (0, 1).

    Raises:
        ValueError: If the prevalence is not between 0 and 1.

    References:
        Zou and Donner, "Construction of confidence limits about effect measures: a general
        approach", Stat. Med. 27, 2008 (MOVER).
    """
    if not 0 < prevalence < 1:
        raise ValueError(f"prevalence must be between 0 and 1, got {prevalence}")
    odds = prevalence / (1 - prevalence)
    positive = _from_ratio(sensitivity, _rest(specificity), odds)
    negative = _from_ratio(specificity, _rest(sensitivity), 1 / odds)
    return positive, negative


def _rest(share: Limits) -> Limits:
    value, low, high = share
    return 1 - value, 1 - high, 1 - low


def _from_ratio(top: Limits, bottom: Limits, odds: float) -> Limits:
    """Return odds * top / bottom as a probability, with limits."""
    if any(map(math.isnan, (*top, *bottom))):
        return math.nan, math.nan, math.nan
    value = _bayes(odds * top[0], bottom[0])
    corners = _bayes(odds * top[1], bottom[2]), _bayes(odds * top[2], bottom[1])
    if min(*top, *bottom) <= 0:
        return value, *corners
    above = math.hypot(math.log(top[2] / top[0]), math.log(bottom[0] / bottom[1]))
    below = math.hypot(math.log(top[0] / top[1]), math.log(bottom[2] / bottom[0]))
    ratio = odds * top[0] / bottom[0]
    low, high = ratio * math.exp(-below), ratio * math.exp(above)
    return value, low / (1 + low), high / (1 + high)
