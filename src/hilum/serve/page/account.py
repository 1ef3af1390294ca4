"""The page of whoever is logged in: who they are here, and their password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.concurrency import run_in_threadpool

from hilum.serve.access.errors import AccessError, NotLoggedInError
from hilum.serve.access.guard import Asked
from hilum.serve.access.passwords import LEAST, MOST
from hilum.serve.access.principal import Principal
from hilum.serve.access.roles import RIGHTS
from hilum.serve.access.web import asked_of, guard_of, keep_cookie, small_form
from hilum.serve.page.asking import PageRoute, Reader
from hilum.serve.page.templating import render

__all__ = ["router"]

router = APIRouter(
    include_in_schema=False, route_class=PageRoute, default_response_class=HTMLResponse
)
_HERE = {"view", "upload", "opine", "opine_second", "see_opinions", "export", "see_audit"}
"""Rights that the pages have a use for."""


@router.get("/account")
def account(request: Request, who: Reader, changed: Annotated[str, Query()] = "") -> Response:
    """Show who is logged in, and ask for a new password."""
    return _page(request, who, changed=changed == "1")


@router.post("/account")
async def change_password(request: Request, who: Reader) -> Response:
    """Change the password of who is logged in; their sessions elsewhere end."""
    asked, form = await asked_of(request), await small_form(request)
    return await run_in_threadpool(_changed, request, who, asked, form)


def _changed(request: Request, who: Principal, asked: Asked, form: Mapping[str, str]) -> Response:
    old, new, again = (form.get(name, "") for name in ("old", "new", "again"))
    if new != again:
        return _page(request, who, 422, problem="The two new passwords are not the same.")
    try:
        entered = guard_of(request).change_own_password(asked, who, old=old, new=new)
    except NotLoggedInError:
        return _page(request, who, 422, problem="The password so far is another.")
    except AccessError as error:
        response = _page(request, who, error.status, problem=error.detail)
        response.headers.update(error.headers)
        return response
    response = RedirectResponse("/account?changed=1", status_code=303)
    keep_cookie(response, entered.cookie)
    return response


def _page(
    request: Request, who: Principal, status: int = 200, *, problem: str = "", changed: bool = False
) -> Response:
    return render(
        request, "account.html", who=who, status=status, problem=problem, changed=changed,
        rights=[words for right, words in RIGHTS.items() if right in _HERE and who.may(right)],
        has_password=guard_of(request).has_password(who), least=LEAST, most=MOST,
    )  # fmt: skip
