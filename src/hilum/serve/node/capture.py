"""The answer as a picture that any archive shows: an RGB Secondary Capture.

A capture is seen without the report beside it, so what must not be missed is in its pixels, on a
strip of its own above whatever picture is given.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
from highdicom.sc import SCImage
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from pydicom.dataset import Dataset

import hilum
from hilum.screening.lettering import AMBER, BACKGROUND, DIM, TEXT, Lettering
from hilum.screening.result import Screening
from hilum.serve.node.own import MANUFACTURER
from hilum.serve.node.report import NOTICE
from hilum.serve.node.seams import Reading
from hilum.serve.node.uids import derive_uid

__all__ = ["captured_picture", "make_capture"]

_SERIES_NUMBER = 9002
_STRIP = 88
_MARGIN = 18
_NARROWEST = 640


def make_capture(
    headers: Dataset, reading: Reading, *, variant: str = "", when: datetime
) -> SCImage:
    """Return the picture of an answer as a Secondary Capture in the film's study.

    Args:
        headers: Of the film, as `film_headers` gives them.
        reading: An answer with an overlay.
        variant: What sets this reading apart from others of the same film by the same bundle.
        when: The moment of the reading.

    Raises:
        ValueError: If the reading holds no answer or no overlay.
    """
    screening = reading.screening
    source = str(headers.SOPInstanceUID)
    identity = (source, screening.bundle, "capture", variant, reading.overlay_class)
    capture = SCImage.from_ref_dataset(
        ref_dataset=headers,
        pixel_array=captured_picture(reading, source),
        photometric_interpretation="RGB",
        bits_allocated=8,
        coordinate_system="PATIENT",
        series_instance_uid=derive_uid(*identity, "series"),
        series_number=_SERIES_NUMBER,
        sop_instance_uid=derive_uid(*identity),
        instance_number=1,
        manufacturer=MANUFACTURER,
        patient_orientation=("L", "F"),  # replaced by the film's own below
        series_description=f"{NOTICE} - hilum overlay",
        manufacturer_model_name=screening.bundle_name[:64],
        software_versions=hilum.__version__,
        device_serial_number=screening.bundle[:64],
        content_date=when.date(),
        content_time=when.time(),
        specific_character_set="ISO_IR 192",
    )
    _describe(capture, headers, reading)
    return capture


def _describe(capture: SCImage, headers: Dataset, reading: Reading) -> None:
    """Say where the picture comes from."""
    film = Dataset()
    film.ReferencedSOPClassUID = headers.SOPClassUID
    film.ReferencedSOPInstanceUID = headers.SOPInstanceUID
    capture.SourceImageSequence = [film]
    capture.ImageType = ["DERIVED", "SECONDARY"]
    capture.DerivationDescription = (
        f"{NOTICE}. Evidence map of hilum for {reading.overlay_class} on the film"
    )[:1024]
    capture.BurnedInAnnotation = headers.BurnedInAnnotation
    capture.Laterality = ""
    capture.PatientOrientation = headers.get("PatientOrientation", "")
    for keyword in ("IssuerOfPatientID", "StudyDescription"):
        if keyword in headers:
            setattr(capture, keyword, headers[keyword].value)


def captured_picture(reading: Reading, source: str = "") -> NDArray[np.uint8]:
    """Return the overlay below a strip that says what it is, RGB, uint8 (h, w, 3).

    Args:
        reading: An answer with an overlay.
        source: SOP Instance UID of the film; its last characters go into the strip.

    Raises:
        ValueError: If the reading holds no answer or no overlay.
    """
    overlay, screening = reading.overlay, reading.screening
    probability = (screening.probabilities or {}).get(reading.overlay_class)
    if overlay is None or probability is None:
        raise ValueError("a capture needs an answer, an overlay and the class it shows")
    if overlay.dtype != np.uint8 or overlay.ndim != 3 or overlay.shape[2] != 3:
        raise ValueError(
            f"overlay must be uint8 of shape (h, w, 3), got {overlay.dtype} of {overlay.shape}"
        )
    picture = Image.fromarray(np.ascontiguousarray(overlay))
    width = max(picture.width, _NARROWEST)
    sheet = Image.new("RGB", (width, _STRIP + picture.height), BACKGROUND)
    sheet.paste(picture, ((width - picture.width) // 2, _STRIP))
    letters = Lettering(ImageDraw.Draw(sheet), width - 2 * _MARGIN)
    _write_strip(letters, screening, reading.overlay_class, probability)
    if source:
        letters.right(f"film ...{source[-12:]}", 62, size=15, colour=DIM, room=letters.room // 3)
    return np.asarray(sheet)


def _write_strip(letters: Lettering, screening: Screening, label: str, probability: float) -> None:
    letters.left(f"{NOTICE} - not for diagnosis", 8, size=22, colour=AMBER)
    kind = "calibrated" if screening.calibrated else "not calibrated"
    answer = f"{label}: {100 * probability:.1f} % ({kind})"
    rule = f"decision: {screening.decision} by {screening.threshold_name}"
    used = letters.right(rule, 38, size=16, colour=TEXT, room=letters.room // 2)
    letters.left(answer, 38, size=16, colour=TEXT, room=letters.room - used - 20)
    legend = f"bundle {screening.bundle[:12]}   colours: evidence, dark to bright, of this class"
    letters.left(legend, 62, size=15, colour=DIM, room=2 * letters.room // 3 - 20)
