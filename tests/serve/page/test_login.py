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
    from playwright.sync_api import Browser, Page

PASSWORD = "seven pale kidneys in a tree"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Room]:
    """A server that knows two people."""
    with open_room(tmp_path_factory.mktemp("room") / "data") as started:
        act = Act(actor="local", now=started.service.clock(), record=audit.record)
        hashed = Passwords().hashed(PASSWORD)
        with started.service.database.write() as connection:
            add_user(connection, act, name="Zoë Körner", role="admin", password_hash=hashed)
            add_user(connection, act, name="Ben", role="reader", password_hash=hashed)
        yield started


def log_in(page: Page, password: str = PASSWORD, *, name: str = "zoë körner") -> None:
    """Fill in the form."""
    page.get_by_label("Name").fill(name)
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


def _change(page: Page, old: str, new: str, again: str | None = None) -> None:
    """Fill in the form for a new password."""
    page.get_by_label("Password so far").fill(old)
    page.get_by_label("New password", exact=True).fill(new)
    page.get_by_label("New password again").fill(new if again is None else again)
    page.get_by_role("button", name="Change password").click()


def test_a_reader_changes_their_password_and_other_browsers_are_logged_out(
    page: Page, room: Room, browser: Browser, faults: list[str]
) -> None:
    new = "eight dark kidneys in a lake"
    elsewhere = browser.new_context()
    other = elsewhere.new_page()
    for each in (page, other):
        each.goto(f"{room.url}/help")
        log_in(each, name="ben")
        each.wait_for_url("**/help")
    page.get_by_role("link", name="Ben").click()
    expect(page.locator("main")).to_contain_text("You are logged in as reader")
    _change(page, "not this one at all", new)
    expect(page.get_by_role("alert")).to_have_text("The password so far is another.")
    _change(page, PASSWORD, new, "eight dark kidneys in a pond")
    expect(page.get_by_role("alert")).to_have_text("The two new passwords are not the same.")
    _change(page, PASSWORD, "ben ben ben ben")
    expect(page.get_by_role("alert")).to_contain_text("words in a row")
    _change(page, PASSWORD, new)
    expect(page.get_by_role("status")).to_contain_text("Your password is changed.")
    other.reload()
    other.wait_for_url("**/login?next=%2Fhelp")
    log_in(other, name="ben")
    expect(other.get_by_role("alert")).to_contain_text("The name or the password is wrong.")
    log_in(other, new, name="ben")
    other.wait_for_url("**/help")
    elsewhere.close()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login")
    faults[:] = [each for each in faults if "Failed to load resource" not in each]  # 422 is one


def test_nobody_without_a_login_has_an_account(page: Page, room: Room) -> None:
    page.goto(f"{room.url}/account")
    page.wait_for_url("**/login?next=%2Faccount")
