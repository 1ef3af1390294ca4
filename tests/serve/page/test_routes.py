"""The pages without a browser: who may see what, what is escaped, what may be kept."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient
from tests.serve.page.room import Sitting, dicom_phantom, reader_named

from hilum.screening.bundle import Bundle
from hilum.screening.default import default_bundle
from hilum.serve.access.guard import AccessSettings
from hilum.serve.access.web import Access
from hilum.serve.app import build_app
from hilum.serve.page.assets import assets
from hilum.serve.page.card import card_blocks, measured_figures
from hilum.serve.service import Service
from hilum.serve.settings import ServeSettings
from hilum.serve.storage import audit, films
from hilum.serve.storage.opinions import Opinion, add_opinion

EVIL = '<img src=x onerror="alert(1)">\'"&</script>'
NAMES = (EVIL, "山田^太郎", "عبد^الله")


class Desk:
    """A server without a network, and who sits there."""

    def __init__(self, folder: Path) -> None:
        self.service = Service(ServeSettings(data=folder / "data", workers=1))
        self.sitting = Sitting(
            self.service.database, AccessSettings(login_required=False), record=audit.record
        )
        self.sitting.who = reader_named("ann")
        self.client = TestClient(
            build_app(self.service, Access(self.sitting)), base_url="http://127.0.0.1"
        )
        self.film = self.client.post(
            "/api/v1/films",
            params={"wait": 30, "name": EVIL},
            content=dicom_phantom(folder, PatientName=EVIL, StudyDate="20210302"),
        ).json()["film"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    yield desk
    desk.client.close()
    desk.service.close()


@pytest.fixture(autouse=True)
def _as_ann(desk: Desk) -> None:
    desk.sitting.who = reader_named("ann")


@pytest.mark.parametrize("path", ["/", "/limits", "/help", "/login", "/disagreements", "/account"])
def test_every_page_says_research_use_only_and_is_not_kept(desk: Desk, path: str) -> None:
    answer = desk.client.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    assert ">Research use only</strong>" in answer.text


@pytest.mark.parametrize(
    "path", ["/", "/films/{}", "/films/{}/print", "/limits", "/login", "/account"]
)
def test_no_page_holds_inline_script_or_style(desk: Desk, path: str) -> None:
    text = desk.client.get(path.format(desk.film)).text
    assert not re.findall(r"<script(?![^>]*\bsrc=)|<style|<[^>]*\sstyle=|<[^>]*\son[a-z]+=", text)
    assert not re.findall(r"(?:src|href)=\"(?:https?:)?//", text)


def test_scripts_and_styles_may_be_kept_forever_under_the_hash_of_their_bytes(desk: Desk) -> None:
    for name in ("viewer.js", "page.css", "icon.svg"):
        answer = desk.client.get(assets().path(name))
        assert answer.content == assets().content[name]
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["content-type"] == assets().media_type(name)


@pytest.mark.parametrize(
    "path",
    [
        "/static/0000000000000000/page.css",
        "/static/{}/../routes.py",
        "/static/{}/%2e%2e%2froutes.py",
        "/static/{}/no.js",
    ],
)
def test_nothing_else_is_served_as_static(desk: Desk, path: str) -> None:
    assert desk.client.get(path.format(assets().version)).status_code == 404


def test_a_film_that_is_not_there_is_a_page_in_words(desk: Desk) -> None:
    for path in (f"/films/{'0' * 32}", f"/films/{'0' * 32}/print", "/films/nothing"):
        answer = desk.client.get(path)
        assert answer.status_code == 404
        assert "<h1>Not found</h1>" in answer.text


def test_what_a_film_says_is_escaped_on_paper(desk: Desk) -> None:
    text = desk.client.get(f"/films/{desk.film}/print").text
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=" in text


@pytest.mark.parametrize("name", NAMES)
def test_names_of_any_script_stand_in_the_list_of_disagreements_as_text(
    desk: Desk, name: str
) -> None:
    now = desk.service.clock()
    with desk.service.database.write() as connection:
        said = Opinion(
            film=desk.film, reader=name, place=1, verdict="disagree", bundle="b", at=now,
            comment=EVIL,
        )  # fmt: skip
        add_opinion(connection, said)
    text = desk.client.get("/disagreements").text
    assert "<img src=x" not in text
    assert "&lt;img src=x onerror=" in text
    if name != EVIL:
        assert name in text


def test_the_viewer_page_holds_no_word_of_the_film(desk: Desk) -> None:
    text = desk.client.get(f"/films/{desk.film}").text
    assert "onerror" not in text
    assert "phantom" not in text.lower()


def test_a_second_reader_is_told_of_no_opinion_and_of_no_disagreement(desk: Desk) -> None:
    desk.sitting.who = reader_named("bob", "second_reader")
    assert desk.client.get("/disagreements").status_code == 403
    page = desk.client.get("/").text
    assert 'href="/disagreements"' not in page
    viewer = desk.client.get(f"/films/{desk.film}").text
    assert 'data-blinded="yes"' in viewer
    assert desk.client.get(f"/api/v1/films/{desk.film}/opinions").json() == []
    listed = desk.client.get("/api/v1/films", params={"mine": True}).json()
    assert listed["entries"] == []
    printed = desk.client.get(f"/films/{desk.film}/print").text
    assert "disagree" not in printed


def test_only_who_may_see_the_audit_trail_sees_it(desk: Desk) -> None:
    assert desk.client.get("/audit").status_code == 403
    desk.sitting.who = reader_named("root", "admin")
    answer = desk.client.get("/audit", params={"verify": True})
    assert answer.status_code == 200
    assert "is whole" in answer.text


def test_a_changed_entry_of_the_audit_trail_is_named(tmp_path: Path) -> None:
    from sqlalchemy import text

    service = Service(ServeSettings(data=tmp_path / "data", workers=1))
    sitting = Sitting(service.database, AccessSettings(login_required=False), record=audit.record)
    sitting.who = reader_named("root", "admin")
    try:
        with service.database.write() as connection:
            for action in ("see film", "print film"):
                audit.record(
                    connection, actor="ann", action=action, object="x", now=service.clock()
                )
        with service.database.write() as connection:
            for name in (
                connection.execute(
                    text("SELECT name FROM sqlite_master WHERE type='trigger' AND tbl_name='audit'")
                )
                .scalars()
                .all()
            ):
                connection.execute(text(f'DROP TRIGGER "{name}"'))
            connection.execute(text("UPDATE audit SET actor='eve' WHERE seq=1"))
        app = build_app(service, Access(sitting))
        with TestClient(app, base_url="http://127.0.0.1") as client:
            assert "Entry 1 does not fit" in client.get("/audit?verify=true").text
    finally:
        service.close()


def test_who_is_not_known_is_sent_to_the_login_and_back(tmp_path: Path) -> None:
    service = Service(ServeSettings(data=tmp_path / "data", workers=1))
    sitting = Sitting(service.database, AccessSettings(login_required=True), record=audit.record)
    try:
        app = build_app(service, Access(sitting))
        with TestClient(app, base_url="http://127.0.0.1", follow_redirects=False) as client:
            answer = client.get(f"/films/{'a' * 32}?x=1")
            assert answer.status_code == 303
            wanted = f"/login?next=%2Ffilms%2F{'a' * 32}%3Fx%3D1"
            assert answer.headers["location"] == wanted
            form = client.get(wanted)
            assert f'name="next" value="/films/{"a" * 32}?x=1"' in form.text
            assert client.post("/phantom").status_code == 401
            assert client.get(f"/films/{'a' * 32}/state").status_code == 401
    finally:
        service.close()


def test_the_login_never_leads_to_another_site(desk: Desk) -> None:
    for evil in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        text = desk.client.get("/login", params={"next": evil}).text
        assert 'name="next" value="/"' in text
        assert "evil" not in text


@pytest.mark.parametrize(
    ("problem", "words"),
    [("wrong", "name or the password"), ("wait", "Too many"), ("<b>", "")],
)
def test_the_login_says_what_went_wrong_in_its_own_words(
    desk: Desk, problem: str, words: str
) -> None:
    text = desk.client.get("/login", params={"problem": problem, "wait": "90"}).text
    assert words in text
    assert "<b>" not in text
    assert ('role="alert"' in text) == bool(words)


def test_a_phantom_is_drawn_and_taken_in_like_any_film(desk: Desk) -> None:
    sent = desk.client.post("/phantom", headers={"X-CSRF-Token": "csrf-ann"})
    assert sent.status_code == 201
    with desk.service.database.read() as connection:
        film = films.film_of(connection, sent.json()["film"])
    assert film.name.startswith("drawn phantom")
    assert film.format == "dicom"


def test_who_may_only_look_draws_no_phantom(desk: Desk) -> None:
    desk.sitting.who = reader_named("look", "exporter")
    assert desk.client.post("/phantom").status_code == 403
    assert "Try a phantom" not in desk.client.get("/").text


def test_the_theme_of_the_cookie_is_drawn_at_once(desk: Desk) -> None:
    for given, drawn in (("light", "light"), ("system", "system"), ('evil"', "dark")):
        text = desk.client.get("/help", headers={"Cookie": f"hilum_theme={given}"}).text
        assert f'data-theme="{drawn}"' in text


def test_printing_is_written_into_the_audit_trail(desk: Desk) -> None:
    desk.client.get(f"/films/{desk.film}/print")
    desk.sitting.who = reader_named("root", "admin")
    assert "print film" in desk.client.get("/audit").text


def test_an_answer_of_another_film_cannot_be_printed(desk: Desk) -> None:
    answer = desk.client.get(f"/films/{desk.film}/print", params={"answer": "0" * 32})
    assert answer.status_code == 404


def test_the_card_of_the_page_is_the_model_card_block_by_block() -> None:
    record = Bundle.load(default_bundle()).record
    blocks = card_blocks(record)
    titles = ["".join(span.text for span in b.lines[0][0]) for b in blocks if b.kind == "heading"]
    assert titles[:3] == ["Intended use", "What it is", "How a radiograph becomes input"]
    assert "Limits" in titles
    assert all(len({len(line) for line in b.lines}) == 1 for b in blocks if b.kind == "table")


def test_figures_are_those_of_films_that_chose_nothing() -> None:
    where, note, figures = measured_figures(Bundle.load(default_bundle()).record)
    assert where == "test"
    assert "neither trained on" in note
    assert figures[0].name == "auroc"
    assert all(each.low <= each.value <= each.high for each in figures)
