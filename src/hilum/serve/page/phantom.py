"""A drawn film for who has none at hand: the same road as any film that is sent.

It is a chest radiograph of a subject who does not exist, as a DICOM file whose every name says so.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from hilum.data.phantom import Film, Subject, draw_phantom
from hilum.data.phantom.dicom import write_dicom
from hilum.serve.service import Accepted, Service

__all__ = ["LABELS", "send_phantom"]

LABELS = ("normal", "consolidation", "ground_glass", "nodule")
"""What a phantom may show."""

_HOSPITALS = ("hospital-a", "hospital-d")
"""Whose films the default bundle's gate mostly takes; the others' it mostly refuses."""
_SIZE = 512


def send_phantom(service: Service, *, who: str, rng: np.random.Generator) -> Accepted:
    """Draw a phantom and take it in.

    Args:
        service: Who reads it.
        who: Who asked for it.
        rng: Draws its subject, its finding and its hospital.

    Raises:
        BusyError: If too many films wait already.
        FullError: If there is no room.
        UnavailableError: If the database cannot be reached.
    """
    seed = int(rng.integers(2**31))
    label = str(rng.choice(LABELS))
    hospital = str(rng.choice(_HOSPITALS))
    film = Film(
        patient_id=f"phantom-{seed:010d}", number=1, subject=(seed, 0), exposure=(seed, 1),
        label=label, hospital=hospital, split="test", severity=0.0 if label == "normal" else 0.8,
    )  # fmt: skip
    drawn = draw_phantom(
        np.random.default_rng(film.exposure), label=label, hospital=hospital, size=_SIZE,
        subject=Subject.draw(np.random.default_rng(film.subject)),
        severity=film.severity or None,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder, service.incoming() as incoming:
        path = Path(folder) / "phantom.dcm"
        write_dicom(path, film, drawn)
        incoming.write(path.read_bytes())
        return service.accept(
            incoming, name=f"drawn phantom, {label.replace('_', ' ')}.dcm", source="page", who=who
        )
