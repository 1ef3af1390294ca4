"""A real HTTP server that misbehaves as it is told to, one answer a request."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from email.message import Message
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from hilum.data.fetch.web import Patience, Web

Answer = Callable[[BaseHTTPRequestHandler], None]

BODY = np.random.default_rng(5).bytes(300_000)
ETAG = '"one"'


def reply(
    handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: object
) -> None:
    """Send a status, headers (underscores for hyphens; None leaves one out) and a body."""
    handler.send_response(status)
    sent = {"Content-Length": len(body), "Connection": "close"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in sent.items():
        if value is not None:
            handler.send_header(name, str(value))
    handler.end_headers()
    handler.wfile.write(body)


def whole(body: bytes = BODY, etag: str | None = ETAG) -> Answer:
    """Behave: honour ranges, and If-Range by the ETag."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        same = handler.headers.get("If-Range") in (None, etag)
        if not wanted or not same:
            return reply(handler, 200, body, ETag=etag)
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        if start >= len(body):
            return reply(handler, 416, Content_Range=f"bytes */{len(body)}", ETag=etag)
        span = f"bytes {start}-{len(body) - 1}/{len(body)}"
        return reply(handler, 206, body[start:], Content_Range=span, ETag=etag)

    return answer


def dropped(count: int, body: bytes = BODY, etag: str | None = ETAG) -> Answer:
    """Say the whole length, send so many bytes of what is asked for, and hang up."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        wanted = handler.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        span = f"bytes {start}-{len(body) - 1}/{len(body)}" if start else None
        reply(
            handler,
            206 if start else 200,
            body[start : start + count],
            Content_Length=len(body) - start,
            Content_Range=span,
            ETag=etag,
        )

    return answer


def status(code: int, **headers: object) -> Answer:
    """Answer with a bare status."""
    return lambda handler: reply(handler, code, **headers)


class Server:
    """Answers requests one by one as `answers` says; the last one stays.

    Args:
        answers: What to do with each request, in order.
    """

    def __init__(self) -> None:
        self.answers: list[Answer] = [whole()]
        self.requests: list[Message] = []
        self.paths: list[str] = []
        self.done = threading.Event()
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.http.daemon_threads = True
        self.base = f"http://127.0.0.1:{self.http.server_port}"

    @classmethod
    @contextlib.contextmanager
    def running(cls) -> Iterator[Server]:
        """Serve until the block ends."""
        made = cls()
        serve = partial(made.http.serve_forever, poll_interval=0.02)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield made
        finally:
            made.done.set()
            made.http.shutdown()
            made.http.server_close()
            thread.join(10)

    def url(self, path: str = "/file.bin") -> str:
        return self.base + path

    def stalled(self, count: int, body: bytes = BODY) -> Answer:
        """Send so many bytes, then nothing, until the test ends."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            with contextlib.suppress(OSError):
                reply(handler, 200, body[:count], Content_Length=len(body), ETag=ETAG)
                handler.wfile.flush()
            self.done.wait(20)

        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                server.requests.append(self.headers)
                server.paths.append(self.path)
                answer = server.answers[0]
                if len(server.answers) > 1:
                    server.answers.pop(0)
                with contextlib.suppress(OSError):
                    answer(self)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        return Handler


@pytest.fixture
def server() -> Iterator[Server]:
    with Server.running() as made:
        yield made


class Waits(list[float]):
    """Remembers how long it was told to sleep, and does not."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def web(waits: Waits) -> Web:
    patience = Patience(tries=3, stall_s=0.3, first_wait_s=1.0, longest_wait_s=8.0)
    return Web(patience=patience, rng=np.random.default_rng(0), sleep=waits)
