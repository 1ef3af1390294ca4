"""What a finding in the words of the COVID-19 image data collection means as a label.

Three public sets share that schema, and it has changed: flat names at first (`COVID-19, ARDS`,
`Streptococcus`), then paths from the general to the special (`Pneumonia/Viral/COVID-19`). Separate
so that both generations, and all three sets, are read by one rule.
"""

from __future__ import annotations

import re

import polars as pl

__all__ = ["finding_label", "finding_labels", "mixed_patients"]

_UNDECIDED = frozenset({"", "todo", "unknown", "unclear", "?", "n/a", "na", "none", "nan"})
_NOTHING_FOUND = frozenset({"no finding", "no findings", "normal"})
_COVID = frozenset({"covid-19", "covid19", "covid 19", "sars-cov-2"})
_PNEUMONIAS = frozenset(
    {
        "sars",
        "mers",
        "mers-cov",
        "influenza",
        "h1n1",
        "varicella",
        "streptococcus",
        "staphylococcus",
        "mrsa",
        "klebsiella",
        "legionella",
        "mycoplasma",
        "chlamydophila",
        "e.coli",
        "pneumocystis",
        "lipoid",
    }
)
_SHOWN = 3


def finding_label(finding: str | None) -> str | None:
    """Return the label of one finding; None where it is blank, `todo`, `Unknown` or alike.

    COVID-19 anywhere in it is covid. Any other pneumonia, also one that the flat vocabulary names
    by its germ alone, is pneumonia. What is left, such as tuberculosis, or ARDS by itself, is
    other_disease.

    >>> finding_label("Pneumonia/Viral/COVID-19"), finding_label("COVID-19, ARDS")
    ('covid', 'covid')
    >>> finding_label("Streptococcus"), finding_label("ARDS"), finding_label("todo")
    ('pneumonia', 'other_disease', None)
    """
    text = (finding or "").strip().lower()
    parts = [] if text in _UNDECIDED else [part.strip() for part in re.split(r"[,;/|]", text)]
    parts = [part for part in parts if part not in _UNDECIDED]
    if not parts:
        return None
    if any(part in _COVID for part in parts):
        return "covid"
    if any("pneumonia" in part or part in _PNEUMONIAS for part in parts):
        return "pneumonia"
    return "normal" if all(part in _NOTHING_FOUND for part in parts) else "other_disease"


def finding_labels(rows: pl.DataFrame, column: str = "finding") -> pl.Series:
    """Return the label of each row's finding, null where it is not known."""
    known = {finding: finding_label(finding) for finding in rows[column].unique().to_list()}
    labels = [known[finding] for finding in rows[column].to_list()]
    return pl.Series("label", labels, dtype=pl.String)


def mixed_patients(frame: pl.DataFrame) -> tuple[str, ...]:
    """Return a note on patients whose images have different labels; nothing if there are none.

    Args:
        frame: Columns patient_id and label.
    """
    labels = frame.group_by("patient_id").agg(pl.col("label").n_unique())
    mixed = labels.filter(pl.col("label") > 1)["patient_id"].sort().to_list()
    if not mixed:
        return ()
    shown = ", ".join(mixed[:_SHOWN]) + (", ..." if len(mixed) > _SHOWN else "")
    note = (
        f"{len(mixed)} patient(s) have images with different labels ({shown}): split by patient, "
        "or one person's films stand on both sides."
    )
    return (note,)
