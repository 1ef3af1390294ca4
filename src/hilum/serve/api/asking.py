"""Who asks, and what of: what every route needs."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from hilum.serve.access.web import require
from hilum.serve.service import Service

__all__ = ["TheService", "allowed"]

allowed = require
"""Returns a dependency that gives who asks, if they may: `allowed("view")`."""


async def _service(request: Request) -> Service:  # a plain function would cost a thread
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]
"""The server's own."""
