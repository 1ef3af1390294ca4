"""How a server is set up."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hilum.errors import ConfigError
from hilum.screening.cores import usable_cores
from hilum.serve.place import database_url
from hilum.serve.workers.pool import Limits

__all__ = ["ServeSettings"]

MIB = 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """How a server is set up.

    Args:
        data: Folder for films and, unless `database` names another, the database.
        database: The database's URL; None for SQLite in the data folder.
        bundle: The bundle's folder; None for the one that comes with hilum.
        workers: Processes that look at films; None for one a core.
        upload_bytes: Most bytes of one film.
        waiting: Films that may wait to be read; more are asked to come back later.
        reserve_bytes: Free disk space below which no film is taken.
        keep_days: Days after which a film's bytes are deleted; None keeps them.
        film_limits: What reading a film may cost.

    Raises:
        ConfigError: If a number makes no sense; all problems at once.
    """

    data: Path
    database: str | None = None
    bundle: Path | None = None
    workers: int | None = None
    upload_bytes: int = 256 * MIB
    waiting: int = 2000
    reserve_bytes: int = 256 * MIB
    keep_days: int | None = None
    film_limits: Limits = field(default_factory=Limits)

    def __post_init__(self) -> None:
        wrong = [
            f"{name} must be at least {least}, got {value}"
            for name, value, least in (
                ("workers", self.processes, 1),
                ("upload_bytes", self.upload_bytes, 1),
                ("waiting", self.waiting, 1),
                ("reserve_bytes", self.reserve_bytes, 0),
                ("keep_days", 1 if self.keep_days is None else self.keep_days, 1),
            )
            if value < least
        ]
        if wrong:
            raise ConfigError("The server cannot be set up like this:", wrong)

    @property
    def url(self) -> str:
        """The database's URL."""
        return database_url(self.data.absolute(), self.database)

    @property
    def processes(self) -> int:
        """Processes that look at films."""
        return usable_cores() if self.workers is None else self.workers
