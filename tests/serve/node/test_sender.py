"""The outbox: everything is sent, or said why not."""

from __future__ import annotations

import http.server
import threading
from datetime import UTC, datetime, timedelta

import pytest

pynetdicom = pytest.importorskip("pynetdicom")

from pynetdicom import AE, evt  # noqa: E402 - after the check that it is there

from hilum.serve.node.sender import Sender, backoff_s  # noqa: E402
from hilum.serve.node.settings import Destination, NodeSettings, WebDestination  # noqa: E402

# pynetdicom forgets to close the socket of a connection that was refused.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")

DX = "1.2.840.10008.5.1.4.1.1.1.1"
SC = "1.2.840.10008.5.1.4.1.1.7"


class Pacs:
    """A PACS that answers with a given status."""

    def __init__(self, status=0x0000) -> None:
        self.status, self.objects, self.associations = status, [], 0
        entity = AE("PACS")
        entity.add_supported_context(DX)
        entity.add_supported_context(SC)
        handlers = [(evt.EVT_C_STORE, self._store), (evt.EVT_ESTABLISHED, self._count)]
        self._server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
        self.port = self._server.server_address[1]

    def _store(self, event):
        self.objects.append(event.request.AffectedSOPInstanceUID)
        return self.status

    def _count(self, event):
        self.associations += 1

    def stop(self):
        self._server.shutdown()


@pytest.fixture
def pacs():
    server = Pacs()
    yield server
    server.stop()


class Web:
    """A DICOMweb server that keeps requests and gives a prepared answer."""

    def __init__(self) -> None:
        self.status, self.answer, self.requests = 200, b"{}", []
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.requests.append((self.path, dict(self.headers), body))
                self.send_response(web.status)
                if web.status == 302:
                    self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()
                self.wfile.write(web.answer)

            def log_message(self, *args):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/dicom-web/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def web():
    server = Web()
    yield server
    server.stop()


@pytest.fixture
def films(tmp_path, make_film):
    paths = []
    for number, sop_class in enumerate((DX, SC, DX)):
        path = tmp_path / f"{number}.dcm"
        make_film(f"1.2.{number}", sop_class=sop_class, side=16).save_as(
            path, enforce_file_format=True
        )
        paths.append(path)
    return paths


def sender(tmp_path, store, destination, **settings):
    given = {"acse_timeout_s": 2.0, "network_timeout_s": 5.0, **settings}
    known = NodeSettings(
        arrivals=tmp_path, any_caller=True, destinations={"pacs": destination}, **given
    )
    return Sender(known, store, chance=lambda: 0.5)


def dimse(port):
    return Destination(title="PACS", host="127.0.0.1", port=port)


def test_a_delivery_goes_out_in_one_association(tmp_path, store, pacs, films) -> None:
    store.queue("d", "pacs", films)
    assert sender(tmp_path, store, dimse(pacs.port)).send_due() == 1
    assert store.states["d"] == "sent"
    assert (pacs.objects, pacs.associations) == (["1.2.0", "1.2.1", "1.2.2"], 1)


def test_a_pacs_that_is_away_is_tried_again_later_and_gets_everything(
    tmp_path, store, films
) -> None:
    server = Pacs()
    out = sender(tmp_path, store, dimse(server.port), retry_first_s=10)
    server.stop()
    store.queue("d", "pacs", films)
    now = datetime.now(UTC)
    out.send_due(now)
    assert "cannot be reached" in store.states["d"]
    assert store.next_tries["d"] - now == timedelta(seconds=7.5)
    assert out.send_due(now + timedelta(seconds=7)) == 0
    again = Pacs()
    try:
        later = sender(tmp_path, store, dimse(again.port))
        later.send_due(now + timedelta(seconds=8))
    finally:
        again.stop()
    assert store.states["d"] == "sent"
    assert len(again.objects) == 3


def test_a_pacs_without_room_is_tried_again(tmp_path, store, pacs, films) -> None:
    pacs.status = 0xA700
    store.queue("d", "pacs", films)
    sender(tmp_path, store, dimse(pacs.port)).send_due()
    assert store.states["d"].startswith("failed: PACS answered A700")
    assert store.attempts["d"] == 1


def test_a_pacs_that_cannot_understand_is_not_asked_again(tmp_path, store, pacs, films) -> None:
    pacs.status = 0xC000
    store.queue("d", "pacs", films)
    sender(tmp_path, store, dimse(pacs.port)).send_due()
    assert store.states["d"].startswith("dead: PACS answered C000")


def test_warnings_count_as_taken(tmp_path, store, pacs, films) -> None:
    pacs.status = 0xB000
    store.queue("d", "pacs", films)
    sender(tmp_path, store, dimse(pacs.port)).send_due()
    assert store.states["d"] == "sent"


def test_what_is_too_old_is_given_up(tmp_path, store, films) -> None:
    store.queue("d", "pacs", films)
    out = sender(tmp_path, store, dimse(1), retry_age_s=3600)
    out.send_due(datetime.now(UTC) + timedelta(hours=2))
    assert store.states["d"].startswith("dead: given up after 2 h")


def test_a_clock_set_back_gives_nothing_up(tmp_path, store, films) -> None:
    store.queue("d", "pacs", films)
    past = datetime.now(UTC) - timedelta(days=400)
    store.next_tries["d"] = past
    sender(tmp_path, store, dimse(1), retry_age_s=60).send_due(past)
    assert store.states["d"].startswith("failed: ")


def test_files_that_are_gone_and_destinations_that_are_gone_are_dead_letters(
    tmp_path, store, pacs, films
) -> None:
    store.queue("a", "pacs", [tmp_path / "gone.dcm"])
    store.queue("b", "elsewhere", films)
    sender(tmp_path, store, dimse(pacs.port)).send_due()
    assert store.states["a"].startswith("dead: its files are gone")
    assert store.states["b"].startswith("dead: no destination is called 'elsewhere'")


def test_stow_sends_every_file_as_it_is(tmp_path, store, web, films) -> None:
    store.queue("d", "pacs", films)
    destination = WebDestination(url=web.url, user="alice", password="pw")
    sender(tmp_path, store, destination).send_due()
    path, headers, body = web.requests[0]
    assert store.states["d"] == "sent"
    assert path == "/dicom-web/studies"
    assert headers["Authorization"] == "Basic YWxpY2U6cHc="
    assert headers["Content-Type"].startswith('multipart/related; type="application/dicom"')
    assert all(film.read_bytes() in body for film in films)


@pytest.mark.parametrize(
    ("status", "answer", "state"),
    [(400, b"", "dead"), (415, b"", "dead"), (503, b"", "failed"), (401, b"", "failed"),
     (302, b"", "failed"),
     (202, b'{"00081198":{"Value":[{"00081197":{"Value":[49152]}}]}}', "dead"),
     (202, b'{"00081198":{"Value":[{"00081197":{"Value":[42752]}}]}}', "failed"),
     (409, b"[[[[", "dead")],
)  # fmt: skip
def test_what_a_web_server_answers_decides(
    tmp_path, store, *, web, films, status, answer, state
) -> None:
    web.status, web.answer = status, answer
    store.queue("d", "pacs", films)
    sender(tmp_path, store, WebDestination(url=web.url, token="t")).send_due()
    assert store.states["d"].startswith(f"{state}: {web.url} answered {status}")
    assert len(web.requests) == 1


def test_waits_double_up_to_a_ceiling_with_chance_in_their_second_half() -> None:
    least = [backoff_s(n, first_s=10, most_s=100, share=0.0) for n in range(1, 7)]
    most = [backoff_s(n, first_s=10, most_s=100, share=0.999) for n in range(1, 7)]
    assert least == [5, 10, 20, 40, 50, 50]
    assert all(low < high < 2 * low for low, high in zip(least, most, strict=True))
    assert backoff_s(10**6, first_s=10, most_s=100, share=0.0) == 50


def test_the_loop_sends_when_woken_and_stops(tmp_path, store, *, pacs, films, wait_until) -> None:
    out = sender(tmp_path, store, dimse(pacs.port))
    out.start(pause_s=60)
    store.queue("d", "pacs", films)
    out.wake()
    assert wait_until(lambda: store.states["d"] == "sent")
    out.stop()
    store.queue("e", "pacs", films)
    out.wake()
    assert store.states["e"] == "waiting"
