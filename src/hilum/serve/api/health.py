"""Routes for those who keep the server running."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.responses import PlainTextResponse

from hilum.serve.access.principal import Principal
from hilum.serve.api.asking import TheService, allowed
from hilum.serve.api.problems import problem, told

__all__ = ["router"]

router = APIRouter(tags=["health"])


@router.get("/healthz", response_class=PlainTextResponse)
async def alive() -> str:
    """Answer, if the process does."""
    return "alive\n"


@router.get("/readyz", response_class=PlainTextResponse, responses=told({503: "Not ready"}))
def ready(service: TheService) -> Response:
    """Answer 200 if films can be taken in and read, else 503 with the reasons."""
    problems = service.problems()
    if problems:
        return problem(503, "Not ready", "Films cannot be taken in now.", problems=problems)
    return PlainTextResponse("ready\n")


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=told(
        {401: "Not logged in", 403: "Not allowed", 429: "Too many", 503: "Not available now"}
    ),
)
def metrics(
    service: TheService, _who: Annotated[Principal, Depends(allowed("metrics"))]
) -> PlainTextResponse:
    """Return figures for Prometheus."""
    text = service.metrics.text()
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")
