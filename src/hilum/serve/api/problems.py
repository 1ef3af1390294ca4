"""What goes wrong, told as application/problem+json (RFC 9457)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from hilum.errors import BundleError, ConfigError, HilumError
from hilum.serve.access.errors import AccessError
from hilum.serve.api.shapes import Problem
from hilum.serve.formats import UnknownFormatError
from hilum.serve.service import BusyError, RemovedError
from hilum.serve.storage.blobs import TooLargeError
from hilum.serve.storage.errors import (
    ConflictError,
    FullError,
    NotFoundError,
    UnavailableError,
    UnwritableError,
)

__all__ = ["PROBLEMS", "SlowError", "StatusError", "add_handlers", "problem", "told"]

logger = logging.getLogger(__name__)

MEDIA = "application/problem+json"


class StatusError(HilumError):
    """Refuse a request with a status of its own.

    Args:
        status: HTTP status.
        title: The kind of refusal.
        detail: What was expected, what came, what to do.
    """

    def __init__(self, status: int, title: str, detail: str) -> None:
        self.status, self.title = status, title
        super().__init__(detail)


class SlowError(StatusError):
    """The sender is too slow."""

    def __init__(self, detail: str) -> None:
        super().__init__(408, "Too slow", detail)


_KNOWN: tuple[tuple[type[HilumError], int, str], ...] = (
    (RemovedError, 410, "Removed"),
    (NotFoundError, 404, "Not found"),
    (ConflictError, 409, "Conflict"),
    (TooLargeError, 413, "Too large"),
    (UnknownFormatError, 415, "Not a film"),
    (BusyError, 429, "Too many films wait"),
    (FullError, 507, "No room"),
    (UnavailableError, 503, "Not available now"),
    (UnwritableError, 503, "Not available now"),
    (BundleError, 503, "Not available now"),
    (ConfigError, 500, "Wrongly set up"),
)


def told(titles: Mapping[int, str]) -> dict[int | str, dict[str, Any]]:
    """Return what OpenAPI says of refusals, by status."""
    schema = {"schema": Problem.model_json_schema()}
    return {
        status: {"description": title, "content": {MEDIA: schema}}
        for status, title in titles.items()
    }


PROBLEMS = told(
    {
        400: "Not understood",
        401: "Not logged in",
        403: "Not allowed",
        404: "Not found",
        413: "Too large",
        415: "Compressed",
        421: "Not this server's name",
        422: "Not as expected",
        429: "Too many",
        500: "Failed",
        503: "Not available now",
        507: "No room",
    }
)
"""What any route may answer; for OpenAPI."""


def problem(
    status: int,
    title: str,
    detail: str,
    *,
    problems: list[str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return the answer that says what went wrong."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail}
    content = {**body, "problems": problems} if problems else body
    return JSONResponse(content, status, dict(headers or {}), MEDIA)


def add_handlers(app: FastAPI) -> None:
    """Have an application tell what goes wrong."""
    app.add_exception_handler(HilumError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unforeseen)


def _ours(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, AccessError):
        return problem(error.status, error.title, error.detail, headers=error.headers)
    if isinstance(error, StatusError):
        return problem(error.status, error.title, str(error))
    for kind, status, title in _KNOWN:
        if isinstance(error, kind):
            later = error.retry_s if isinstance(error, BusyError) else 5
            headers = {"Retry-After": str(later)} if status in {429, 503, 507} else None
            return problem(status, title, str(error), headers=headers)
    logger.error("A request failed: %s", error, exc_info=error)
    return problem(500, "Failed", "The server could not do this; its log says why.")


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    told = [
        f"{'.'.join(map(str, each['loc']))}: {each['msg']}"
        for each in jsonable_encoder(error.errors(), custom_encoder={bytes: repr})
    ]
    return problem(422, "Not as expected", "What was sent is not as expected.", problems=told[:20])


def _http(_request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    return problem(error.status_code, "Refused", str(error.detail), headers=error.headers)


def _unforeseen(_request: Request, error: Exception) -> JSONResponse:
    logger.error("A request failed: %s", error, exc_info=error)
    return problem(500, "Failed", "The server could not do this; its log says why.")
