"""Routes: send a film, list films, see one, its pixels, its maps."""

from __future__ import annotations

import asyncio
import logging
import time
import zlib
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from hilum.serve.access.principal import Principal
from hilum.serve.api.asking import TheService, allowed
from hilum.serve.api.problems import PROBLEMS, StatusError, told
from hilum.serve.api.shapes import (
    AnswerShape,
    FilmShape,
    JobShape,
    ListShape,
    RegionsGiven,
    UploadShape,
    WorkShape,
)
from hilum.serve.api.telling import answer_shape, film_shape, job_shape
from hilum.serve.api.upload import arriving
from hilum.serve.service import Accepted, Ended, Service
from hilum.serve.storage import answers, audit, films, jobs, worklist
from hilum.serve.storage.errors import FullError
from hilum.serve.workers.tasks import Drawn, Failed, Shown

__all__ = ["router"]

router = APIRouter(tags=["films"], responses=PROBLEMS)

logger = logging.getLogger(__name__)

_ASK_S = 0.2
_Seen = TypeVar("_Seen")

FilmId = Annotated[str, Path(pattern=r"^[0-9a-f]{32}$", description="A film's id.")]
Wait = Annotated[float, Query(ge=0, le=60, description="Seconds to wait for the answer.")]
Viewer = Annotated[Principal, Depends(allowed("view"))]
Sender = Annotated[Principal, Depends(allowed("upload"))]

_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            kind: {"schema": {"type": "string", "format": "binary"}}
            for kind in ("application/octet-stream", "application/dicom", "image/png", "image/jpeg")
        }
        | {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary"}},
                }
            }
        },
    }
}


_REFUSALS = told(
    {
        408: "Too slow",
        409: "The key was used with another film",
        415: "Not a film",
        431: "Too large",
    }
)
_GONE = told({410: "Removed"})
_HERE: dict[int | str, dict[str, Any]] = {
    200: {"model": UploadShape, "description": "The film was here already"}
}


@router.post("/films", status_code=201, openapi_extra=_BODY, responses={**_REFUSALS, **_HERE})
async def send_film(  # noqa: PLR0917  (FastAPI calls it by name)
    request: Request,
    response: Response,
    service: TheService,
    who: Sender,
    name: Annotated[str | None, Query(max_length=1000, description="The file's name.")] = None,
    wait: Wait = 0,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=128)] = None,
) -> UploadShape:
    """Send a film: PNG, JPEG, WebP or DICOM, as the body or as a form with one file.

    When this answers, the film is safely kept and will be read, whatever happens to the server.
    """
    source = "page" if who.kind != "token" and "x-csrf-token" in request.headers else "api"
    async with arriving(request, service, name) as arrived:
        accepted = await run_in_threadpool(
            service.accept, arrived.incoming, name=arrived.name, source=source, who=who.name,
            key=idempotency_key,
        )  # fmt: skip
    response.status_code = 201 if accepted.new else 200
    response.headers["Location"] = f"/api/v1/films/{accepted.film.id}"
    ended = await _ended(service, accepted.job.id, wait) if wait else None
    if ended is not None:
        found, job = ended.answer, ended.job
        answer = None if found is None else answer_shape(found, job, ended.cams)
        return _told(accepted, job, answer)
    if not wait and accepted.new:
        return _told(accepted, accepted.job, None)
    return await run_in_threadpool(_looked_up, service, accepted)


async def _ended(service: Service, job: str, seconds: float) -> Ended | None:
    """Wait until a job ends; return what came of it, if this process did it.

    A job that another process does is asked after now and then.
    """
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        pending = service.pending(job)
        if pending is not None:
            waiting = asyncio.wrap_future(pending)
            await asyncio.wait([waiting], timeout=left)
            return waiting.result() if waiting.done() else None
        if (await run_in_threadpool(_job, service, job)).state != "queued":
            return None
        await asyncio.sleep(min(_ASK_S, left))
    return None


def _looked_up(service: Service, accepted: Accepted) -> UploadShape:
    with service.database.read() as connection:
        job = jobs.job_of(connection, accepted.job.id)
        found = [a for a in answers.answers_of(connection, job.film) if a.job == job.id]
        maps = answers.cams_of(connection, found[0].id) if found else None
        answer = answer_shape(found[0], job, maps) if found else None
    return _told(accepted, job, answer)


def _told(accepted: Accepted, job: jobs.Job, answer: AnswerShape | None) -> UploadShape:
    return UploadShape(film=accepted.film.id, job=job_shape(job), new=accepted.new, answer=answer)


@router.get("/films")
def list_films(  # noqa: PLR0917  (FastAPI calls it by name)
    service: TheService,
    who: Viewer,
    label: Annotated[str | None, Query(description="Class to sort by.")] = None,
    state: worklist.State | None = None,
    decision: Annotated[str | None, Query(max_length=128)] = None,
    mine: Annotated[bool | None, Query(description="Films I have judged, or have not.")] = None,
    text: Annotated[str, Query(max_length=200, description="In a name or a number.")] = "",
    order: worklist.Order = "probability",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    offset: Annotated[int, Query(ge=0, le=10_000_000)] = 0,
) -> ListShape:
    """List films: those that need a look first."""
    classes = service.bundle.record.classes
    if label is not None and label not in classes:
        raise StatusError(
            422, "Not as expected", f"label: expected one of {', '.join(classes)}; got another."
        )
    wish = worklist.Wish(
        bundle=service.bundle.id, label=label or service.label, reader=who.name, state=state,
        decision=None if decision is None else plain(decision), mine=mine, text=plain(text),
        order=order, limit=limit, offset=offset,
    )  # fmt: skip
    with service.database.read() as connection:
        page = worklist.page_of(connection, wish)
    return ListShape(
        label=wish.label,
        entries=[WorkShape.model_validate(entry) for entry in page.entries],
        total=page.total,
        counts=dict(page.counts),
    )


def plain(text: str) -> str:
    """Return text without characters that a database refuses."""
    return "".join(c for c in text if c.isprintable())


@router.get("/films/{film}")
def see_film(service: TheService, who: Viewer, film: FilmId) -> FilmShape:
    """Return what is known of a film, and what was said of it."""
    return _seen(service, who, film, "see film", film_shape)


def _seen(
    service: Service, who: Principal, film: str, action: str,
    look: Callable[[Connection, films.Film], _Seen],
) -> _Seen:  # fmt: skip
    """Return what is looked up of a film, once the audit trail says who sees it.

    Where there is no room left for an entry the log has it instead: nobody shall stand before a
    patient without the film because a disk is full.
    """
    try:
        with service.database.write() as connection:
            found = look(connection, films.film_of(connection, film))
            audit.record(
                connection, actor=who.name, action=action, object=film, now=service.clock(),
                bundle=service.bundle.id,
            )  # fmt: skip
            return found
    except FullError as error:
        logger.warning("not in the audit trail: %r did %r to %s: %s", who.name, action, film, error)
    with service.database.read() as connection:
        return look(connection, films.film_of(connection, film))


@router.get("/films/{film}/priors")
def see_priors(service: TheService, _who: Viewer, film: FilmId) -> list[str]:
    """Return the ids of other films of the same patient number, the newest first."""
    with service.database.read() as connection:
        return [prior.id for prior in films.priors_of(connection, films.film_of(connection, film))]


@router.get(
    "/films/{film}/pixels",
    response_class=Response,
    responses={
        200: {
            "content": {"application/octet-stream": {}},
            "description": "Grey levels row by row, little-endian, brighter = denser; the headers "
            "X-Rows, X-Columns, X-Bits, X-White, X-Full-Rows, X-Full-Columns and, if known, "
            "X-Spacing-Mm and X-Spacing-Kind say how to read them.",
        },
        **_GONE,
    },
)
async def see_pixels(
    request: Request,
    service: TheService,
    who: Viewer,
    film: FilmId,
    longest: Annotated[int, Query(ge=64, le=4096)] = 2048,
) -> Response:
    """Return a film's grey levels, reduced to `longest` pixels on its longer side."""
    found = await run_in_threadpool(_seen, service, who, film, "see pixels", lambda _, kept: kept)
    shown = await asyncio.wrap_future(service.shown(found, longest=longest))
    if not isinstance(shown, Shown):
        raise StatusError(422, "No picture", _why(shown))
    headers = _pixel_headers(shown)
    body = shown.pixels
    if "deflate" in request.headers.get("accept-encoding", ""):
        body = await run_in_threadpool(zlib.compress, body, 1)
        headers["Content-Encoding"] = "deflate"
    return Response(body, media_type="application/octet-stream", headers=headers)


def _pixel_headers(shown: Shown) -> dict[str, str]:
    headers = {
        "X-Rows": str(shown.shape[0]),
        "X-Columns": str(shown.shape[1]),
        "X-Bits": str(shown.bits),
        "X-White": str(shown.white),
        "X-Full-Rows": str(shown.full_shape[0]),
        "X-Full-Columns": str(shown.full_shape[1]),
        "Cache-Control": "private, max-age=3600",
        "Vary": "Cookie, Authorization, Accept-Encoding",
    }
    if shown.spacing_mm is not None:
        headers["X-Spacing-Mm"] = ",".join(f"{size:.6g}" for size in shown.spacing_mm)
        headers["X-Spacing-Kind"] = shown.spacing_kind or ""
    return headers


@router.get(
    "/films/{film}/answers/{answer}/maps/{label}.png",
    response_class=Response,
    responses={
        200: {"content": {"image/png": {}}, "description": "The film with the evidence on it."},
        **_GONE,
    },
)
async def see_map(
    service: TheService,
    who: Viewer,
    film: FilmId,
    answer: Annotated[str, Path(pattern=r"^[0-9a-f]{32}$")],
    label: Annotated[str, Path(max_length=128)],
) -> Response:
    """Return the film with the evidence for one class drawn on it, as PNG."""

    def asked(connection: Connection, kept: films.Film) -> tuple[films.Film, answers.Answer]:
        given = answers.answer_of(connection, answer)
        if given.film != kept.id:
            raise StatusError(404, "Not found", "This answer is about another film.")
        return kept, given

    kept, given = await run_in_threadpool(_seen, service, who, film, "see map", asked)
    drawing = await run_in_threadpool(service.drawn, kept, given, label)
    drawn = await asyncio.wrap_future(drawing)
    if not isinstance(drawn, Drawn):
        raise StatusError(422, "No picture", _why(drawn))
    return Response(drawn.png, media_type="image/png")


@router.post("/films/{film}/strike", status_code=202, responses=_GONE)
async def strike_out(
    service: TheService, who: Sender, film: FilmId, given: RegionsGiven, wait: Wait = 10
) -> JobShape:
    """Have a film read again without some regions: a marker, a device, a border.

    The answer stands beside the first one in the film's `answers`.
    """
    job = await run_in_threadpool(service.read_again, film, given.regions, who=who.name)
    await _ended(service, job.id, wait)
    return await run_in_threadpool(_job, service, job.id)


def _job(service: Service, job: str) -> JobShape:
    with service.database.read() as connection:
        return job_shape(jobs.job_of(connection, job))


def _why(reply: object) -> str:
    return reply.reason if isinstance(reply, Failed) else "There is no picture."
