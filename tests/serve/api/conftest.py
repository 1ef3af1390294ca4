"""One server for all tests of the interface; each sends films of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.serve.running import Running

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory, quick_bundle: Path) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("served") / "data"
    settings = {"bundle": str(quick_bundle), "workers": 1, "upload_bytes": 4_000_000}
    with Running(data, **settings) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def client(server: Running) -> Iterator[httpx.Client]:
    with server.client() as opened:
        yield opened


@pytest.fixture
def film(film_of: Callable[[float], bytes]) -> bytes:
    """A film that no other test has sent."""
    return film_of(next(_numbers))


@pytest.fixture
def sent(client: httpx.Client, film: bytes) -> dict[str, object]:
    """What the server said to a film, with its answer."""
    said: dict[str, object] = client.post("/api/v1/films?wait=30&name=a.png", content=film).json()
    return said
