"""Every test of the storage runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.serve.conftest import Clock

from hilum.serve.owner import Owner
from hilum.serve.storage.blobs import BlobStore
from hilum.serve.storage.database import Database
from hilum.serve.storage.films import Film, add_film
from hilum.serve.storage.jobs import Job, add_job


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    with Owner(tmp_path / "data") as kept:
        yield kept


@pytest.fixture
def blobs(tmp_path: Path, owner: Owner) -> BlobStore:
    return BlobStore(tmp_path / "data", owner, reserve_bytes=0)


@pytest.fixture
def new_film(database: Database, set_clock: Clock) -> Callable[..., Film]:
    """A function that keeps the row of a film with a hash of its own."""

    def add(number: int = 1, **changes: Any) -> Film:
        values = {
            "sha256": f"{number:064x}", "size": 10, "format": "png", "name": f"{number}.png",
            "source": "api", "sent_by": "ada", "now": set_clock(),
        }  # fmt: skip
        with database.write() as connection:
            return add_film(connection, **{**values, **changes})[0]

    return add


@pytest.fixture
def new_job(database: Database, set_clock: Clock) -> Callable[..., Job]:
    """A function that asks for a film to be read."""

    def add(film: Film, *, owner: str = "o" * 32, bundle: str = "b" * 64, **given: Any) -> Job:
        with database.write() as connection:
            return add_job(
                connection, film=film, bundle=bundle, asked_by="ada", owner=owner,
                now=set_clock(), **given,
            )[0]  # fmt: skip

    return add
