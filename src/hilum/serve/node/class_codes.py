"""Codes of what bundles tell apart: SNOMED CT where it has the finding, else hilum's own."""

from __future__ import annotations

import hashlib

__all__ = ["OWN_SCHEME", "own_value", "snomed_of"]

OWN_SCHEME = "99HILUM"
_SNOMED = {
    "normal": ("17621005", "Normal"),
    "pneumonia": ("233604007", "Pneumonia"),
    "covid": ("840539006", "COVID-19"),
    "covid-19": ("840539006", "COVID-19"),
    "effusion": ("60046008", "Pleural effusion"),
    "pneumothorax": ("36118008", "Pneumothorax"),
    "cardiomegaly": ("8186001", "Cardiomegaly"),
    "tuberculosis": ("154283005", "Pulmonary tuberculosis"),
}


def snomed_of(label: str) -> tuple[str, str] | None:
    """Return the SNOMED CT code and meaning of a class, if it has one.

    >>> snomed_of("Pneumonia")
    ('233604007', 'Pneumonia')
    >>> snomed_of("abnormal") is None
    True
    """
    return _SNOMED.get(label.strip().casefold())


def own_value(meaning: str) -> str:
    """Return a code of hilum's own, the same for the same meaning."""
    return hashlib.sha256(meaning.encode()).hexdigest()[:12].upper()
