"""A bundle that answers in a moment, films to send, a clock that can be set, a PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.screening.conftest import CLASSES, MULTICLASS, _chest, _png, record_of
from tests.serve.postgres import Postgres

from hilum.screening.bundle import write_bundle


@dataclass
class Clock:
    """A clock that says what it is told."""

    at: datetime = datetime(2026, 3, 1, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def move(self, **passed: float) -> None:
        self.at += timedelta(**passed)


@pytest.fixture
def set_clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def quick_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a bundle of three classes whose network takes no time."""
    folder = tmp_path_factory.mktemp("bundles") / "quick"
    record = record_of(CLASSES, training={"counts": {f"val/{name}": 10 for name in CLASSES}})
    write_bundle(folder, record, model_onnx=MULTICLASS.onnx(), weights=b"weights stand here")
    return folder


@pytest.fixture(scope="session")
def film_of() -> Callable[[float], bytes]:
    """A function that returns a film, another one for each number."""
    return lambda number=0: _png(_chest(shift=number / 1000))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; skips where it is not installed."""
    running = Postgres()
    yield running
    running.close()


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database with hilum's tables."""
    from hilum.serve.storage.database import Database

    name = postgres.create()
    database = Database(postgres.url(name))
    database.prepare()
    database.close()
    return name
