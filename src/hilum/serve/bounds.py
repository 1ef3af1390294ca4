"""Bodies of requests that are not films are small and come soon.

Films have bounds of their own where they are taken in; everything else is some JSON or a form.
"""

from __future__ import annotations

import asyncio
import re

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from hilum.serve.api.problems import problem

__all__ = ["Bounds"]

_FILMS = re.compile(r"/api/v1/films/?")


class Bounds:
    """Middleware that refuses bodies that are too large, compressed, or too slow.

    Args:
        app: What answers.
        most_bytes: Of a body that is not a film.
        seconds: For all of it.
    """

    def __init__(self, app: ASGIApp, *, most_bytes: int = 256 * 1024, seconds: float = 15) -> None:
        self._app, self._most, self._seconds = app, most_bytes, seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or _brings_film(scope):
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        length = headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self._most:
            said = f"Expected at most {self._most:,} bytes here, got {int(length):,}."
            await problem(413, "Too large", said)(scope, receive, send)
            return
        if headers.get(b"content-encoding", b"identity").lower() not in {b"", b"identity"}:
            await problem(415, "Compressed", "Expected a plain body.")(scope, receive, send)
            return
        body = _Body(receive, self._most, self._seconds)

        async def sending(message: Message) -> None:
            if body.refusal is None:
                body.answered = True
                await send(message)

        await self._app(scope, body.receive, sending)
        if body.refusal is not None:  # what the application made of half a body does not count
            await body.refusal(scope, receive, send)


class _Body:
    """A body as it comes in, up to a size and a time; after that the sender seems to have gone."""

    def __init__(self, receive: Receive, most: int, seconds: float) -> None:
        self._receive, self._most = receive, most
        self._end = asyncio.get_running_loop().time() + seconds
        self._size, self._whole = 0, False
        self.answered = False
        self.refusal: Response | None = None

    async def receive(self) -> Message:
        if self._whole or self.answered:  # only waits to hear that the other end has gone
            return await self._receive()
        left = self._end - asyncio.get_running_loop().time()
        try:
            message = await asyncio.wait_for(self._receive(), max(left, 0))
        except TimeoutError:
            return self._refused(408, "Too slow", "Expected all of the body sooner.")
        self._size += len(message.get("body", b""))
        self._whole = not message.get("more_body", False)
        if self._size > self._most:
            return self._refused(413, "Too large", f"Expected at most {self._most:,} bytes here.")
        return message

    def _refused(self, status: int, title: str, detail: str) -> Message:
        self._whole = True
        self.refusal = problem(status, title, detail)
        return {"type": "http.disconnect"}


def _brings_film(scope: Scope) -> bool:
    return scope["method"] == "POST" and _FILMS.fullmatch(scope["path"]) is not None
