"""The pages. What changes something is done by the interface for programs, but for the phantom."""

from __future__ import annotations

import math
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy import Connection, func, select

from hilum.serve.access.origin import safe_next
from hilum.serve.access.web import guard_of
from hilum.serve.api.asking import TheService
from hilum.serve.api.films import FilmId
from hilum.serve.api.problems import StatusError
from hilum.serve.page import account
from hilum.serve.page.asking import Judge, Overseer, PageRoute, Reader, Sender
from hilum.serve.page.assets import assets
from hilum.serve.page.card import card_blocks, measured_figures
from hilum.serve.page.phantom import send_phantom
from hilum.serve.page.templating import render
from hilum.serve.service import Service
from hilum.serve.storage import answers, audit, films, jobs, tables
from hilum.serve.storage.errors import NotFoundError
from hilum.serve.storage.opinions import disagreements, last_opinions

__all__ = ["router"]

_ENTRIES = 200
_FOREVER = "public, max-age=31536000, immutable"
_LOGIN_PROBLEMS = {
    "wrong": "The name or the password is wrong.",
    "wait": "Too many attempts.",
    "busy": "Too many people log in at this moment. Try again in a few seconds.",
    "oidc": "The identity provider's answer was refused. Ask an administrator whether you may "
    "come in; the server's log says why.",
}

pages = APIRouter(
    include_in_schema=False, route_class=PageRoute, default_response_class=HTMLResponse
)
parts = APIRouter(include_in_schema=False)
"""What scripts ask for; its refusals are JSON."""


@parts.get("/static/{version}/{name}")
def static(version: str, name: str) -> Response:
    """Return a script or a style; another version's are not here."""
    found = assets()
    if version != found.version or name not in found.content:
        raise StatusError(404, "Not found", "There is no such file. Load the page again.")
    headers = {"Cache-Control": _FOREVER}
    return Response(found.content[name], media_type=found.media_type(name), headers=headers)


@pages.get("/")
def worklist(request: Request, service: TheService, who: Reader) -> Response:
    """Show the worklist; its rows come as JSON."""
    return render(
        request, "worklist.html", who=who, classes=service.bundle.record.classes,
        label=service.label, bundle=service.bundle.record.name,
    )  # fmt: skip


@pages.get("/films/{film}")
def viewer(request: Request, service: TheService, who: Reader, film: FilmId) -> Response:
    """Show a film; its pixels and words come from the interface, which notes who saw it."""
    record = service.bundle.record
    with service.database.read() as connection:
        priors = films.priors_of(connection, films.film_of(connection, film))
    where, note, figures = measured_figures(record)
    name, rule = record.threshold()
    return render(
        request, "viewer.html", who=who, film=film, priors=priors, classes=record.classes,
        label=service.label, prevalence=_prevalences(service), bundle_id=service.bundle.id,
        bundle=record.name, rule_name=name, rule=rule, measured=where, note=note,
        figures=figures,
    )  # fmt: skip


def _prevalences(service: Service) -> dict[str, float]:
    found = {name: service.prevalence(name) for name in service.bundle.record.classes}
    return {name: share for name, share in found.items() if share is not None}


@parts.get("/films/{film}/state")
def state(service: TheService, _who: Reader, film: FilmId) -> dict[str, Any]:
    """Return how far a film is, without its words: for a page that waits."""
    with service.database.read() as connection:
        films.film_of(connection, film)
        asked = jobs.jobs_of(connection, film)
    waiting = sum(job.state == "queued" for job in asked)
    return {"waiting": waiting, "ended": len(asked) - waiting}


@parts.post("/phantom", status_code=201)
def phantom(service: TheService, who: Sender) -> dict[str, str]:
    """Draw a phantom and take it in."""
    accepted = send_phantom(service, who=who.name, rng=np.random.default_rng())
    return {"film": accepted.film.id}


@pages.get("/films/{film}/print")
def printed(  # noqa: PLR0917  (FastAPI calls it by name)
    request: Request,
    service: TheService,
    who: Reader,
    film: FilmId,
    label: Annotated[str | None, Query(max_length=128)] = None,
    answer: Annotated[str | None, Query(pattern=r"^[0-9a-f]{32}$")] = None,
) -> Response:
    """Show a film, its answer and the bundle's limits on one sheet."""
    record, now = service.bundle.record, service.clock()
    with service.database.write() as connection:
        found = films.film_of(connection, film)
        given = answers.answers_of(connection, film)
        told = _asked_for(given, answer)
        audit.record(
            connection, actor=who.name, action="print film", object=film, now=now,
            bundle=service.bundle.id, detail={"answer": told.id if told else None},
        )  # fmt: skip
        struck = () if told is None else jobs.job_of(connection, told.job).struck
    shown = label if label in record.classes else (told and told.decision) or service.label
    where, note, figures = measured_figures(record)
    return render(
        request, "print.html", who=who, film=found, answer=told, struck=struck, label=shown,
        same_bundle=told is not None and told.bundle == service.bundle.id, now=now,
        bundle=record, measured=where, note=note, figures=figures,
        intended_use=record.intended_use,
    )  # fmt: skip


def _asked_for(given: list[answers.Answer], answer: str | None) -> answers.Answer | None:
    if answer is not None:
        found = next((each for each in given if each.id == answer), None)
        if found is None:
            raise NotFoundError("There is no such answer about this film.")
        return found
    whole = [each for each in given if each.variant == ""]
    return whole[-1] if whole else None


@pages.get("/limits")
def limits(request: Request, service: TheService, who: Reader) -> Response:
    """Show what the bundle can and cannot do: its model card."""
    return render(request, "limits.html", who=who, blocks=card_blocks(service.bundle.record))


@pages.get("/help")
def keys(request: Request, who: Reader) -> Response:
    """Show the keys."""
    return render(request, "help.html", who=who)


@pages.get("/disagreements")
def disagreement_list(request: Request, service: TheService, who: Judge) -> Response:
    """Show films whose readers contradict each other or the bundle."""
    with service.database.read() as connection:
        found = disagreements(last_opinions(connection))
        rows = [(films.film_of(connection, film), those) for film, those in found.items()]
    return render(request, "disagreements.html", who=who, rows=rows)


@pages.get("/audit")
def audit_trail(
    request: Request,
    service: TheService,
    who: Overseer,
    before: Annotated[int | None, Query(ge=1)] = None,
    *,
    verify: bool = False,
) -> Response:
    """Show who did what, the newest first; check the chain if asked."""
    with service.database.read() as connection:
        entries, total = _entries(connection, before)
        fault = audit.verify(connection) if verify else None
        head = audit.head(connection)
    return render(
        request, "audit.html", who=who, entries=entries, total=total, verified=verify,
        fault=fault, head=head, older=entries[-1]["seq"] if len(entries) == _ENTRIES else None,
        before=before,
    )  # fmt: skip


def _entries(connection: Connection, before: int | None) -> tuple[list[Any], int]:
    asked = select(tables.audit).order_by(tables.audit.c.seq.desc()).limit(_ENTRIES)
    if before is not None:
        asked = asked.where(tables.audit.c.seq < before)
    total = connection.execute(select(func.count()).select_from(tables.audit)).scalar_one()
    return list(connection.execute(asked).mappings()), total


@pages.get("/login")
def login(
    request: Request,
    problem: Annotated[str, Query(max_length=16)] = "",
    next: Annotated[str, Query(max_length=2000)] = "/",  # noqa: A002
    wait: Annotated[str, Query(max_length=9)] = "",
) -> Response:
    """Ask for a name and a password; who posts them is answered by the access room."""
    seconds = int(wait) if wait.isascii() and wait.isdecimal() else 0
    return render(
        request, "login.html", who=None, problem=_LOGIN_PROBLEMS.get(problem, ""),
        next=safe_next(next), wait_minutes=math.ceil(seconds / 60),
        oidc=guard_of(request).oidc is not None,
    )  # fmt: skip


router = APIRouter()
for each in (parts, pages, account.router):
    router.include_router(each)
