"""Bytes that arrive: counted while they stream, bounded, never held in memory.

A body is the film itself, or a form with one file in it. Nothing is unpacked on the way: a
compressed body is refused, since ten bytes of it can stand for ten thousand.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from email.message import Message
from urllib.parse import unquote

from fastapi import Request
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from hilum.serve.api.problems import SlowError, StatusError
from hilum.serve.service import Service
from hilum.serve.storage.blobs import Incoming, TooLargeError

__all__ = ["Arrived", "arriving"]

_CHUNK_S = 10.0
_GRACE_S = 20.0
_LEAST_RATE = 2048
_LONGEST_HEADER = 8192
_LONGEST_NAME = 255


class Arrived:
    """A film that has arrived whole.

    Args:
        incoming: Its bytes.
        name: As the sender calls it.
    """

    def __init__(self, incoming: Incoming, name: str) -> None:
        self.incoming, self.name = incoming, name


@asynccontextmanager
async def arriving(request: Request, service: Service, name: str | None) -> AsyncIterator[Arrived]:
    """Take in the body of a request; what is not kept by the end leaves nothing behind.

    Args:
        request: Its body has not been read yet.
        service: Where it goes.
        name: What the film is called; None takes the name in the form, if there is one.

    Raises:
        SlowError: If less than 2 KiB a second arrive.
        StatusError: If the body is compressed, or a form without exactly one file.
        TooLargeError: If there is more than is taken.
    """
    _check(request, service.settings.upload_bytes)
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    with service.incoming() as incoming:
        if kind == b"multipart/form-data":
            form = _Form(incoming, options.get(b"boundary", b""))
            await _stream(request, form.write)
            found = form.end()
        else:
            await _stream(request, incoming.write)
            found = ""
        yield Arrived(incoming, shown_name(name or found))


def shown_name(name: str) -> str:
    """Return a name as one line of at most 255 characters; it is text, never a path."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in last if c.isprintable())[:_LONGEST_NAME]


def _check(request: Request, limit: int) -> None:
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"", "identity"}:
        raise StatusError(
            415, "Compressed", f"Expected a plain body, got Content-Encoding {encoding[:40]!r}."
        )
    length = request.headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limit:
        raise TooLargeError(limit)


async def _stream(request: Request, write: Callable[[bytes], None]) -> None:
    clock = asyncio.get_running_loop().time
    start, size = clock(), 0
    try:
        async with asyncio.timeout(_CHUNK_S) as limit:
            async for chunk in request.stream():
                now = clock()
                limit.reschedule(now + _CHUNK_S)
                size, seconds = size + len(chunk), now - start
                if seconds > _GRACE_S and size < _LEAST_RATE * seconds:
                    raise SlowError(
                        f"Expected at least {_LEAST_RATE:,} bytes a second, got "
                        f"{size / seconds:,.0f}."
                    )
                write(chunk)
    except TimeoutError:
        raise SlowError(f"Nothing arrived for {_CHUNK_S:g} s; send it again.") from None


class _Form:
    """The one file of a form, as it streams by.

    Args:
        incoming: Where its bytes go.
        boundary: What separates the parts.
    """

    def __init__(self, incoming: Incoming, boundary: bytes) -> None:
        if not 0 < len(boundary) <= 200:
            raise StatusError(400, "Not understood", "The form names no boundary of its parts.")
        self._incoming = incoming
        self._name: str | None = None
        self._field = self._value = b""
        self._inside = False
        self._files = 0
        self._headers: dict[bytes, bytes] = {}
        self._ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_part_data": self._data,
                "on_header_field": self._on_field,
                "on_header_value": self._on_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_end": self._end,
            },
        )

    def write(self, chunk: bytes) -> None:
        """Take some of the body."""
        try:
            self._parser.write(chunk)
        except MultipartParseError as error:
            raise StatusError(400, "Not understood", f"The form is damaged: {error}.") from error

    def end(self) -> str:
        """Return the file's name; the body has ended."""
        if not self._ended:
            raise ClientDisconnect
        if self._files != 1:
            raise StatusError(
                422, "Not as expected", f"Expected a form with one file, got {self._files}."
            )
        return self._name or ""

    def _begin(self) -> None:
        self._headers, self._inside = {}, False

    def _on_field(self, data: bytes, start: int, end: int) -> None:
        self._field = self._bounded(self._field + data[start:end])

    def _on_value(self, data: bytes, start: int, end: int) -> None:
        self._value = self._bounded(self._value + data[start:end])

    def _header_end(self) -> None:
        self._headers[self._field.lower()] = self._value
        self._field = self._value = b""
        self._bounded(b"".join(self._headers.values()))

    def _headers_end(self) -> None:
        told = self._headers.get(b"content-disposition", b"").decode("utf-8", "replace")
        message = Message()
        message["content-disposition"] = told
        name = message.get_filename()
        if name is None:
            return
        self._files += 1
        self._inside = self._files == 1
        self._name = self._name if self._name is not None else unquote(name)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self._incoming.write(data[start:end])

    def _end(self) -> None:
        self._ended = True

    @staticmethod
    def _bounded(text: bytes) -> bytes:
        if len(text) > _LONGEST_HEADER:
            raise StatusError(431, "Too large", "The form's headers are too long.")
        return text
