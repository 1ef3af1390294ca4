"""Who asks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hilum.serve.access.errors import ForbiddenError
from hilum.serve.access.roles import RIGHTS, Right, may

__all__ = ["LOCAL", "Principal"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Someone who may do what their role may.

    Args:
        kind: "user" with a session, "token", or "local" without a login.
        name: As the audit trail names them: a user's name, `token:NAME`, or `local`.
        shown_name: As a page names them.
        role: What they are.
        id: Of the user or the token; empty for "local".
        csrf: What a page sends back with whatever it changes; only people have it.
    """

    kind: Literal["user", "token", "local"]
    name: str
    shown_name: str
    role: str
    id: str = ""
    csrf: str = ""

    def may(self, right: Right) -> bool:
        """Return whether they may do something."""
        return may(self.role, right)

    def must(self, right: Right) -> None:
        """Check that they may do something.

        Raises:
            ForbiddenError: If they may not.
        """
        if not self.may(right):
            raise ForbiddenError(
                f"The role {self.role!r} may not {RIGHTS[right]}. An administrator can change it."
            )


LOCAL = Principal(kind="local", name="local", shown_name="local, without login", role="local")
"""Whoever sits at a machine that serves itself alone and knows no user."""
