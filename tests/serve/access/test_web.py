from __future__ import annotations

from typing import Annotated
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.testclient import TestClient

from hilum.serve.access.errors import AccessError
from hilum.serve.access.principal import Principal
from hilum.serve.access.tokens import create_token
from hilum.serve.access.users import disable_user
from hilum.serve.access.web import Access, HostGuard, PrincipalDep, asked_of, require, router

GOOD = "quiet river stone lamp"
SITE = "https://hilum.example"
HTML = {"accept": "text/html"}


def build(guard) -> FastAPI:
    app = FastAPI()
    app.state.access = Access(guard)
    app.add_middleware(HostGuard, allowed=guard.settings.allowed_hosts)
    app.include_router(router)

    @app.exception_handler(AccessError)
    def refused(_request: Request, error: AccessError) -> JSONResponse:
        return JSONResponse(error.problem(), error.status, error.headers)

    @app.get("/who")
    def who(principal: PrincipalDep) -> dict[str, str]:
        return {"name": principal.name, "csrf": principal.csrf}

    @app.get("/plain")
    def plain(request: Request) -> str:
        return request.app.state.access.principal(request).name

    @app.get("/audit")
    def audit(principal: Annotated[Principal, Depends(require("see_audit"))]) -> str:
        return principal.name

    @app.post("/films")
    async def films(
        request: Request, principal: Annotated[Principal, Depends(require("upload"))]
    ) -> dict[str, object]:
        size = sum([len(piece) async for piece in request.stream()])
        return {"by": principal.name, "bytes": size}

    return app


@pytest.fixture
def client(guard, person):
    person("anna")
    app = build(guard(public_url=SITE))
    with TestClient(app, base_url=SITE, follow_redirects=False) as made:
        made.headers["origin"] = SITE
        yield made


def log_in(client: TestClient, **more: str):
    return client.post("/login", data={"name": "Anna", "password": GOOD, **more})


def test_a_form_with_name_and_password_logs_in_and_goes_on(client) -> None:
    done = log_in(client, next="/films/7")
    assert (done.status_code, done.headers["location"]) == (303, "/films/7")
    assert client.get("/who").json()["name"] == "anna"
    assert client.get("/plain").json() == "anna"


def test_the_cookie_is_kept_from_scripts_other_sites_and_plain_http(client) -> None:
    cookie = log_in(client).headers["set-cookie"]
    name, *attributes = cookie.split("; ")
    assert name.startswith("__Host-hilum=")
    assert set(attributes) == {"HttpOnly", "Secure", "SameSite=lax", "Path=/"}


def test_no_answer_to_a_login_is_kept_in_a_cache(client) -> None:
    assert log_in(client).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("next_path", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_login_leads_to_no_other_site(client, next_path: str) -> None:
    assert log_in(client, next=next_path).headers["location"] == "/"
    form = {"name": "anna", "password": "hunter2 hunter2", "next": next_path}
    back = client.post("/login", data=form, headers=HTML).headers["location"]
    assert back == "/login?problem=wrong&next=%2F"


def test_a_wrong_password_leads_back_to_the_form_and_says_only_that(client) -> None:
    form = {"name": "anna", "password": "hunter2 hunter2", "next": "/films/7"}
    done = client.post("/login", data=form, headers=HTML)
    assert done.status_code == 303
    where = urlsplit(done.headers["location"])
    assert where.path == "/login"
    assert parse_qs(where.query) == {"problem": ["wrong"], "next": ["/films/7"]}
    assert "set-cookie" not in done.headers


def test_a_program_that_logs_in_wrongly_gets_the_refusal_itself(client) -> None:
    done = client.post("/login", data={"name": "anna", "password": "hunter2 hunter2"})
    assert done.status_code == 401
    assert done.headers["content-type"] == "application/problem+json"
    assert done.json()["title"] == "Not logged in"


def test_who_guesses_is_told_how_long_to_wait(client) -> None:
    form = {"name": "anna", "password": "hunter2 hunter2"}
    for _ in range(5):
        client.post("/login", data=form)
    done = client.post("/login", data=form)
    assert (done.status_code, done.headers["retry-after"]) == (429, "1")
    done = client.post("/login", data=form, headers=HTML)
    assert "problem=wait" in done.headers["location"]
    assert "wait=1" in done.headers["location"]


def test_a_login_form_of_another_site_is_refused(client) -> None:
    form = {"name": "anna", "password": GOOD}
    done = client.post("/login", data=form, headers={"origin": "https://evil.example"})
    assert done.status_code == 403
    assert "set-cookie" not in done.headers


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x" * 20_000, {"content-type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"content-type": "application/json"}, 415),
        (b"&".join(b"a=1" for _ in range(100)),
         {"content-type": "application/x-www-form-urlencoded"}, 422),
    ],
)  # fmt: skip
def test_a_login_that_is_no_small_form_is_refused(client, body, headers, status: int) -> None:
    assert client.post("/login", content=body, headers=headers).status_code == status


def test_a_login_of_unknown_length_is_refused_unread(client) -> None:
    def endless():
        yield b"name=anna&password="
        yield b"x" * 1000

    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/login", content=endless(), headers=headers).status_code == 415


def test_a_cookie_alone_changes_nothing(client) -> None:
    log_in(client)
    assert client.post("/films", content=b"film").status_code == 403
    csrf = client.get("/who").json()["csrf"]
    done = client.post("/films", content=b"film", headers={"X-CSRF-Token": csrf})
    assert done.json() == {"by": "anna", "bytes": 4}
    headers = {"X-CSRF-Token": csrf, "origin": "https://evil.example"}
    assert client.post("/films", content=b"film", headers=headers).status_code == 403


def test_a_small_form_may_hold_the_csrf_token_and_is_there_to_read_again(client) -> None:
    log_in(client)
    csrf = client.get("/who").json()["csrf"]
    done = client.post("/films", data={"csrf": csrf, "comment": "good"})
    assert done.status_code == 200
    assert done.json()["bytes"] == len(f"csrf={csrf}&comment=good")


def test_a_refused_upload_is_not_read(client) -> None:
    import anyio

    sent, cookie = [], f"__Host-hilum={log_in(client).cookies['__Host-hilum']}"

    async def receive():
        raise AssertionError("the body was read")

    async def send(message) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/films", "raw_path": b"/films", "root_path": "",
        "query_string": b"", "client": ("10.0.0.5", 5), "server": ("hilum.example", 443),
        "scheme": "https", "http_version": "1.1",
        "headers": [(b"host", b"hilum.example"), (b"cookie", cookie.encode()),
                    (b"content-type", b"application/dicom"), (b"content-length", b"9999999999")],
    }  # fmt: skip
    anyio.run(client.app, scope, receive, send)
    assert sent[0]["status"] == 403


def test_nobody_gets_401_and_who_may_not_gets_403(client) -> None:
    done = client.get("/audit")
    assert (done.status_code, done.json()["status"]) == (401, 401)
    assert done.headers["www-authenticate"].startswith("Bearer")
    log_in(client)
    done = client.get("/audit")
    assert done.status_code == 403
    assert "may not see the audit trail" in done.json()["detail"]


def test_a_disabled_user_s_next_request_is_refused(client, database, act) -> None:
    log_in(client)
    with database.write() as connection:
        disable_user(connection, act(), "anna")
    assert client.get("/who").status_code == 401


def test_logging_out_takes_the_cookie_away_and_ends_the_session(client) -> None:
    log_in(client)
    stolen = dict(client.cookies)
    csrf = client.get("/who").json()["csrf"]
    assert client.post("/logout", data={"csrf": "x"}).status_code == 403
    done = client.post("/logout", data={"csrf": csrf})
    assert (done.status_code, done.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in done.headers["set-cookie"]
    assert not client.cookies
    client.cookies.update(stolen)
    assert client.get("/who").status_code == 401


def test_logging_out_works_without_a_form_too(client) -> None:
    log_in(client)
    csrf = client.get("/who").json()["csrf"]
    assert client.post("/logout", headers={"X-CSRF-Token": csrf}).status_code == 303
    assert client.post("/logout").status_code == 303


def test_a_program_sends_a_film_with_its_token_alone(client, database, act) -> None:
    with database.write() as connection:
        value, _ = create_token(connection, act(), name="ris", role="program", days=1)
    headers = {"authorization": f"Bearer {value}", "origin": ""}
    done = client.post("/films", content=b"film", headers=headers)
    assert done.json() == {"by": "token:ris", "bytes": 4}
    assert client.get("/audit", headers=headers).status_code == 403


def test_uploads_are_limited_for_themselves(client, database, act) -> None:
    from hilum.serve.access.limits import RATES, Limiter, Rate

    rates = {**RATES, "upload": Rate(a_second=0.01, burst=2)}
    client.app.state.access.guard._limiter = Limiter(rates)
    with database.write() as connection:
        value, _ = create_token(connection, act(), name="ris", role="program", days=1)
    headers = {"authorization": f"Bearer {value}"}
    statuses = [client.post("/films", content=b"x", headers=headers).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert client.get("/who", headers=headers).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "[", ""])
def test_a_host_name_made_to_point_here_is_not_answered(guard, host: str) -> None:
    app = build(guard(login_required=False))
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 5)) as local:
        assert local.get("/who").json()["name"] == "local"
        done = local.get("/who", headers={"host": host})
        assert done.status_code == 421
        assert done.headers["content-type"] == "application/problem+json"


def test_without_a_login_a_foreign_page_sends_nothing_to_this_machine(guard) -> None:
    app = build(guard(login_required=False))
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("127.0.0.1", 5)) as local:
        foreign = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert local.post("/films", content=b"x", headers=foreign).status_code == 403
        own = {"origin": "http://127.0.0.1:8000", "sec-fetch-site": "same-origin"}
        assert local.post("/films", content=b"x", headers=own).status_code == 200


def test_without_a_login_another_machine_is_nobody(guard) -> None:
    app = build(guard(login_required=False))
    with TestClient(app, base_url="http://127.0.0.1:8000", client=("10.0.0.9", 5)) as other:
        assert other.get("/who").status_code == 401


def test_the_door_of_openapi_names_the_token(client) -> None:
    schema = client.get("/openapi.json").json()
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert schema["paths"]["/films"]["post"]["security"] == [{"token": []}]


def test_asked_of_reads_no_body_but_a_small_form_s() -> None:
    import anyio

    async def never():
        raise AssertionError("the body was read")

    scope = {
        "type": "http", "method": "POST", "path": "/", "query_string": b"", "client": None,
        "headers": [(b"content-type", b"application/dicom"), (b"content-length", b"4")],
    }  # fmt: skip
    asked = anyio.run(asked_of, Request(scope, never))
    assert (asked.csrf, asked.address) == (None, "")


@pytest.fixture
def browser(guard, oidc):
    app = build(guard(oidc=oidc(), public_url=SITE))
    with TestClient(app, base_url=SITE, follow_redirects=False) as made:
        yield made


def test_a_browser_logs_in_at_the_provider_and_comes_back(browser, provider) -> None:
    sent = browser.get("/login/oidc?next=/films/7")
    assert sent.headers["location"].startswith(f"{provider.url}/authorize?")
    assert "__Host-hilum_oidc=" in sent.headers["set-cookie"]
    query = provider.authorize(sent.headers["location"])
    done = browser.get("/login/oidc/callback", params=query)
    assert (done.status_code, done.headers["location"]) == (303, "/films/7")
    assert browser.get("/who").json()["name"] == "bea"
    assert "__Host-hilum_oidc" not in browser.cookies
    again = browser.get("/login/oidc/callback", params=query, headers=HTML)
    assert "problem=oidc" in again.headers["location"]


def test_an_answer_that_another_browser_asked_for_logs_nobody_in(browser, provider) -> None:
    sent = browser.get("/login/oidc")
    query = provider.authorize(sent.headers["location"])
    browser.cookies.clear()
    done = browser.get("/login/oidc/callback", params=query)
    assert done.status_code == 401
    assert browser.get("/who").status_code == 401


def test_a_provider_that_is_not_there_leads_back_to_the_form(browser, provider) -> None:
    provider.answer = b"<html>"
    done = browser.get("/login/oidc", headers=HTML)
    assert "problem=oidc" in done.headers["location"]
    assert browser.get("/login/oidc").status_code == 401
