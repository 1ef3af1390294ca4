"""Which pages and host names a browser's request may come from.

A browser sends its cookie with whatever request a page of any other site makes. So a request that
changes something and is known by a cookie must carry the session's own token, which other sites
cannot read, and must say by Origin or Sec-Fetch-Site that it comes from this site. Without a login
there is no cookie, and any site a reader visits could talk to a server on the same machine: there
the same headers are checked, on reading too, and the name in Host, because a name that is made to
point to this machine (DNS rebinding) makes another site the same one.
"""

from __future__ import annotations

import hmac
import ipaddress
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from hilum.serve.access.errors import AccessError, ForbiddenError

__all__ = [
    "SAFE",
    "check_cross_site",
    "check_csrf",
    "check_host",
    "host_name",
    "is_loopback_name",
    "safe_next",
]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_REFUSED = "This request came from another site. Open the page itself and try again."
_LONGEST_NEXT = 2_000
_LOOPBACK = frozenset({"localhost", "localhost.localdomain", "ip6-localhost"})


def check_csrf(expected: str, given: str | None) -> None:
    """Check the token that a page sends with what it changes.

    Args:
        expected: The session's.
        given: The header's or the form's; None if neither was sent.

    Raises:
        ForbiddenError: If it is another.
    """
    sent = (given or "").encode(errors="replace")
    if not expected or not hmac.compare_digest(expected.encode(), sent):
        raise ForbiddenError("The page is of another login. Load it again and repeat what you did.")


def check_cross_site(
    method: str, headers: Mapping[str, str], *, site: str | None, known: bool = False
) -> None:
    """Check that a request was not made by another site's page.

    Args:
        method: GET, POST ...
        headers: The request's, by names in lower case.
        site: The site's own origin, `https://hilum.example`; None to go by the request's Host.
        known: Whether a cookie said who asks; then one of the headers must be there.

    Raises:
        ForbiddenError: If another site made it, or it does not say and had to.
    """
    fetched, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if method in SAFE:
        opened = headers.get("sec-fetch-mode") == "navigate"
        if fetched == "cross-site" and not (opened and method == "GET"):
            raise ForbiddenError(_REFUSED)
        return
    if origin == "null" and fetched == "same-origin":
        origin = None  # so a form of this site is sent where no referrer is
    if fetched is None and origin is None and known:
        raise ForbiddenError("Expected the header Origin, as every browser sends it.")
    if fetched is not None and fetched not in {"same-origin", "none"}:
        raise ForbiddenError(_REFUSED)
    if origin is not None and not _is_own(origin, headers.get("host", ""), site):
        raise ForbiddenError(_REFUSED)


def check_host(host: str, allowed: Iterable[str] | None) -> None:
    """Check the host name that a request was sent to.

    Args:
        host: The header Host, with or without a port.
        allowed: Names; None for any. Names of this machine are always among them.

    Raises:
        AccessError: 421 if it is another.
    """
    if allowed is None:
        return
    name = host_name(host)
    if name and (is_loopback_name(name) or name in {host_name(each) for each in allowed}):
        return
    raise AccessError(
        421,
        "Wrong host name",
        "This server does not answer to the name in the address. Use the one it was started "
        "with, or start it with --public-url.",
    )


def is_loopback_name(name: str) -> bool:
    """Return whether a host name can only mean this machine.

    >>> is_loopback_name("127.0.0.1"), is_loopback_name("127.0.0.1.example.org")
    (True, False)
    """
    if name in _LOOPBACK or name.endswith(".localhost"):
        return True
    try:
        parsed = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_loopback


def host_name(host: str) -> str:
    """Return the name in a Host header, in lower case, without port; empty if it is none.

    >>> host_name("[::1]:8000"), host_name("Hilum.Example.:443")
    ('::1', 'hilum.example')
    """
    try:
        parts = urlsplit(f"//{host}")
        name, _port = parts.hostname, parts.port
    except ValueError:
        return ""
    if name is None or parts.username is not None or parts.path or parts.query or parts.fragment:
        return ""
    return name.removesuffix(".").lower()


def safe_next(path: str | None) -> str:
    """Return where to go after a login: a path of this site, or its first page.

    >>> safe_next("/films/7?class=covid"), safe_next("//evil.example")
    ('/films/7?class=covid', '/')
    """
    if not path or len(path) > _LONGEST_NEXT or not path.startswith("/"):
        return "/"
    if path.startswith("//") or "\\" in path or not path.isascii() or not path.isprintable():
        return "/"
    if " " in path or path.partition("?")[0].startswith(("/login", "/logout")):
        return "/"
    return path


def _is_own(origin: str, host: str, site: str | None) -> bool:
    from_ = _split(origin)
    if from_ is None:
        return False
    return from_ == _split(site if site is not None else f"{from_[0]}://{host}")


def _split(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, name and port of an origin; None for what is none, as "null"."""
    try:
        parts = urlsplit(origin)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        return None
    name = parts.hostname.removesuffix(".")
    return parts.scheme, name, port or (443 if parts.scheme == "https" else 80)
