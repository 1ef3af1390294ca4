"""TLS: the server's own, and that of a real nginx before it, set up as docs/server.md says."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from tests.serve.page.room import dicom_phantom, open_browser
from tests.serve.provider import Provider, running_provider
from tests.serve.running import Running, free_port
from tests.serve.tls import self_signed

from hilum.serve.access.passwords import Passwords
from hilum.serve.access.trail import Act
from hilum.serve.access.users import add_user
from hilum.serve.clock import utc_now
from hilum.serve.place import opened_database
from hilum.serve.storage import audit

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "server.md"
PASSWORD = "seven pale kidneys in a tree"


def _configured(folder: Path, port: int, behind: int) -> str:
    """Return the server block of the guide with this machine's ports and files."""
    block = GUIDE.read_text(encoding="utf-8").split("```nginx\n")[1].split("```")[0]
    for told, here in (
        ("listen 443 ssl", f"listen 127.0.0.1:{port} ssl"),
        ("hilum.hospital.example", "localhost"),
        ("/etc/hilum/", f"{folder}/"),
        ("127.0.0.1:8000", f"127.0.0.1:{behind}"),
    ):
        assert told in block
        block = block.replace(told, here)
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"pid {folder}/nginx.pid; error_log {folder}/error.log; events {{}}\n"
        f"http {{ access_log off;\n{temporary}{block}}}\n"
    )


@contextmanager
def _nginx(folder: Path, port: int, behind: int) -> Iterator[None]:
    program = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if program is None:
        pytest.skip("nginx is not installed")
    (folder / "nginx.conf").write_text(_configured(folder, port, behind))
    with subprocess.Popen(
        [program, "-p", folder, "-c", folder / "nginx.conf", "-g", "daemon off;"],
        stderr=subprocess.DEVNULL,
    ) as process:
        end = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, (folder / "error.log").read_text()
                assert time.monotonic() < end
                time.sleep(0.05)
        try:
            yield
        finally:
            process.terminate()
            process.wait(10)


@dataclass
class Site:
    """A server behind a proxy.

    Args:
        url: What people type.
        certificate: The proxy's.
        provider: Where people log in who have no password here.
    """

    url: str
    certificate: Path
    provider: Provider


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("proxy")
    certificate, _ = self_signed(folder)
    data, port, behind = folder / "data", free_port(), free_port()
    act = Act(actor="local", now=utc_now(), record=audit.record)
    with opened_database(data) as database, database.write() as connection:
        hashed = Passwords().hashed(PASSWORD)
        add_user(connection, act, name="ada", role="admin", password_hash=hashed)
    url = f"https://localhost:{port}"
    with running_provider() as provider, pytest.MonkeyPatch.context() as environment:
        told = {
            "issuer": provider.url, "client_id": "hilum", "role_claim": "roles",
            "redirect_url": f"{url}/login/oidc/callback", "roles": {"radiologist": "reader"},
        }  # fmt: skip
        (folder / "provider.json").write_text(json.dumps(told))
        environment.setenv("HILUM_OIDC_SECRET", str(provider.secret))
        given = ("--public-url", url, "--oidc", folder / "provider.json", "--port", behind)
        with Running(data, *given), _nginx(folder, port, behind):
            yield Site(url, certificate, provider)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as started:
        yield started


@pytest.fixture
def visit(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(ignore_https_errors=True)
    yield context
    context.close()


def test_a_reader_logs_in_through_the_proxy_reads_a_film_and_logs_out(
    site: Site, visit: BrowserContext, tmp_path: Path
) -> None:
    faults: list[str] = []
    page = visit.new_page()
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda r: r.url.startswith((site.url, "blob:")) or faults.append(r.url))
    page.goto(site.url)
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator(".who")).to_have_text("ada")
    kept = {each["name"]: each for each in visit.cookies()}
    assert kept["__Host-hilum"]["secure"]
    assert kept["__Host-hilum"]["httpOnly"]
    film = tmp_path / "film.dcm"
    film.write_bytes(dicom_phantom(tmp_path, size=2048))
    page.locator("input[type=file]").first.set_input_files(film)
    row = page.locator("#films tbody tr")
    expect(row).to_have_count(1, timeout=20_000)
    expect(row.locator(".state")).not_to_have_text("waiting", timeout=20_000)
    row.get_by_role("link").click()
    expect(page.locator(".decision")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    page.wait_for_url("**/login**")
    assert "__Host-hilum" not in {each["name"] for each in visit.cookies()}
    assert faults == []


def test_a_reader_logs_in_with_the_hospital_s_account(site: Site, visit: BrowserContext) -> None:
    site.provider.changes = {"roles": ["radiologist"]}
    page = visit.new_page()
    page.goto(f"{site.url}/limits")
    page.get_by_role("link", name="Log in with your hospital's account").click()
    page.wait_for_url("**/limits")
    expect(page.locator(".who")).to_have_text("Bea")
    kept = {each["name"] for each in visit.cookies(site.url)}
    assert "__Host-hilum" in kept
    assert "__Host-hilum_oidc" not in kept


def test_a_hospital_s_account_without_a_role_is_told_so(site: Site, visit: BrowserContext) -> None:
    site.provider.changes = {"roles": ["porter"], "sub": "4712", "preferred_username": "Cem"}
    page = visit.new_page()
    page.goto(f"{site.url}/login")
    page.get_by_role("link", name="Log in with your hospital's account").click()
    page.wait_for_url("**/login?problem=oidc**")
    expect(page.get_by_role("alert")).to_contain_text("Ask an administrator")
    assert "__Host-hilum" not in {each["name"] for each in visit.cookies(site.url)}


def test_browsers_are_told_to_come_by_tls_only_and_strangers_names_are_refused(site: Site) -> None:
    trusted = ssl.create_default_context(cafile=site.certificate)
    with httpx.Client(base_url=site.url, verify=trusted, trust_env=False) as client:
        assert "max-age" in client.get("/login").headers["strict-transport-security"]
        refused = client.get("/login", headers={"Host": "evil.example"})
    assert refused.status_code == 421


def test_who_asks_is_who_asked_the_proxy(site: Site) -> None:
    trusted = ssl.create_default_context(cafile=site.certificate)
    with httpx.Client(base_url=site.url, verify=trusted, trust_env=False) as client:
        answer = client.get("/api/v1/films", headers={"X-Forwarded-For": "127.0.0.1"})
    assert answer.status_code == 401


def test_the_server_speaks_tls_itself(tmp_path: Path) -> None:
    certificate, key = self_signed(tmp_path)
    given = ("--certificate", certificate, "--key", key)
    with Running(tmp_path / "data", *given, "--workers", 1) as server:
        assert server.url.startswith("https://")
        trusted = ssl.create_default_context(cafile=certificate)
        url = f"https://localhost:{server.port}"
        with httpx.Client(base_url=url, verify=trusted, trust_env=False) as client:
            answer = client.get("/")
        with pytest.raises(httpx.HTTPError, match="disconnected|reset|Server"):
            httpx.get(url.replace("https", "http"), trust_env=False)
    assert answer.status_code == 200
    assert "max-age" in answer.headers["strict-transport-security"]
