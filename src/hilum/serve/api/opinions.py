"""Routes: what readers say, where they disagree, and all of it as a manifest."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from hilum.serve.access.principal import Principal
from hilum.serve.api.asking import TheService, allowed
from hilum.serve.api.films import FilmId, Viewer, plain
from hilum.serve.api.problems import PROBLEMS, StatusError, told
from hilum.serve.api.shapes import BayesShape, OpinionGiven, OpinionShape, Share
from hilum.serve.api.telling import opinion_shape
from hilum.serve.bayes import update
from hilum.serve.feedback import Agreed, feedback_rows, feedback_table
from hilum.serve.storage import answers, audit, films
from hilum.serve.storage.opinions import (
    Opinion,
    add_opinion,
    disagreements,
    last_opinions,
    opinions_of,
)

__all__ = ["router"]

router = APIRouter(tags=["opinions"], responses=PROBLEMS)


@router.post("/films/{film}/opinions", status_code=201)
def give_opinion(
    service: TheService, who: Viewer, film: FilmId, given: OpinionGiven
) -> OpinionShape:
    """Say what you think of a film. Nothing said before is changed; the last word counts."""
    second = who.may("opine_second")
    who.must("opine_second" if second else "opine")
    if given.label is not None and given.label not in service.bundle.record.classes:
        known = ", ".join(service.bundle.record.classes)
        raise StatusError(422, "Not as expected", f"label: expected one of {known}; got another.")
    now = service.clock()
    with service.database.write() as connection:
        films.film_of(connection, film)
        if given.answer and answers.answer_of(connection, given.answer).film != film:
            raise StatusError(422, "Not as expected", "answer: it is about another film.")
        said = Opinion(
            film=film, reader=who.name, place=2 if second else 1, verdict=given.verdict,
            bundle=service.bundle.id, at=now, answer=given.answer, label=given.label,
            finding=_clean(given.finding), quality=given.quality, comment=_clean(given.comment),
            pretest=given.pretest and {plain(name): p for name, p in given.pretest.items()},
        )  # fmt: skip
        name = add_opinion(connection, said)
        audit.record(
            connection, actor=who.name, action="give opinion", object=film, now=now,
            bundle=service.bundle.id, detail={"opinion": name, "verdict": given.verdict},
        )  # fmt: skip
        own = opinions_of(connection, film, reader=who.name)
    return opinion_shape(next(each for each in own if each.id == name))


def _clean(text: str | None) -> str | None:
    if text is None:
        return None
    return "\n".join(plain(line) for line in text.splitlines())


@router.get("/films/{film}/opinions")
def see_opinions(service: TheService, who: Viewer, film: FilmId) -> list[OpinionShape]:
    """Return what was said of a film; to a second reader only once they have spoken."""
    with service.database.read() as connection:
        films.film_of(connection, film)
        said = opinions_of(connection, film)
    spoken = any(each.reader == who.name for each in said)
    blind = not who.may("see_opinions") and not spoken
    return [opinion_shape(each) for each in said if not blind or each.reader == who.name]


@router.get("/disagreements")
def see_disagreements(
    service: TheService, _who: Annotated[Principal, Depends(allowed("see_opinions"))]
) -> dict[str, list[OpinionShape]]:
    """Return films whose readers contradict each other or the bundle."""
    with service.database.read() as connection:
        found = disagreements(last_opinions(connection))
    return {film: [opinion_shape(each) for each in those] for film, those in found.items()}


@router.get(
    "/feedback.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}, "description": "A manifest."}},
)
def export_feedback(
    service: TheService,
    who: Annotated[Principal, Depends(allowed("export"))],
    agreed: Annotated[
        Agreed, Query(description="unanimous: films all readers give one label; first, second.")
    ] = "unanimous",
) -> Response:
    """Return films with the labels their readers gave, as a manifest.

    `hilum train`, `calibrate` and `evaluate` take it as it is, on a machine that sees the server's
    data folder. The source is the server's, the patient as DICOM says, else the film itself.
    """
    now = service.clock()
    with service.database.write() as connection:
        rows = feedback_rows(connection, service.blobs, agreed=agreed)
        audit.record(
            connection, actor=who.name, action="export feedback", object="all", now=now,
            detail={"films": len(rows), "agreed": agreed},
        )  # fmt: skip
    headers = {"Content-Disposition": 'attachment; filename="feedback.csv"'}
    return Response(feedback_table(rows), media_type="text/csv", headers=headers)


@router.get("/films/{film}/bayes", responses=told({409: "Nothing to start from"}))
def apply_bayes(
    service: TheService,
    _who: Viewer,
    film: FilmId,
    pretest: Annotated[Share, Query(gt=0, lt=1)],
    label: Annotated[str | None, Query(max_length=128)] = None,
) -> BayesShape:
    """Return what an answer becomes for a pre-test probability, with the working."""
    name = label or service.label
    prevalence = service.prevalence(name)
    with service.database.read() as connection:
        films.film_of(connection, film)
        given = [a for a in answers.answers_of(connection, film) if a.variant == "" and a.accepted]
    if not given or not given[-1].answer["probabilities"]:
        raise StatusError(409, "No answer", "This film has no answer to start from.")
    if prevalence is None:
        raise StatusError(409, "No prevalence", "The bundle does not say how common the class was.")
    said = given[-1].answer["probabilities"].get(name)
    if said is None:
        raise StatusError(422, "Not as expected", "label: the bundle has no such class.")
    if not 0 < said < 1:
        raise StatusError(409, "Certain", "The answer is 0 or 1; nothing follows from certainty.")
    found = update(said, prevalence=prevalence, pretest=pretest)
    return BayesShape(
        label=name, pretest=pretest, prevalence=prevalence, probability=said,
        likelihood_ratio=found.likelihood_ratio, posttest=found.posttest,
        working=list(found.working),
    )  # fmt: skip
