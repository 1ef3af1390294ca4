"""A reading room and a browser, started once for the tests of a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.serve.page.room import Room, open_browser, open_room, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's chromium."""
    with open_browser() as started:
        yield started


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A server on a free port."""
    with open_room(tmp_path_factory.mktemp("room") / "data") as started:
        yield started


@pytest.fixture
def faults() -> list[str]:
    """What the page complains of; a test that provokes it takes it out."""
    return []


@pytest.fixture
def page(browser: Browser, room: Room, faults: list[str]) -> Iterator[Page]:
    """A page of its own session; the test fails if it complains, or asks anything elsewhere."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, accept_downloads=False)
    yield watched(context, room, faults)
    context.close()
    room.sitting.who = None
    assert faults == []
