"""Who a network was trained on, without naming anybody.

A network that starts from another's weights has seen that one's patients too. Trained weights
therefore carry a mark of each patient, a shortened hash of (source, patient_id): enough to find a
patient of the test set among them, useless for anything else.
"""

from __future__ import annotations

import hashlib

from hilum.data.manifest import Manifest

__all__ = ["patient_marks"]

_LENGTH = 16


def patient_marks(manifest: Manifest) -> dict[str, tuple[str, str]]:
    """Return (source, patient_id) of every patient by mark, 16 hexadecimal digits each.

    Two of a million patients share a mark with probability 3e-8.
    """
    patients = manifest.frame.select("source", "patient_id").unique().sort("source", "patient_id")
    return {
        hashlib.sha256(f"{source}\0{patient}".encode()).hexdigest()[:_LENGTH]: (source, patient)
        for source, patient in patients.iter_rows()
    }
