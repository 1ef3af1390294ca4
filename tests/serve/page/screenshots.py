"""Pictures of the page for the documentation, phantoms only.

    python -m tests.serve.page.screenshots docs/images

Writes serve-*.webp, each below 200 KB.
"""

from __future__ import annotations

import io
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from tests.serve.page.room import Room, dicom_phantom, open_browser, open_room, watched

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST_BYTES = 200_000
DESKTOP, TABLET = (1440, 900), (820, 1180)


def main(out: Path) -> None:
    """Write the pictures."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        place = Path(folder)
        with open_room(place / "data") as room:
            _shoot(room, browser, out / "serve-empty.webp", "/")
            film = _fill(room, place)
            _scenes(room, browser, out, film)


def _fill(room: Room, place: Path) -> str:
    """Send phantoms; return one with priors."""
    dates = ("20200101", "20210302")
    sent = [
        room.send(
            dicom_phantom(place, number, subject=subject, size=512, StudyDate=dates[number - 1]),
            f"drawn phantom {subject}-{number}.dcm",
        )
        for subject, numbers in (
            (6, (1, 2)),
            (4, (1, 2)),
            (8, (1,)),
            (9, (1,)),
            (11, (1,)),
            (3, (1, 2)),
        )
        for number in numbers
    ]
    grey = Image.linear_gradient("L").resize((600, 600))
    path = place / "ramp.png"
    grey.save(path)
    room.send(path.read_bytes(), "no film at all.png")
    return sent[1]


def _scenes(room: Room, browser: Browser, out: Path, film: str) -> None:
    at = f"/films/{film}"
    _shoot(room, browser, out / "serve-worklist.webp", "/")
    _shoot(room, browser, out / "serve-worklist-light.webp", "/", theme="light")
    _shoot(room, browser, out / "serve-film.webp", at)
    _shoot(room, browser, out / "serve-film-light.webp", at, theme="light")
    _shoot(room, browser, out / "serve-prior.webp", at, act=_beside_prior)
    _shoot(room, browser, out / "serve-struck.webp", at, act=_strike)
    _shoot(room, browser, out / "serve-tablet.webp", at, size=TABLET)
    _shoot(room, browser, out / "serve-keys.webp", at, act=lambda page: page.keyboard.press("?"))
    _shoot(room, browser, out / "serve-print.webp", f"{at}/print", theme="light")
    _shoot(room, browser, out / "serve-limits.webp", "/limits")


def _beside_prior(page: Page) -> None:
    page.keyboard.press(".")
    page.wait_for_selector("#view-beside .veil:empty", state="attached")
    page.keyboard.press("+")
    page.keyboard.press("+")


def _strike(page: Page) -> None:
    page.keyboard.press("x")
    place = page.locator("#view-film .stage").bounding_box()
    assert place is not None
    x, y = place["x"] + place["width"] * 0.5, place["y"] + place["height"] * 0.45
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 110, y + 130, steps=5)
    page.mouse.up()
    page.click("#strike-send")
    page.wait_for_selector("#strike-result table")
    page.locator("#strike").scroll_into_view_if_needed()
    page.wait_for_timeout(8500)  # until the status line has gone


def _shoot(
    room: Room,
    browser: Browser,
    path: Path,
    at: str,
    *,
    size: tuple[int, int] = DESKTOP,
    theme: str = "dark",
    act: Callable[[Page], None] | None = None,
) -> None:
    context = browser.new_context(viewport={"width": size[0], "height": size[1]})
    context.add_cookies([{"name": "hilum_theme", "value": theme, "url": room.url}])
    faults: list[str] = []
    page = watched(context, room, faults)
    page.goto(room.url + at)
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(600)
    if act is not None:
        act(page)
        page.wait_for_timeout(600)
    picture = page.screenshot()
    context.close()
    if faults:
        raise SystemExit("\n".join(faults))
    _make_small(picture, path)


def _make_small(picture: bytes, path: Path) -> None:
    """Write a picture as WebP, as good as the limit allows."""
    with Image.open(io.BytesIO(picture)) as found:
        whole = found.convert("RGB")
    for quality in (92, 85, 78, 70, 60):
        whole.save(path, quality=quality, method=6)
        if path.stat().st_size < MOST_BYTES:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
