"""A reading room for tests: a server, phantoms, and a browser that notices what goes wrong."""

from __future__ import annotations

import json
import shutil
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import uvicorn
from tests.serve.running import free_port

from hilum.data.phantom import Film, Subject, draw_phantom
from hilum.data.phantom.dicom import write_dicom
from hilum.serve.access.guard import AccessSettings, Asked, Guard
from hilum.serve.access.principal import Principal
from hilum.serve.access.web import Access
from hilum.serve.app import build_app
from hilum.serve.service import Service
from hilum.serve.settings import ServeSettings
from hilum.serve.storage import audit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

__all__ = [
    "CLASSES",
    "Room",
    "Sitting",
    "dicom_phantom",
    "open_browser",
    "open_room",
    "reader_named",
    "watched",
]

CLASSES = ("normal", "abnormal")


def reader_named(name: str, role: str = "reader") -> Principal:
    """Return someone who logged in."""
    return Principal(
        kind="user", name=name, shown_name=name, role=role, id=name, csrf=f"csrf-{name}"
    )


class Sitting(Guard):
    """The guard, but for a test that says who sits there."""

    who: Principal | None = None

    def at_once(self, asked: Asked) -> Principal | None:
        """Say who asks, if that is known already."""
        return self.who or super().at_once(asked)

    def identify(self, asked: Asked) -> Principal:
        """Say who asks."""
        return self.who or super().identify(asked)


@dataclass
class Room:
    """A server that runs.

    Args:
        url: Where.
        service: What it stands on.
        sitting: Who sits there.
    """

    url: str
    service: Service
    sitting: Sitting

    def send(self, film: bytes, name: str, *, wait: int = 30) -> str:
        """Send a film as the page would; return its id once it is read."""
        query = urllib.parse.urlencode({"wait": wait, "name": name})
        asked = urllib.request.Request(
            f"{self.url}/api/v1/films?{query}", data=film, headers={"X-CSRF-Token": ""}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            found: str = json.loads(answer.read())["film"]
        return found

    def get(self, path: str) -> Any:
        """Return what the interface says."""
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return json.loads(answer.read())


@contextmanager
def open_room(data: Path) -> Iterator[Room]:
    """Run a server on a free port of this machine."""
    service = Service(ServeSettings(data=data, workers=1))
    settings = AccessSettings(login_required=False)
    sitting = Sitting(service.database, settings, record=audit.record)
    port = free_port()
    config = uvicorn.Config(
        build_app(service, Access(sitting)), port=port, log_level="warning", access_log=False,
        ws="none",
    )  # fmt: skip
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    try:
        yield Room(f"http://127.0.0.1:{port}", service, sitting)
    finally:
        server.should_exit = True
        thread.join(20)
        service.close()


def dicom_phantom(
    folder: Path, number: int = 1, *, subject: int = 6, size: int = 512, **tags: str
) -> bytes:
    """Return a phantom as a DICOM file of hospital-a, whose films the gate mostly takes.

    Args:
        folder: Where it may be written.
        number: Counts the films of one subject.
        subject: Seeds the subject.
        size: Shorter side in pixels.
        tags: Keywords of the header to set, `PatientName` and the like.
    """
    from pydicom import dcmread

    film = Film(
        patient_id=f"phantom-{subject:04d}", number=number, subject=(subject, 0),
        exposure=(subject, number), label="consolidation", hospital="hospital-a", split="test",
        severity=0.8,
    )  # fmt: skip
    drawn = draw_phantom(
        np.random.default_rng(film.exposure), label=film.label, hospital=film.hospital, size=size,
        subject=Subject.draw(np.random.default_rng(film.subject)), severity=film.severity,
        view="PA",
    )  # fmt: skip
    path = folder / f"phantom-{subject}-{number}.dcm"
    write_dicom(path, film, drawn)
    dataset = dcmread(path)
    for keyword, value in tags.items():
        setattr(dataset, keyword, value)
    dataset.save_as(path, enforce_file_format=True)
    return path.read_bytes()


@contextmanager
def open_browser() -> Iterator[Browser]:
    """Start the system's chromium; skip without it, or without playwright."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    chromium = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "chrome"))), None
    )
    if chromium is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--disable-background-networking",
            ],
        )
        yield browser
        browser.close()


def watched(context: BrowserContext, room: Room, faults: list[str]) -> Page:
    """Return a page that notes what it complains of, and requests that leave the server."""
    page = context.new_page()

    def on_request(request: Any) -> None:
        if not request.url.startswith((room.url, "data:", "blob:")):
            faults.append(f"left the server: {request.url}")

    page.on("request", on_request)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))

    def on_console(said: Any) -> None:
        if said.type in {"error", "warning"} and "willReadFrequently" not in said.text:
            faults.append(f"console: {said.text}")  # what tests read back from canvases is theirs

    page.on("console", on_console)
    return page
