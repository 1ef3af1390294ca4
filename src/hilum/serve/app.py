"""The application: the interface for programs and the page, over one service."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI

from hilum.serve.access.web import Access, HostGuard
from hilum.serve.access.web import router as login
from hilum.serve.api import fhir, films, health, opinions
from hilum.serve.api.problems import add_handlers
from hilum.serve.bounds import Bounds
from hilum.serve.headers import Headers
from hilum.serve.page import routes as page
from hilum.serve.service import Service

__all__ = ["build_app"]

_ABOUT = """
Send chest radiographs, read what a bundle says of them, say what you think.

**Research use only.** Nothing here is a diagnosis.

Programs send `Authorization: Bearer TOKEN`; `hilum token create` makes one. Errors are
`application/problem+json`. A film is acknowledged when it is safely kept; send an
`Idempotency-Key` with it, and the same key again if you did not hear the reply.
"""


def build_app(service: Service, access: Access) -> FastAPI:
    """Return the application.

    Args:
        service: What it stands on; the caller closes it.
        access: Who may do what.
    """
    from importlib.metadata import version

    app = FastAPI(
        title="hilum", version=version("hilum"), description=_ABOUT, docs_url=None, redoc_url=None,
        openapi_url="/api/v1/openapi.json",
    )  # fmt: skip
    app.state.service, app.state.access = service, access
    add_handlers(app)
    api = APIRouter(prefix="/api/v1")
    for router in (films.router, fhir.router, opinions.router):
        api.include_router(router)
    app.include_router(api)
    app.include_router(health.router)
    app.include_router(page.router)
    app.include_router(login)
    app.add_middleware(Bounds)
    app.add_middleware(HostGuard, allowed=access.guard.settings.allowed_hosts)
    app.add_middleware(Headers, secure=access.guard.settings.secure)
    return app
