"""Who looks, and what a browser is told if it goes wrong: a page, not JSON."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse
from fastapi.routing import APIRoute

from hilum.errors import HilumError
from hilum.serve.access.errors import AccessError, NotLoggedInError
from hilum.serve.access.principal import Principal
from hilum.serve.api.asking import allowed
from hilum.serve.page.templating import render
from hilum.serve.service import RemovedError
from hilum.serve.storage.errors import NotFoundError

__all__ = ["Judge", "Overseer", "PageRoute", "Reader", "Sender"]

Reader = Annotated[Principal, Depends(allowed("view"))]
Sender = Annotated[Principal, Depends(allowed("upload"))]
Judge = Annotated[Principal, Depends(allowed("see_opinions"))]
Overseer = Annotated[Principal, Depends(allowed("see_audit"))]


class PageRoute(APIRoute):
    """A route whose refusals are pages; who is not known is sent to the login."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers requests."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            try:
                return await answer(request)
            except NotLoggedInError:
                return _to_login(request)
            except (HilumError, RequestValidationError) as error:
                status, title, detail = _told(error)
                headers = error.headers if isinstance(error, AccessError) else {}
                response = render(
                    request, "error.html", who=None, status=status, title=title, detail=detail
                )
                response.headers.update(headers)
                return response

        return guarded


def _to_login(request: Request) -> Response:
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{urlencode({'next': wanted})}", status_code=303)


def _told(error: Exception) -> tuple[int, str, str]:
    if isinstance(error, AccessError):
        return error.status, error.title, error.detail
    if isinstance(error, RemovedError):
        return 410, "Removed", str(error)
    if isinstance(error, NotFoundError):
        return 404, "Not found", str(error)
    if isinstance(error, RequestValidationError):
        return 404, "Not found", "There is no such page."
    return 503, "Not available now", str(error)
