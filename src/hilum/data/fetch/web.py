"""How hilum goes to the network: https only, no surprises on the way, and patience with limits.

Separate from the download itself so that what may be opened at all is decided in one place: no
other scheme, no redirect from https to http, no endless chain, no answer waited for for ever.
Messages never show the query or the user part of an address; signed links carry secrets there.
"""

from __future__ import annotations

import ipaddress
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.client import HTTPResponse
from typing import IO
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    UnknownHandler,
)

import numpy as np

from hilum.errors import DataError

__all__ = ["Patience", "Web", "check_address", "redirect_refusal", "shown"]

_AGENT = "hilum (research data download)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long to wait for a server, and how often to ask it again."""

    tries: int = 6
    """Failures in a row, without a MiB of progress between them, after which to give up."""

    stall_s: float = 60.0
    """Seconds without one byte after which a connection is taken for dead."""

    first_wait_s: float = 1.0
    """Seconds before the second try; doubled for each further one, less up to half by chance."""

    longest_wait_s: float = 60.0
    """Seconds that no wait between tries exceeds unless the server asks for it."""

    longest_asked_s: float = 300.0
    """Seconds a server may ask to be left alone for; asked for more, the download stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """A way to the network.

    Args:
        proxies: Proxy address by scheme; none is looked up in the environment.
        patience: Limits of waiting.
        rng: Draws the jitter of waits between tries.
        sleep: Waits a number of seconds.
    """

    proxies: Mapping[str, str] = field(default_factory=dict)
    patience: Patience = field(default_factory=Patience)
    rng: np.random.Generator = field(default_factory=np.random.default_rng)
    sleep: Callable[[float], None] = time.sleep

    def open(self, url: str, headers: Mapping[str, str]) -> HTTPResponse:
        """Ask for an address and return the answer, its body not yet read.

        Args:
            url: An https address, or http on this machine itself.
            headers: What to send beside the agent's name and a wish for no encoding.

        Raises:
            DataError: If the address, or one it redirects to, may not be opened.
            HTTPError: If the server answers with a status other than 2xx.
            OSError: If it does not answer.
        """
        check_address(url)
        sent = {"User-Agent": _AGENT, "Accept-Encoding": "identity", **headers}
        request = Request(url, headers=sent)  # noqa: S310 - the scheme is checked above
        answer = self._opener().open(request, timeout=self.patience.stall_s)
        if not isinstance(answer, HTTPResponse):
            raise DataError(f"{shown(url)} did not answer over HTTP")
        return answer

    def wait_s(self, failures: int) -> float:
        """Return the seconds to wait after so many failures in a row, at least 1."""
        patience = self.patience
        longest = min(patience.longest_wait_s, patience.first_wait_s * 2.0 ** (failures - 1))
        return longest * (0.5 + 0.5 * float(self.rng.random()))

    def _opener(self) -> OpenerDirector:
        opener = OpenerDirector()
        for handler in (
            ProxyHandler(dict(self.proxies)),
            HTTPHandler(),
            HTTPSHandler(context=ssl.create_default_context()),
            _Redirects(),
            HTTPDefaultErrorHandler(),
            HTTPErrorProcessor(),
            UnknownHandler(),
        ):
            opener.add_handler(handler)
        return opener


def shown(url: str) -> str:
    """Return an address as messages may show it: without query, fragment, user and password.

    >>> shown("https://me:secret@example.org/a.zip?signature=abc")
    'https://example.org/a.zip'
    """
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(an address that cannot be read)"
    return f"{parts.scheme}://{parts.hostname or ''}{port}{parts.path}"


def check_address(url: str, before: str = "") -> None:
    """Refuse an address that may not be opened.

    Args:
        url: The address.
        before: The address that redirected to it, if one did.

    Raises:
        DataError: If it is not https, nor http on this machine, or leaves https.
    """
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
    except ValueError as error:
        raise DataError(f"Expected an https address, got {shown(url)}: {error}") from error
    safe = scheme == "https" or (scheme == "http" and _is_loopback(host or ""))
    left = urlsplit(before).scheme == "https" and scheme != "https"
    if not safe or left or not host:
        came = f"{shown(before)} redirects to" if before else "Got"
        raise DataError(f"{came} {shown(url)}, expected an https address; it was not opened.")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Redirects(HTTPRedirectHandler):
    """Follow a few redirects, each to an address that may be opened."""

    max_repeats = 2
    max_redirections = 8

    def redirect_request(  # noqa: PLR0917 - as the standard library calls it
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message,
        newurl: str,
    ) -> Request | None:
        try:
            check_address(newurl, before=req.full_url)
        except DataError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def redirect_refusal(url: str, error: HTTPError) -> DataError:
    """Return what to say of a redirect that was not followed."""
    to = error.headers.get("Location") or "nowhere"
    return DataError(
        f"{shown(url)} redirects to {shown(to) if '://' in to else to.partition('?')[0]}, which "
        "was not followed: expected at most 8 steps, in no circle, each to an https address."
    )
