"""A reader's walk through the page, in a real browser that notices whatever goes wrong."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.serve.page.room import Room, dicom_phantom, reader_named

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Page

EVIL = '<img src=x onerror="document.title=1">.dcm'
_GREYS = """() => {
    const canvas = document.querySelector('#view-film .pixels');
    const place = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
    let sum = 0;
    for (let at = 0; at < place.length; at += 4) sum += place[at];
    return sum / (place.length / 4);
}"""


@pytest.fixture(scope="module")
def films(room: Room, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Ids of an answered phantom, its prior, and one that another subject left."""
    folder = tmp_path_factory.mktemp("films")
    return [
        room.send(dicom_phantom(folder, 1, StudyDate="20210302"), "phantom six.dcm"),
        room.send(dicom_phantom(folder, 2, StudyDate="20200101"), "phantom six before.dcm"),
        room.send(dicom_phantom(folder, 1, subject=8), "phantom eight.dcm"),
    ]


def drop(page: Page, files: dict[str, bytes]) -> None:
    """Drop files on the page as a hand would."""
    given = [
        {"name": name, "text": base64.b64encode(content).decode()}
        for name, content in files.items()
    ]
    page.evaluate(
        """(files) => {
            const data = new DataTransfer();
            for (const { name, text } of files) {
                const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
                data.items.add(new File([bytes], name));
            }
            for (const kind of ['dragenter', 'dragover', 'drop']) {
                document.body.dispatchEvent(
                    new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
            }
        }""",
        given,
    )


def open_film(page: Page, room: Room, film: str) -> None:
    """Open a film and wait until it stands there."""
    page.goto(f"{room.url}/films/{film}")
    expect(page.locator("#view-film .veil")).to_have_text("")
    expect(page.locator(".chance, .decision").first).to_be_visible()


def drag(page: Page, right: int, down: int, *, steps: int = 6) -> None:
    """Drag from the middle of the film."""
    place = page.locator("#view-film .stage").bounding_box()
    assert place is not None
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=steps)
    page.mouse.up()


def corner(page: Page, name: str = "bl") -> str:
    """Return what stands in a corner of the film."""
    return page.locator(f"#view-film .corner.{name}").inner_text()


def settled(page: Page) -> None:
    """Wait until the next two frames are drawn."""
    page.evaluate(
        "() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
    )


def test_a_fresh_page_offers_a_phantom_and_reads_it(page: Page, room: Room) -> None:
    page.goto(room.url)
    expect(page.locator("#empty")).to_be_visible()
    page.click("#draw-first")
    row = page.locator("#films tbody tr")
    expect(row).to_have_count(1, timeout=20_000)
    expect(row.locator(".state")).to_have_text(re.compile("read|refused"), timeout=20_000)
    assert "patient" not in page.locator("main").inner_text().lower().replace(
        "perhaps a patient's name", ""
    )


def test_three_films_are_dropped_and_each_has_its_own_progress(
    page: Page, room: Room, tmp_path: Path
) -> None:
    page.goto(room.url)
    page.wait_for_load_state("networkidle")
    dropped = {
        f"drop {n}.dcm": dicom_phantom(tmp_path, 3, subject=20 + n, size=256) for n in range(2)
    }
    drop(
        page,
        {
            **dropped,
            EVIL: dicom_phantom(tmp_path, 1, subject=30, size=256, PatientName="山田^太郎"),
        },
    )
    expect(page.locator("#sending-list progress")).to_have_count(3)
    expect(page.locator("#sending-sum")).to_have_text("3 of 3 sent", timeout=20_000)
    expect(page.locator("#films tbody tr", has_text="drop 0.dcm")).to_be_visible(timeout=20_000)
    expect(page.locator("#films", has_text=EVIL)).to_be_visible(timeout=20_000)
    expect(page.locator("#films", has_text="山田^太郎")).to_be_visible(timeout=20_000)
    assert page.locator("#films img").count() == 0
    assert page.title() == "Worklist - hilum"


def test_what_is_no_film_is_refused_in_the_servers_words(
    page: Page, room: Room, faults: list[str]
) -> None:
    page.goto(room.url)
    page.wait_for_load_state("networkidle")
    page.route(
        "**/api/v1/films?wait=0*",
        lambda route: route.fulfill(
            status=415,
            content_type="application/problem+json",
            body=json.dumps({"detail": "Expected a PNG, got something else.", "status": 415}),
        ),
    )
    drop(page, {"notes.txt": b"hello"})
    row = page.locator("#sending-list li")
    expect(row).to_contain_text("not sent: Expected a PNG, got something else.")
    expect(row.get_by_role("button", name="Send again")).to_be_visible()
    page.unroute("**/api/v1/films?wait=0*")
    _forgive_refusals(faults)


def test_a_full_server_is_tried_again_with_the_same_key(
    page: Page, room: Room, tmp_path: Path, faults: list[str]
) -> None:
    page.goto(room.url)
    page.wait_for_load_state("networkidle")
    keys: list[str] = []

    def first_full(route: Any) -> None:
        keys.append(route.request.headers["idempotency-key"])
        if len(keys) == 1:
            route.fulfill(
                status=429,
                headers={"Retry-After": "1"},
                content_type="application/problem+json",
                body='{"detail": "Full."}',
            )
        elif len(keys) == 2:
            route.abort("connectionreset")
        else:
            route.continue_()

    page.route("**/api/v1/films?wait=0*", first_full)
    drop(page, {"late.dcm": dicom_phantom(tmp_path, 4, subject=40, size=128)})
    expect(page.locator("#sending-list li")).to_contain_text("waits: Full. Trying again in")
    expect(page.locator("#sending-sum")).to_have_text("1 of 1 sent", timeout=30_000)
    assert len(keys) == 3
    assert len(set(keys)) == 1
    _forgive_refusals(faults)


def _forgive_refusals(faults: list[str]) -> None:
    """Forget what chromium writes to the console of every refused request."""
    faults[:] = [each for each in faults if "Failed to load resource" not in each]


def test_the_worklist_is_filtered_and_walked_by_keys(
    page: Page, room: Room, films: list[str]
) -> None:
    page.goto(room.url)
    page.fill("[name=text]", "phantom six")
    expect(page.locator("#films tbody tr")).to_have_count(2)
    page.locator("h1").click()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    marked = page.locator("#films tr.mark")
    expect(marked).to_have_count(1)
    film = marked.get_attribute("data-film")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/films/{film}")
    expect(page.locator("#view-film .veil")).to_have_text("")
    page.keyboard.press("PageDown")
    page.wait_for_url(lambda url: film not in url)
    page.keyboard.press("PageUp")
    page.wait_for_url(f"**/films/{film}")
    page.keyboard.press("q")
    page.wait_for_url(f"{room.url}/")


def test_dragging_sets_window_and_level_on_the_films_own_depth(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[0])
    page.keyboard.press("m")
    before, grey = corner(page), page.evaluate(_GREYS)
    drag(page, 0, 120)
    settled(page)
    assert corner(page) != before
    assert page.evaluate(_GREYS) < grey - 5
    page.keyboard.press("Space")
    settled(page)
    assert corner(page) == before
    assert page.evaluate(_GREYS) == pytest.approx(grey, abs=0.01)


def test_inverting_turns_the_film_and_nothing_flips_it(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[0])
    shot = page.evaluate(_GREYS)
    for key in ("h", "v", "r", "l"):
        page.keyboard.press(key)
    settled(page)
    assert page.evaluate(_GREYS) == shot
    page.keyboard.press("i")
    settled(page)
    assert page.evaluate(_GREYS) != shot
    expect(page.locator('[data-do="invert"]')).to_have_attribute("aria-pressed", "true")


def test_wheel_and_keys_zoom_and_fit_brings_it_back(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[0])
    settled(page)
    fitted = corner(page)
    page.locator("#view-film .stage").hover()
    page.mouse.wheel(0, -300)
    settled(page)
    zoomed = corner(page)
    assert zoomed != fitted
    page.keyboard.press("+")
    settled(page)
    assert corner(page) not in {fitted, zoomed}
    page.keyboard.press("=")
    settled(page)
    assert corner(page) == fitted


def test_the_map_is_shown_of_the_class_that_is_chosen(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[0])
    assert corner(page, "tr") == "Evidence for abnormal"
    coloured = """() => {
        const canvas = document.querySelector('#view-film .marks');
        const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
        let sum = 0;
        for (let at = 0; at < data.length; at += 4)
            if (data[at + 3] && data[at] !== data[at + 2]) sum += data[at + 3];
        return sum;
    }"""
    heat = page.evaluate(coloured)
    assert heat > 0
    page.keyboard.press("[")
    settled(page)
    assert 0 < page.evaluate(coloured) < heat
    page.keyboard.press("n")
    settled(page)
    assert "normal" in corner(page, "tr")
    page.keyboard.press("m")
    settled(page)
    assert page.evaluate(coloured) == 0


def test_the_answer_says_how_it_was_decided_and_what_was_measured(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[0])
    panel = page.locator(".panel")
    expect(panel.locator(".chance")).to_have_count(2)
    expect(panel).to_contain_text('Decided by "youden": abnormal from 58.1 %')
    expect(panel.locator(".chance .mark")).to_have_count(1)
    panel.get_by_text("How often this bundle is right").click()
    expect(panel).to_contain_text("They are not an interval of this film's probability")
    expect(panel.get_by_role("link", name="What this bundle can and cannot do")).to_be_visible()
    for notice in page.get_by_text("Research use only", exact=True).all()[:2]:
        expect(notice).to_be_in_viewport()


def test_a_prior_stands_beside_it_and_follows(page: Page, room: Room, films: list[str]) -> None:
    open_film(page, room, films[0])
    page.keyboard.press(".")
    beside = page.locator("#view-beside")
    expect(beside).to_be_visible()
    expect(beside.locator(".corner.tl")).to_contain_text(
        "2020-01-01\nPA\nprior film", use_inner_text=True
    )
    expect(page.locator("#view-film .corner.tl")).to_contain_text("2021-03-02")
    expect(beside.locator(".veil")).to_have_text("")
    page.keyboard.press("+")
    settled(page)
    zooms = [
        page.locator(f"{view} .corner.bl").inner_text().split("\n")[1]
        for view in ("#view-film", "#view-beside")
    ]
    assert zooms[0] == zooms[1]
    page.keyboard.press("u")
    page.keyboard.press("+")
    settled(page)
    assert beside.locator(".corner.bl").inner_text().split("\n")[1] == zooms[1]


def test_a_later_film_is_not_called_a_prior(page: Page, room: Room, films: list[str]) -> None:
    open_film(page, room, films[1])
    page.keyboard.press(".")
    expect(page.locator("#view-beside .corner.tl")).to_contain_text("later film")


def test_the_pre_test_probability_moves_the_answer_with_the_working(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[0])
    page.get_by_role("button", name="10 %", exact=True).click()
    result = page.locator("#bayes-result")
    expect(result).to_contain_text("Likelihood ratio")
    told = room.get(f"/api/v1/films/{films[0]}/bayes?pretest=0.1")
    expect(result.locator(".post b")).to_have_text(f"{100 * told['posttest']:.1f} %")
    page.fill("#pretest-number", "50")
    expect(result).to_contain_text("Odds before: 0.500 / 0.500")


def test_a_region_is_struck_out_and_both_answers_stand_beside_each_other(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[0])
    page.keyboard.press("x")
    drag(page, 100, 140)
    expect(page.locator("#regions li")).to_have_count(1)
    drag(page, -90, -60)
    expect(page.locator("#regions li")).to_have_count(2)
    page.keyboard.press("Control+z")
    expect(page.locator("#regions li")).to_have_count(1)
    page.click("#strike-send")
    table = page.locator("#strike-result table")
    expect(table).to_be_visible(timeout=20_000)
    expect(page.locator("#view-beside")).to_be_visible()
    answers = room.get(f"/api/v1/films/{films[0]}")["answers"]
    assert [len(each["struck"]) for each in answers] == [0, 1]
    whole = answers[0]["probabilities"]["abnormal"]
    expect(table.locator("tr", has_text="abnormal").first).to_contain_text(f"{100 * whole:.1f} %")


def test_a_region_can_be_marked_and_a_length_measured_by_keys_alone(
    page: Page, room: Room, films: list[str]
) -> None:
    open_film(page, room, films[2])
    for key in ("x", "ArrowLeft", "Enter", *["ArrowRight"] * 9, *["ArrowDown"] * 9, "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#regions li")).to_have_count(1)
    page.keyboard.press("d")
    expect(page.locator('[data-tool="measure"]')).to_have_attribute("aria-pressed", "true")


def test_without_a_spacing_there_is_no_length(page: Page, room: Room, tmp_path: Path) -> None:
    from PIL import Image
    from pydicom import dcmread

    dicom_phantom(tmp_path, 1, subject=9)
    pixels = dcmread(tmp_path / "phantom-9-1.dcm").pixel_array
    Image.fromarray((pixels >> 4).astype("uint8")).save(tmp_path / "plain.png")
    film = room.send((tmp_path / "plain.png").read_bytes(), "plain.png")
    open_film(page, room, film)
    page.keyboard.press("d")
    expect(page.locator("#status")).to_contain_text("no length can be given")
    expect(page.locator('[data-tool="measure"]')).to_have_attribute("aria-pressed", "false")


def test_an_opinion_is_given_by_two_keys_and_stays_below(
    page: Page, room: Room, films: list[str]
) -> None:
    room.sitting.who = reader_named("ann")
    open_film(page, room, films[0])
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("#history")).to_contain_text("ann agrees")
    said = room.get(f"/api/v1/films/{films[0]}/opinions")[-1]
    assert said["label"] == room.get(f"/api/v1/films/{films[0]}")["answers"][0]["decision"]
    page.goto(room.url)
    row = page.locator(f'#films tr[data-film="{films[0]}"]')
    expect(row).to_contain_text("by me")


def test_a_second_reader_sees_the_first_opinion_only_after_their_own(
    page: Page, room: Room, films: list[str]
) -> None:
    room.sitting.who = reader_named("ann")
    open_film(page, room, films[2])
    page.keyboard.press("3")
    page.fill("[name=finding]", f"a xanthoma {EVIL}")
    page.click("#opinion-save")
    expect(page.locator("#history")).to_contain_text("a xanthoma <img")
    room.sitting.who = reader_named("bob", "second_reader")
    open_film(page, room, films[2])
    expect(page.locator("#history")).to_contain_text("You read second")
    assert "xanthoma" not in page.locator("main").inner_text()
    page.goto(room.url)
    expect(page.locator(f'#films tr[data-film="{films[2]}"]')).to_be_visible()
    assert "by me" not in page.locator("#films").inner_text()
    assert "xanthoma" not in page.content()
    open_film(page, room, films[2])
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator("#history")).to_contain_text("bob (second reader) disagrees")
    expect(page.locator("#history")).to_contain_text("a xanthoma <img")
    assert page.locator("#history img").count() == 0


def test_the_theme_is_chosen_by_a_button_and_kept(page: Page, room: Room) -> None:
    page.goto(f"{room.url}/help")
    background = "() => getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(background) == "rgb(20, 20, 20)"
    page.click("#theme")
    assert page.evaluate(background) == "rgb(235, 235, 235)"
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")
    page.click("#theme")
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(background) == "rgb(20, 20, 20)"
    page.emulate_media(color_scheme="light")
    assert page.evaluate(background) == "rgb(235, 235, 235)"


@pytest.mark.parametrize("size", [(820, 1180), (360, 640), (360, 225)])
@pytest.mark.parametrize("path", ["/", "/films/{}", "/limits", "/help"])
def test_no_page_is_wider_than_a_tablet_or_four_times_enlarged_letters(
    page: Page, room: Room, films: list[str], path: str, size: tuple[int, int]
) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(room.url + path.format(films[0]))
    page.wait_for_load_state("networkidle")
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    assert wide <= size[0]


def test_single_letters_can_be_turned_off(page: Page, room: Room, films: list[str]) -> None:
    open_film(page, room, films[0])
    page.keyboard.press("?")
    page.uncheck("#letters")
    page.keyboard.press("Escape")
    settled(page)
    expect(page.locator("dialog")).to_have_count(0)
    page.keyboard.press("i")
    expect(page.locator('[data-do="invert"]')).to_have_attribute("aria-pressed", "false")
    page.keyboard.press("PageDown")
    page.wait_for_url(lambda url: films[0] not in url)


def test_fingers_pinch_and_move_the_film(page: Page, room: Room, films: list[str]) -> None:
    open_film(page, room, films[0])
    settled(page)
    before = corner(page).split("\n")
    page.evaluate("""() => {
        const stage = document.querySelector('#view-film .stage');
        stage.setPointerCapture = () => {};
        const fire = (kind, pointerId, clientX) => stage.dispatchEvent(new PointerEvent(kind, {
            pointerId, clientX, clientY: 400, pointerType: 'touch', bubbles: true, button: 0 }));
        fire('pointerdown', 1, 400);
        fire('pointerdown', 2, 500);
        for (let step = 1; step <= 5; step++) fire('pointermove', 2, 500 + 40 * step);
        fire('pointerup', 1, 400);
        fire('pointerup', 2, 700);
    }""")
    settled(page)
    after = corner(page).split("\n")
    assert after[0] == before[0]
    assert int(after[1].split()[0]) > 2 * int(before[1].split()[0])


def test_the_print_view_is_one_sheet_with_the_notice(
    page: Page, room: Room, films: list[str]
) -> None:
    page.goto(f"{room.url}/films/{films[0]}/print")
    page.wait_for_load_state("networkidle")
    assert page.locator(".film-print").evaluate("(image) => image.naturalWidth") > 0
    pdf = page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page[^s]", pdf)) == 1
    page.emulate_media(media="print")
    assert page.locator(".notice-print").count() == 2
    expect(page.locator(".notice-print").first).to_be_visible()


def test_a_hidden_page_does_not_ask(page: Page, room: Room) -> None:
    page.goto(room.url)
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.evaluate("""() => {
        Object.defineProperty(document, 'hidden', { get: () => true });
        document.dispatchEvent(new Event('visibilitychange'));
    }""")
    page.wait_for_timeout(2500)
    assert asked == []


def test_another_film_under_the_same_uid_is_flagged(
    page: Page, room: Room, films: list[str], tmp_path: Path
) -> None:
    from pydicom import dcmread

    dicom_phantom(tmp_path, 1, StudyDate="20210302")
    path = tmp_path / "phantom-6-1.dcm"
    dataset = dcmread(path)
    pixels = dataset.pixel_array.copy()
    pixels[100:200, 100:200] = 0
    dataset.PixelData = pixels.tobytes()
    dataset.save_as(path, enforce_file_format=True)
    other = room.send(path.read_bytes(), "phantom six again.dcm")
    page.goto(room.url)
    row = page.locator(f'#films tr[data-film="{other}"]')
    expect(row).to_contain_text("same UID, other pixels")
    open_film(page, room, other)
    page.get_by_role("link", name="See the earlier film").click()
    page.wait_for_url(f"**/films/{films[0]}")


def test_a_film_that_cannot_be_read_says_why(
    page: Page, room: Room, tmp_path: Path, faults: list[str]
) -> None:
    film = room.send(dicom_phantom(tmp_path, 1)[:3000], "cut off.dcm")
    page.goto(room.url)
    row = page.locator(f'#films tr[data-film="{film}"]')
    expect(row.locator(".state")).to_have_text("failed")
    assert row.locator(".why").inner_text()
    page.goto(f"{room.url}/films/{film}")
    expect(page.locator("#answer")).to_contain_text("Could not be read")
    expect(page.locator("#view-film .veil")).not_to_have_text("The film is being fetched.")
    _forgive_refusals(faults)


def test_no_film_is_fetched_that_is_not_looked_at(page: Page, room: Room, films: list[str]) -> None:
    page.goto(room.url)
    expect(page.locator(f'#films tr[data-film="{films[0]}"]')).to_be_visible()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    open_film(page, room, films[0])
    page.wait_for_timeout(1500)
    seen = {found[1] for url in asked if (found := re.search(r"/films/([0-9a-f]{32})", url))}
    assert seen == {films[0]}
