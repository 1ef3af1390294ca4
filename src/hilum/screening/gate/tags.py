"""What the file's own tags say against an adult's frontal chest radiograph.

A tag that names another view, another plane or a child's age is believed: somebody chose it. The
body part is only warned about, because archives fill it in by room and not by film.
"""

from __future__ import annotations

import re

from hilum.data.radiograph import Radiograph
from hilum.screening.gate.limits import Limits

__all__ = ["about_tags", "age_in_years", "doubts_about_tags"]

_LATERAL = ("LL", "RL", "LLD", "RLD", "LAT", "LATERAL", "L", "LLO", "RLO")
_CHEST = ("CHEST", "THORAX", "LUNG", "RIB", "STERNUM", "PORT CHEST", "HEART", "TORAX")
_AGE = re.compile(r"(\d{1,3})([DWMY])")
_A_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}


def age_in_years(radiograph: Radiograph) -> float | None:
    """Return the patient's age as the tag PatientAge has it (`067Y`, `011M`), if it has one.

    `000Y` is what de-identification leaves behind, and no age.
    """
    found = _AGE.fullmatch(radiograph.facts.get("PatientAge", "").strip().upper())
    if found is None or (found[2] == "Y" and int(found[1]) == 0):
        return None
    return int(found[1]) / _A_YEAR[found[2]]


def about_tags(radiograph: Radiograph, limits: Limits) -> list[str]:
    """Say which tags speak against an adult's frontal film."""
    found = []
    view = (radiograph.view or "").strip().upper()
    if view in _LATERAL:
        found.append(
            f"The file says it is a lateral view ({view}); expected a frontal one. Give the PA or "
            "AP film of this study."
        )
    elif (row := _row_direction(radiograph)) in ("A", "P"):
        way = "forwards" if row == "A" else "backwards"
        found.append(
            f"The file says that its rows run {way} in the patient (PatientOrientation), as in a "
            "lateral view; expected a frontal one."
        )
    age = age_in_years(radiograph)
    if age is not None and age < limits.youngest:
        found.append(
            f"The file says that the patient is {_years(age)} old; this is for adults, from "
            f"{limits.youngest:g} years."
        )
    return found


def doubts_about_tags(radiograph: Radiograph) -> list[str]:
    """Say which tags are odd but often wrong."""
    part = radiograph.facts.get("BodyPartExamined", "").strip().upper()
    if part and not any(name in part for name in _CHEST):
        return [f"The file says it shows {part}; expected CHEST. That tag is often wrong."]
    return []


def _row_direction(radiograph: Radiograph) -> str:
    """Return where the rows of the picture lead in the patient: L, R, A, P, H or F."""
    return radiograph.facts.get("PatientOrientation", "").strip().upper()[:1]


def _years(age: float) -> str:
    if age >= 2:
        return f"{age:.0f} years"
    return f"{round(age * 12)} months"
