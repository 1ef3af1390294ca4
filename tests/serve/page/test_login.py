"""Real people: they log in, are seen as themselves, and log out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from tests.serve.page.room import Room, open_room

from hilum.serve.access.passwords import Passwords
from hilum.serve.access.trail import Act
from hilum.serve.access.users import add_user
from hilum.serve.storage import audit

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "seven pale kidneys in a tree"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A server that knows two people."""
    with open_room(tmp_path_factory.mktemp("room") / "data") as started:
        act = Act(actor="local", now=started.service.clock(), record=audit.record)
        hashed = Passwords().hashed(PASSWORD)
        with started.service.database.write() as connection:
            add_user(connection, act, name="Zoë Körner", role="admin", password_hash=hashed)
        yield started


def log_in(page: Page, password: str = PASSWORD) -> None:
    """Fill in the form."""
    page.get_by_label("Name").fill("zoë körner")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def test_a_reader_logs_in_draws_a_phantom_gives_an_opinion_and_logs_out(
    page: Page, room: Room
) -> None:
    page.goto(f"{room.url}/limits")
    page.wait_for_url("**/login?next=%2Flimits")
    log_in(page)
    page.wait_for_url("**/limits")
    expect(page.locator(".who")).to_have_text("Zoë Körner")
    page.get_by_role("link", name="Worklist").click()
    page.click("#draw-first")
    row = page.locator("#films tbody tr")
    expect(row).to_have_count(1, timeout=20_000)
    expect(row.locator(".state")).not_to_have_text("waiting", timeout=20_000)
    row.get_by_role("link").click()
    expect(page.locator(".decision")).to_be_visible()
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("#history")).to_contain_text("agrees")
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    page.goto(room.url)
    page.wait_for_url("**/login?next=%2F")


def test_a_wrong_password_is_told_and_keeps_the_way_back(page: Page, room: Room) -> None:
    page.goto(f"{room.url}/help")
    log_in(page, "something else entirely")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    log_in(page)
    page.wait_for_url("**/help")


def test_a_session_that_ended_leads_to_the_login_from_an_open_page(
    page: Page, room: Room, faults: list[str]
) -> None:
    page.goto(room.url)
    log_in(page)
    page.wait_for_url(f"{room.url}/")
    page.wait_for_load_state("networkidle")
    page.context.clear_cookies()
    page.fill("[name=text]", "x")
    page.wait_for_url("**/login?next=%2F")
    faults[:] = [each for each in faults if "Failed to load resource" not in each]
