"""Writing down who did what: the seam between access and the audit trail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

__all__ = ["Act", "Recorder"]


class Recorder(Protocol):
    """Adds an entry to the audit trail; `hilum.serve.storage.audit.record` does."""

    def __call__(
        self,
        connection: Connection,
        *,
        actor: str,
        action: str,
        object: str,  # noqa: A002
        now: datetime,
        bundle: str | None = None,
        detail: Mapping[str, Any] | None = None,
    ) -> None:
        """Add it in the transaction of what it tells of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Who does something, when, and where that is written down.

    Args:
        actor: A user's name, `token:NAME`, or `local`.
        now: When, UTC.
        record: The audit trail.
    """

    actor: str
    now: datetime
    record: Recorder

    def written(self, connection: Connection, action: str, thing: str, **detail: Any) -> None:
        """Add an entry to the audit trail.

        Args:
            connection: In the transaction of what was done.
            action: A verb and a noun.
            thing: What it was done to.
            detail: What else is to be known.
        """
        self.record(
            connection,
            actor=self.actor,
            action=action,
            object=thing,
            now=self.now,
            detail=detail,
        )
