"""What an archive run keeps of one film: one row of a shard."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hilum.errors import ImageReadError
from hilum.screening.archive.item import Item, shown
from hilum.screening.result import Screening

__all__ = ["FilmRow", "failed_row", "row_of"]

_LONGEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmRow:
    """An answer, a refusal or a failure, as plain values that travel between processes.

    Args:
        key: Path and member; no two rows of a run share one.
        path: The file, or the tar or zip file the film lies in.
        member: Its name in there; None for a file of its own.
        sha256: Hash of the film's bytes, where they could be read.
        study_uid: DICOM StudyInstanceUID.
        series_uid: DICOM SeriesInstanceUID.
        sop_uid: DICOM SOPInstanceUID.
        view: "PA", "AP" ... as recorded.
        accepted: Whether the gate took it; None for a failure.
        reasons: Why it did not.
        warnings: What looks doubtful.
        gate_distance: How unlike the bundle's training films it is; None where the bundle cannot
            tell, or the gate refused before.
        gate_limit: From which distance on a film is refused; None as before.
        probabilities: Class to probability; None without an answer.
        decision: The class decided for.
        error: Why there is no answer.
        seconds: From the film's bytes to the answer.
    """

    key: str
    path: str
    member: str | None
    sha256: str | None = None
    study_uid: str | None = None
    series_uid: str | None = None
    sop_uid: str | None = None
    view: str | None = None
    accepted: bool | None = None
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    gate_distance: float | None = None
    gate_limit: float | None = None
    probabilities: Mapping[str, float] | None = None
    decision: str | None = None
    error: str | None = None
    seconds: float = 0.0


def row_of(item: Item, data: bytes, screening: Screening) -> FilmRow:
    """Return the row of a film that was screened with its pixels kept.

    Args:
        item: The film.
        data: Its bytes.
        screening: What the screener said of them, `film` included.
    """
    from hilum.data.reading.sniff import doubt_about_name

    film, doubts = screening.film, list(screening.warnings)
    facts: Mapping[str, str] = film.facts if film is not None else _facts(data)
    # The screener is given bytes, which have no name to be wrong.
    if film is not None and (doubt := doubt_about_name(item.member or item.path, film.format)):
        doubts.append(doubt)
    return FilmRow(
        **_names(item),
        sha256=screening.sha256 or _sha256(data),
        study_uid=_text(facts.get("StudyInstanceUID")),
        series_uid=_text(facts.get("SeriesInstanceUID")),
        sop_uid=_text(facts.get("SOPInstanceUID")),
        view=_text(film.view if film is not None else facts.get("ViewPosition")),
        accepted=None if screening.failed else screening.accepted,
        reasons=tuple(map(shown, screening.reasons)),
        warnings=tuple(map(shown, doubts)),
        gate_distance=screening.gate.get("distance"),
        gate_limit=screening.gate.get("limit"),
        probabilities=screening.probabilities,
        decision=screening.decision,
        error=_text(screening.error),
        seconds=screening.seconds,
    )


def failed_row(item: Item, reason: str | ImageReadError) -> FilmRow:
    """Return the row of a film of which there are no bytes to speak of."""
    reason = reason.reason if isinstance(reason, ImageReadError) else reason
    return FilmRow(**_names(item), error=_text(reason) or "it failed without a word")


def _names(item: Item) -> dict[str, Any]:
    return {"key": item.key, "path": shown(item.path), "member": _text(item.member)}


def _text(value: str | None) -> str | None:
    return shown(value)[:_LONGEST] if value else None


def _sha256(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def _facts(data: bytes) -> Mapping[str, str]:
    """Return what a DICOM file that gave no picture says of itself, as far as it can be read."""
    from hilum.screening.films import begins_as_dicom

    if not begins_as_dicom(data):
        return {}
    import io

    from pydicom import dcmread

    from hilum.data.reading.boundary import quiet_decoders
    from hilum.data.reading.dicom_facts import facts
    from hilum.data.reading.dicom_values import DICOM_ERRORS

    try:
        with quiet_decoders():
            return facts(dcmread(io.BytesIO(data), stop_before_pixels=True), "")
    except DICOM_ERRORS:
        return {}
