"""When no login is needed, and when it must be.

A server that listens on this machine alone and knows no user serves whoever sits at it: that is
`hilum serve` on a fresh laptop. Every account of the machine can reach it then; where others have
one, add a user. As soon as a user was ever added, or it listens beyond the machine, or it has a
public address, login is required, and without a user or an identity provider it does not start.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from hilum.errors import ConfigError
from hilum.serve.access.origin import is_loopback_name
from hilum.serve.access.users import any_user

if TYPE_CHECKING:
    from hilum.serve.storage.database import Database

__all__ = ["Resolver", "came_through_a_proxy", "is_loopback", "must_have_login"]

Resolver = Callable[[str], Iterable[str]]
"""Returns the addresses of a host name; raises OSError if there are none."""

_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def must_have_login(
    host: str,
    database: Database,
    *,
    public_url: str | None = None,
    oidc: bool = False,
    resolve: Resolver | None = None,
) -> bool:
    """Return whether a server must ask for a login; call it before it listens.

    Args:
        host: What it will listen on: an address or a host name.
        database: Where the users are.
        public_url: Where others reach it through a proxy, if they do.
        oidc: Whether an identity provider is configured.
        resolve: How a name becomes addresses; None for the system's way.

    Raises:
        ConfigError: If it must, and nobody could log in.
        UnavailableError: If the database cannot be reached.
    """
    with database.read() as connection:
        ever, now = any_user(connection), any_user(connection, enabled=True)
    beyond = public_url is not None or not is_loopback(host, resolve)
    if (beyond or ever) and not (now or oidc):
        where = f"It would listen on {host!r}, which others can reach" if beyond else "Users exist"
        raise ConfigError(
            f"{where}, and nobody could log in. Add a user with "
            "`hilum user add NAME --role admin`, enable one, or listen on 127.0.0.1."
        )
    return beyond or ever or oidc


def is_loopback(host: str, resolve: Resolver | None = None) -> bool:
    """Return whether listening on a host reaches nobody but this machine.

    An empty host, "0.0.0.0" and "::" mean every address there is. A name counts only if all its
    addresses do; one that cannot be resolved does not.

    Args:
        host: An address, with or without brackets, or a name.
        resolve: How a name becomes addresses; None for the system's way.
    """
    bare = host.strip().removeprefix("[").removesuffix("]")
    if not bare:
        return False
    if ":" in bare or bare.replace(".", "").isdigit():
        return is_loopback_name(bare)
    try:
        found = list((resolve or _resolve)(bare))
    except OSError:
        return False
    return bool(found) and all(is_loopback_name(each) for each in found)


def came_through_a_proxy(headers: Mapping[str, str]) -> bool:
    """Return whether a proxy passed a request on, for whom nobody can say.

    A proxy on this machine makes everyone look as if they sat at it.

    Args:
        headers: The request's, by names in lower case.
    """
    return any(name in headers for name in _PROXIED)


def _resolve(name: str) -> list[str]:
    return [str(found[4][0]) for found in socket.getaddrinfo(name, None)]
