"""The codes in a structured report."""

from __future__ import annotations

from highdicom.sr import CodedConcept

from hilum.serve.node.class_codes import OWN_SCHEME, own_value, snomed_of

__all__ = ["class_code", "own_code", "probability_code"]


def own_code(meaning: str) -> CodedConcept:
    """Return a code of hilum's own scheme, the same for the same meaning."""
    return CodedConcept(own_value(meaning), OWN_SCHEME, meaning[:64])


def class_code(label: str) -> CodedConcept:
    """Return the code of a class of a bundle."""
    known = snomed_of(label)
    return own_code(label) if known is None else CodedConcept(known[0], "SCT", known[1])


def probability_code(label: str) -> CodedConcept:
    """Return the code of what is measured: the probability of a class."""
    return own_code(f"Probability of {label}")
