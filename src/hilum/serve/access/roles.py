"""What each role may do. One table, which everything asks."""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, get_args

__all__ = ["PEOPLE", "PROGRAMS", "RIGHTS", "ROLES", "Right", "Role", "known_role", "may"]

Right = Literal[
    "view",
    "upload",
    "opine",
    "opine_second",
    "see_opinions",
    "export",
    "manage_films",
    "see_audit",
    "manage_users",
    "metrics",
]
"""Something that can be allowed."""

Role = Literal["reader", "second_reader", "admin", "program", "exporter", "monitor", "local"]
"""What someone is."""

RIGHTS: MappingProxyType[Right, str] = MappingProxyType(
    {
        "view": "see films, answers, maps and the worklist",
        "upload": "send films, have them read again",
        "opine": "give a first opinion",
        "opine_second": "give a second opinion, blinded to the first",
        "see_opinions": "see what others said, and where they disagree",
        "export": "export opinions as a manifest",
        "manage_films": "delete films, send results again, change what is kept",
        "see_audit": "see the audit trail",
        "manage_users": "add and disable users and tokens",
        "metrics": "read the figures for monitoring",
    }
)
"""Every right, and what it means."""

ROLES: MappingProxyType[Role, frozenset[Right]] = MappingProxyType(
    {
        "reader": frozenset({"view", "upload", "opine", "see_opinions", "export"}),
        # Sees no one else's opinion here; the page shows the first one after the second is given.
        "second_reader": frozenset({"view", "upload", "opine", "opine_second"}),
        "admin": frozenset(get_args(Right)) - {"opine_second"},
        "program": frozenset({"view", "upload"}),
        "exporter": frozenset({"view", "see_opinions", "export"}),
        "monitor": frozenset({"metrics"}),
        # Whoever sits at the machine: everything but what takes a second person.
        "local": frozenset(get_args(Right)) - {"opine_second"},
    }
)
"""Every role, and what it may do."""

PEOPLE: tuple[Role, ...] = ("reader", "second_reader", "admin")
"""Roles of users, least first."""

PROGRAMS: tuple[Role, ...] = ("program", "exporter", "monitor", "reader")
"""Roles of tokens. No token manages users or reads blinded: both take a person who logged in."""


def may(role: str, right: Right) -> bool:
    """Return whether a role may do something; a role that is not known may do nothing."""
    return any(right in rights for name, rights in ROLES.items() if name == role)


def known_role(role: str, among: tuple[Role, ...]) -> Role:
    """Return a role if it is one of some.

    Raises:
        ValueError: If it is not.
    """
    for name in among:
        if name == role:
            return name
    raise ValueError(f"expected one of {', '.join(among)}; got {role!r}")
