"""What axe finds on each page, in both themes: nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.serve.page.room import Room, dicom_phantom, reader_named, watched

from hilum.serve.access.trail import Act
from hilum.serve.access.users import add_user
from hilum.serve.storage import audit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_ROOT = Path(__file__).resolve().parents[3]
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@pytest.fixture(scope="session")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The text of axe-core: named in AXE_CORE, in node_modules, or fetched by npm."""
    for place in (os.environ.get("AXE_CORE", ""), _ROOT / "node_modules/axe-core/axe.min.js"):
        if place and Path(place).is_file():
            return Path(place).read_text(encoding="utf-8")
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed, so axe-core cannot be fetched")
    folder = tmp_path_factory.mktemp("axe")
    done = subprocess.run(
        [npm, "install", "--silent", "--no-audit", "--prefix", str(folder), "axe-core"],
        capture_output=True, timeout=120, check=False,
    )  # fmt: skip
    found = folder / "node_modules/axe-core/axe.min.js"
    if done.returncode or not found.is_file():
        pytest.skip("npm could not fetch axe-core")
    return found.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def films(room: Room, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Ids of an answered film with a prior and opinions, and of a refused picture."""
    from PIL import Image

    folder = tmp_path_factory.mktemp("films")
    Image.linear_gradient("L").resize((400, 400)).save(folder / "ramp.png")
    film = room.send(dicom_phantom(folder, 1, StudyDate="20210302"), "phantom six.dcm")
    room.send(dicom_phantom(folder, 2, StudyDate="20200101"), "phantom six before.dcm")
    refused = room.send((folder / "ramp.png").read_bytes(), "ramp.png")
    act = Act(actor="local", now=room.service.clock(), record=audit.record)
    with room.service.database.write() as connection:  # whoever looks has a password to change
        add_user(connection, act, name="ann", role="admin", password_hash="none")
    return {"film": film, "refused": refused}


def _nothing(page: Page) -> None:
    pass


def _strike_and_judge(page: Page) -> None:
    page.locator("#strike details").evaluate("(box) => (box.open = true)")
    for name, value in (("top", "10"), ("left", "10"), ("height", "20"), ("width", "20")):
        page.fill(f"#strike-numbers [name={name}]", value)
    page.click("#strike-numbers button")
    page.click("#strike-send")
    page.wait_for_selector("#strike-result table", timeout=20_000)
    page.keyboard.press("3")
    page.fill("[name=finding]", "a finding")
    page.click("#opinion-save")
    page.wait_for_selector("#history .said")
    for box in page.locator("details").all():
        box.evaluate("(box) => (box.open = true)")


_SCENES: dict[str, tuple[str, Callable[[Page], None]]] = {
    "worklist": ("/", lambda page: page.keyboard.press("j")),
    "nothing found": ("/", lambda page: page.fill("[name=text]", "zzz")),
    "film": ("/films/{film}", _nothing),
    "film judged": ("/films/{film}", _strike_and_judge),
    "film and prior": ("/films/{film}", lambda page: page.keyboard.press(".")),
    "keys over a film": ("/films/{film}", lambda page: page.keyboard.press("?")),
    "refused film": ("/films/{refused}", _nothing),
    "print": ("/films/{film}/print", _nothing),
    "print of a refused film": ("/films/{refused}/print", _nothing),
    "limits": ("/limits", _nothing),
    "keys": ("/help", _nothing),
    "disagreements": ("/disagreements", _nothing),
    "audit": ("/audit?verify=true", _nothing),
    "account": ("/account", _nothing),
    "login": ("/login?problem=wrong", _nothing),
    "not found": ("/films/00000000000000000000000000000000", _nothing),
}


_ON_TABLETS = ("worklist", "film judged", "film and prior")


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(
    ("scene", "width"),
    [*((scene, 1440) for scene in _SCENES), *((scene, 820) for scene in _ON_TABLETS)],
)
def test_axe_finds_nothing(  # noqa: PLR0917
    browser: Browser,
    room: Room,
    films: dict[str, str],
    axe: str,
    theme: str,
    scene: str,
    width: int,
) -> None:
    path, act = _SCENES[scene]
    room.sitting.who = reader_named("ann", "admin")
    context = browser.new_context(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    context.add_cookies([{"name": "hilum_theme", "value": theme, "url": room.url}])
    context.add_init_script(axe)
    faults: list[str] = []
    page = watched(context, room, faults)
    page.goto(room.url + path.format(**films))
    page.wait_for_load_state("networkidle")
    act(page)
    page.wait_for_timeout(400)
    found = page.evaluate(
        """async (tags) => (await axe.run(document, { runOnly: tags, resultTypes: ['violations'] }))
            .violations.map((each) => each.id + ': ' + each.nodes.slice(0, 3).map(
                (node) => node.html.slice(0, 160) + ' ' + node.failureSummary.slice(0, 300)
            ).join(' | '))""",
        _TAGS,
    )
    context.close()
    assert found == []
    assert [each for each in faults if "404" not in each] == []
