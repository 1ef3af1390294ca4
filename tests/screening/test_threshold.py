from __future__ import annotations

from hilum.screening.threshold import Threshold

EVEN = {"normal": 0.5, "pneumonia": 0.3, "covid": 0.2}


def test_argmax_decides_for_the_most_probable() -> None:
    assert Threshold().decide(EVEN) == "normal"


def test_at_least_includes_its_own_value() -> None:
    rule = Threshold(kind="at_least", label="covid", value=0.2)
    assert rule.decide(EVEN) == "covid"


def test_below_the_value_the_most_probable_other_class_is_decided_for() -> None:
    rule = Threshold(kind="at_least", label="normal", value=0.6)
    assert rule.decide(EVEN) == "pneumonia"


def test_a_rule_says_itself_in_words() -> None:
    rule = Threshold(kind="at_least", label="covid", value=0.25)
    assert rule.describe() == "covid if its probability is at least 0.25"
    assert Threshold().describe() == "the most probable class"
