"""Route: an answer as FHIR, for hospital information systems."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import JSONResponse
from pydicom.dataset import Dataset

from hilum.serve.api.asking import TheService
from hilum.serve.api.films import FilmId, Viewer
from hilum.serve.api.problems import PROBLEMS, StatusError
from hilum.serve.node.fhir import diagnostic_report
from hilum.serve.node.uids import is_valid_uid
from hilum.serve.recalled import recalled
from hilum.serve.storage import answers, films

__all__ = ["router"]

router = APIRouter(tags=["films"], responses=PROBLEMS)
_MEDIA = "application/fhir+json"


@router.get(
    "/films/{film}/answers/{answer}/fhir",
    response_class=JSONResponse,
    responses={
        200: {"content": {_MEDIA: {}}, "description": "A DiagnosticReport with Observations (R4)."},
        409: {
            "description": "The film belongs to no study",
            "content": {"application/problem+json": {}},
        },
    },
)
def see_fhir(
    service: TheService,
    _who: Viewer,
    film: FilmId,
    answer: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")],
) -> JSONResponse:
    """Return an answer about a DICOM film as a preliminary DiagnosticReport."""
    with service.database.read() as connection:
        kept = films.film_of(connection, film)
        given = answers.answer_of(connection, answer)
    if given.film != film:
        raise StatusError(404, "Not found", "This answer is about another film.")
    try:
        report: dict[str, Any] = diagnostic_report(
            _headers(kept),
            recalled(given.answer, path=film),
            when=given.created_at,
            variant=given.variant,
        )
    except ValueError as error:
        raise StatusError(409, "Nothing to report", str(error)) from error
    return JSONResponse(report, media_type=_MEDIA)


def _headers(film: films.Film) -> Dataset:
    """Return what a report needs of a film's headers, as they were read."""
    headers = Dataset()
    uids = {"StudyInstanceUID": film.study_uid, "SOPInstanceUID": film.sop_uid}
    for keyword, uid in uids.items():
        if uid is None or not is_valid_uid(uid):
            raise StatusError(
                409, "No study", f"Only a DICOM film with a {keyword} belongs to a study."
            )
        setattr(headers, keyword, uid)
    headers.PatientID = film.patient_id or ""
    return headers
