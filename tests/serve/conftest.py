"""A bundle that answers in a moment, films to send, a clock that can be set, both databases."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.screening.conftest import CLASSES, MULTICLASS, _chest, _png, record_of
from tests.serve.postgres import Postgres

from hilum.screening.bundle import write_bundle

if TYPE_CHECKING:
    from hilum.serve.storage.database import Database


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
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DICOM file of a phantom that the default bundle takes for a film."""
    from hilum.data.phantom import write_cohort

    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, patients=3, size=512, dicom=True, seed=11)
    return min(folder.rglob("*.dcm"))


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL server; skips where it is not installed."""
    running = Postgres()
    yield running
    running.close()


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The name of a database with hilum's tables."""
    name = postgres.create()
    _prepare(postgres.url(name))
    return name


@pytest.fixture(scope="session")
def postgres_emptied(postgres: Postgres, postgres_template: str) -> str:
    """The name of a database with hilum's tables that every test finds empty."""
    return postgres.create(postgres_template)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a database with hilum's tables."""
    file = tmp_path_factory.mktemp("database") / "empty.db"
    _prepare(f"sqlite:///{file}")
    return file


def _prepare(url: str) -> None:
    from hilum.serve.storage.database import Database

    database = Database(url)
    database.prepare()
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database without tables; a test that takes it runs on both kinds."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hilum.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.url(postgres.create())


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database with tables and no row; a test that takes it runs on both kinds.

    In PostgreSQL it is one for all tests, emptied for each: making one takes ten times as long.
    A test that changes the tables themselves takes `empty_url`.
    """
    from hilum.serve.storage.database import Database

    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "hilum.db")
        opened = Database(f"sqlite:///{tmp_path / 'hilum.db'}")
    else:
        postgres: Postgres = request.getfixturevalue("postgres")
        name: str = request.getfixturevalue("postgres_emptied")
        postgres.empty(name)
        opened = Database(postgres.url(name))
    yield opened
    opened.close()
