"""FastAPI on top: who asks as a dependency, logging in and out as routes.

    app.state.access = Access(guard)
    app.add_middleware(HostGuard, allowed=guard.settings.allowed_hosts)
    app.include_router(router)

    @api.post("/films")
    def take(who: Annotated[Principal, Depends(require("upload"))]) -> ...

The page at GET /login is not here: a form that posts `name`, `password` and `next` to /login. After
a refusal the browser is sent back to it with `?problem=` wrong, wait, busy or oidc, and `next`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from urllib.parse import parse_qsl, urlencode

from fastapi import APIRouter, Depends, Request, Security
from fastapi.responses import RedirectResponse, Response
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send

from hilum.serve.access.errors import (
    AccessError,
    BusyError,
    ForbiddenError,
    NotLoggedInError,
    TooManyError,
)
from hilum.serve.access.guard import Asked, Entered, Guard
from hilum.serve.access.id_token import OidcError
from hilum.serve.access.origin import check_host, safe_next
from hilum.serve.access.principal import Principal
from hilum.serve.access.roles import Right
from hilum.serve.access.sessions import Cookie

__all__ = [
    "CSRF_FIELD",
    "CSRF_HEADER",
    "Access",
    "HostGuard",
    "PrincipalDep",
    "asked_of",
    "current",
    "guard_of",
    "keep_cookie",
    "require",
    "router",
    "small_form",
]

CSRF_FIELD, CSRF_HEADER = "csrf", "X-CSRF-Token"
"""Where a page puts `principal.csrf`: a small form's field, or any request's header."""

_FORM = "application/x-www-form-urlencoded"
_MOST_BYTES = 16_384
_MOST_FIELDS = 32

router = APIRouter(include_in_schema=False)
"""POST /login, POST /logout, GET /login/oidc, GET /login/oidc/callback."""

_bearer = HTTPBearer(
    scheme_name="token",
    description="A program's token, made with `hilum token create`.",
    auto_error=False,
)


class Access:
    """Knows who asks; `app.state.access` is one.

    Args:
        guard: What it asks.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard

    def principal(self, request: Request) -> Principal:
        """Return who asks, by headers and cookies alone: a page sends its token as a header.

        Raises:
            AccessError: 401, 403 or 429.
        """
        return self.guard.identify(_asked(request, None))


async def current(
    request: Request,
    _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)] = None,
) -> Principal:
    """Return who asks; the dependency of every route that is not for everyone.

    Raises:
        AccessError: 401, 403 or 429.
    """
    asked, guard = await asked_of(request), guard_of(request)
    principal = guard.at_once(asked)
    if principal is None:
        principal = await run_in_threadpool(guard.identify, asked)
    request.state.principal = principal
    return principal


PrincipalDep = Annotated[Principal, Depends(current)]
"""A parameter that is who asks."""


def require(right: Right) -> Callable[[Principal, Request], Awaitable[Principal]]:
    """Return a dependency that lets in who has a right.

    Args:
        right: One of `roles.RIGHTS`; "upload" counts against the limit of uploads as well.
    """

    async def allowed(principal: PrincipalDep, request: Request) -> Principal:
        principal.must(right)
        if right == "upload":
            guard_of(request).count("upload", principal)
        return principal

    return allowed


async def asked_of(request: Request) -> Asked:
    """Return what access looks at in a request; reads the body of a small form only."""
    form: Mapping[str, str] = {}
    if request.method == "POST" and _is_small_form(request):
        form = await small_form(request)
    return _asked(request, form.get(CSRF_FIELD))


def keep_cookie(response: Response, cookie: Cookie) -> None:
    """Tell a browser to keep a cookie, or to throw it away. Scripts cannot read it."""
    response.set_cookie(
        cookie.name,
        cookie.value,
        max_age=cookie.max_age_s,
        path="/",
        secure=cookie.secure,
        httponly=True,
        samesite=cookie.same_site,
    )


@router.post("/login")
async def login(request: Request) -> Response:
    """Log in by name and password."""
    asked, form = await asked_of(request), await small_form(request)
    next_path = safe_next(form.get("next"))

    def enter() -> Entered:
        return guard_of(request).login(
            asked,
            name=form.get("name", ""),
            password=form.get("password", ""),
            next_path=next_path,
        )

    try:
        entered = await run_in_threadpool(enter)
    except (NotLoggedInError, TooManyError, BusyError) as error:
        return _back_to_login(request, error, next_path)
    return _inside(entered)


@router.post("/logout")
async def logout(request: Request) -> Response:
    """End this session, or with `everywhere=1` every one of the same user."""
    asked = await asked_of(request)
    form = await small_form(request) if _is_small_form(request) else {}
    everywhere = form.get("everywhere") == "1"
    cookie = await run_in_threadpool(guard_of(request).logout, asked, everywhere=everywhere)
    response = _redirect("/login")
    response.headers["Clear-Site-Data"] = '"cache"'
    keep_cookie(response, cookie)
    return response


@router.get("/login/oidc")
async def login_oidc(request: Request) -> Response:
    """Send the browser to the identity provider."""
    asked = await asked_of(request)
    next_path = safe_next(request.query_params.get("next"))
    guard = guard_of(request)
    try:
        begun, cookie = await run_in_threadpool(guard.begin_oidc, asked, next_path=next_path)
    except (OidcError, TooManyError) as error:
        return _back_to_login(request, error, next_path)
    response = _redirect(begun.url)
    keep_cookie(response, cookie)
    return response


@router.get("/login/oidc/callback")
async def login_oidc_callback(request: Request) -> Response:
    """Take whom the identity provider sends back."""
    asked, guard = await asked_of(request), guard_of(request)
    query = dict(request.query_params)
    try:
        entered = await run_in_threadpool(guard.finish_oidc, asked, query)
    except (OidcError, ForbiddenError, TooManyError) as error:
        response = _back_to_login(request, error, "/")
    else:
        response = _inside(entered)
    keep_cookie(response, guard.oidc_cookie(""))
    return response


class HostGuard:
    """Refuse requests that were sent to a name this server does not answer to.

    Args:
        app: What it stands before.
        allowed: Names; None for any.
    """

    def __init__(self, app: ASGIApp, allowed: tuple[str, ...] | None = ()) -> None:
        self._app = app
        self._allowed = allowed

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer 421."""
        if scope["type"] in {"http", "websocket"}:
            hosts = [value for name, value in scope["headers"] if name == b"host"]
            try:
                check_host(b",".join(hosts).decode("latin-1"), self._allowed)
            except AccessError as error:
                await _problem(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def guard_of(request: Request) -> Guard:
    """Return the guard of the application that answers."""
    access: Access = request.app.state.access
    return access.guard


def _asked(request: Request, csrf: str | None) -> Asked:
    return Asked(
        method=request.method,
        headers=request.headers,
        cookies=request.cookies,
        address=request.client.host if request.client else "",
        csrf=csrf,
    )


def _is_small_form(request: Request) -> bool:
    length = request.headers.get("content-length", "")
    return (
        request.headers.get("content-type", "").partition(";")[0].strip().lower() == _FORM
        and length.isdecimal()
        and int(length[:9]) <= _MOST_BYTES
    )


async def small_form(request: Request) -> dict[str, str]:
    """Return a small form's fields. The body stays there for who reads it next.

    Raises:
        AccessError: 415 or 422 if it is none, or too large.
    """
    if not _is_small_form(request):
        raise AccessError(
            415, "Not a form", f"Expected {_FORM} of at most {_MOST_BYTES} bytes with its length."
        )
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError as error:
        raise AccessError(
            422, "Too many fields", f"Expected at most {_MOST_FIELDS} fields in a form."
        ) from error


def _inside(entered: Entered) -> Response:
    response = _redirect(entered.next)
    keep_cookie(response, entered.cookie)
    return response


def _back_to_login(request: Request, error: AccessError, next_path: str) -> Response:
    """Send a browser back to the form; give anyone else the refusal itself."""
    if "text/html" not in request.headers.get("accept", ""):
        return _problem(error)
    asked = {"problem": _WORDS.get(type(error), "wrong"), "next": next_path}
    if isinstance(error, TooManyError):
        asked["wait"] = str(error.wait_s)
    return _redirect(f"/login?{urlencode(asked)}")


_WORDS: Mapping[type[AccessError], str] = {
    TooManyError: "wait",
    BusyError: "busy",
    OidcError: "oidc",
    ForbiddenError: "oidc",
}


def _redirect(url: str) -> Response:
    return RedirectResponse(url, status_code=303, headers={"Cache-Control": "no-store"})


def _problem(error: AccessError) -> Response:
    return Response(
        json.dumps(error.problem()),
        error.status,
        {**error.headers, "Cache-Control": "no-store"},
        "application/problem+json",
    )
