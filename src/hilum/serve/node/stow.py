"""STOW-RS: store objects on a DICOMweb server. A client of 100 lines on the standard library.

Redirects are not followed and proxies of the environment not used: results go where the settings
say, or nowhere.
"""

from __future__ import annotations

import base64
import http.client
import json
import shutil
import ssl
import uuid
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from hilum.errors import HilumError
from hilum.serve.node.settings import WebDestination

__all__ = ["RefusedError", "UnreachableError", "store_on_web"]

_MOST = 2**20
"""Bytes of an answer that are read."""
_FAILED_SOPS = "00081198"
_REASON = "00081197"
_REFUSED_FOR_GOOD = {400, 406, 413, 415}
"""Others, such as 401 or 404, end when someone mends settings or server: worth another try."""


class UnreachableError(HilumError):
    """Say that a destination cannot take results now; another try may help."""


class RefusedError(HilumError):
    """Say that a destination refuses; another try does not help before someone mends it."""


def store_on_web(
    destination: WebDestination, paths: Sequence[Path], *, timeout_s: float = 60.0
) -> None:
    """Store files by one STOW-RS request.

    Args:
        destination: Where, and who we are.
        paths: Part 10 files.
        timeout_s: Longest silence of the server.

    Raises:
        UnreachableError: If it does not answer, or says that it cannot now.
        RefusedError: If it refuses the request or an object.
    """
    boundary = uuid.uuid4().hex
    root = urlsplit(destination.url)
    connection = _connection(root.scheme, root.netloc, timeout_s)
    try:
        _send(connection, f"{root.path.rstrip('/')}/studies", destination, paths, boundary)
        answer = connection.getresponse()
        body = answer.read(_MOST)
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"{destination.url} does not answer: {error!r}") from error
    finally:
        connection.close()
    _judge(destination.url, answer.status, body)


def _connection(scheme: str, place: str, timeout_s: float) -> http.client.HTTPConnection:
    if scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(place, timeout=timeout_s, context=context)
    return http.client.HTTPConnection(place, timeout=timeout_s)


def _send(
    connection: http.client.HTTPConnection,
    target: str,
    destination: WebDestination,
    paths: Sequence[Path],
    boundary: str,
) -> None:
    """Send the request, reading the files bit by bit."""
    head = f"--{boundary}\r\nContent-Type: application/dicom\r\n\r\n".encode()
    tail = f"--{boundary}--\r\n".encode()
    size = sum(len(head) + path.stat().st_size + 2 for path in paths) + len(tail)
    connection.putrequest("POST", target)
    kind = f'multipart/related; type="application/dicom"; boundary={boundary}'
    connection.putheader("Content-Type", kind)
    connection.putheader("Content-Length", str(size))
    connection.putheader("Accept", "application/dicom+json")
    if destination.token:
        connection.putheader("Authorization", f"Bearer {destination.token}")
    elif destination.user:
        pair = f"{destination.user}:{destination.password}".encode()
        connection.putheader("Authorization", f"Basic {base64.b64encode(pair).decode()}")
    connection.endheaders()
    for path in paths:
        connection.send(head)
        with path.open("rb") as file:
            shutil.copyfileobj(file, _Sink(connection), 2**17)
        connection.send(b"\r\n")
    connection.send(tail)


class _Sink:
    """What `copyfileobj` writes to."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def write(self, data: bytes) -> int:
        self._connection.send(data)
        return len(data)


def _judge(url: str, status: int, body: bytes) -> None:
    """Raise if not every object was stored."""
    if status == 200:
        return
    failed = _failures(body)
    said = f"{url} answered {status}{f' ({failed})' if failed else ''}"
    if status in _REFUSED_FOR_GOOD or (status in (202, 409) and "A7" not in failed):
        raise RefusedError(said)
    raise UnreachableError(said)


def _failures(body: bytes) -> str:
    """Return the failure reasons of an answer as hexadecimal statuses, as far as it gives them."""
    try:
        said = json.loads(body)
        said = said[0] if isinstance(said, list) else said
        items = said[_FAILED_SOPS]["Value"]
        return ", ".join(f"{int(item[_REASON]['Value'][0]):04X}" for item in items)
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
