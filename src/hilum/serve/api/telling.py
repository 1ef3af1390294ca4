"""From what is kept to what is answered."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

from hilum.serve.api.shapes import AnswerShape, FilmShape, JobShape, OpinionShape
from hilum.serve.storage import answers, jobs
from hilum.serve.storage.films import Film
from hilum.serve.storage.opinions import Opinion

__all__ = ["answer_shape", "film_shape", "job_shape", "opinion_shape"]

_SHOWN = (
    *("id", "sha256", "bytes", "format", "name", "source", "received_at", "removed_at"),
    *("conflict_with", "patient_id", "patient_name", "study_uid", "study_date", "view"),
)


def job_shape(job: jobs.Job) -> JobShape:
    """Return how far a job is."""
    return JobShape.model_validate({"id": job.id, "state": job.state, "error": job.error})


def answer_shape(
    answer: answers.Answer, job: jobs.Job, cams: NDArray[np.float32] | None
) -> AnswerShape:
    """Return an answer with its maps, shape (classes, h, w)."""
    told = answer.answer
    maps = None
    if cams is not None and told["probabilities"] is not None:
        rounded = cams.astype(float).round(5).tolist()
        maps = dict(zip(told["probabilities"], rounded, strict=True))
    return AnswerShape(
        id=answer.id,
        film=answer.film,
        bundle=answer.bundle,
        bundle_name=answer.bundle_name,
        accepted=answer.accepted,
        reasons=list(told["reasons"]),
        warnings=list(told["warnings"]),
        probabilities=told["probabilities"],
        calibrated=told["calibrated"],
        decision=answer.decision,
        threshold=told["threshold"],
        struck=list(job.struck),
        region=None if answer.region is None else list(answer.region),
        maps=maps,
        created_at=answer.created_at,
    )


def film_shape(connection: Connection, film: Film) -> FilmShape:
    """Return a film with all that was said of it."""
    asked = jobs.jobs_of(connection, film.id)
    by_id = {job.id: job for job in asked}
    given = answers.answers_of(connection, film.id)
    facts = None if film.facts is None else dict(film.facts)
    return FilmShape(
        **{name: getattr(film, name) for name in _SHOWN},
        facts=facts,
        jobs=[job_shape(job) for job in asked],
        answers=[
            answer_shape(answer, by_id[answer.job], answers.cams_of(connection, answer.id))
            for answer in given
        ],
    )


def opinion_shape(opinion: Opinion) -> OpinionShape:
    """Return what a reader said."""
    return OpinionShape.model_validate(opinion)
