"""The Python client, against a real server and against a network that fails."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serve.running import Running

from hilum.serve.client import Client, ServerError, UnreachableError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "api-server.md"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, quick_bundle: Path) -> Iterator[Running]:
    data = tmp_path_factory.mktemp("client") / "data"
    with Running(data, bundle=str(quick_bundle), workers=1, waiting=3) as running:
        running.wait_ready()
        yield running


@pytest.fixture
def hilum(server: Running) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


@pytest.fixture
def film(tmp_path: Path, film_of: Callable[[float], bytes], request: Any) -> Path:
    path = tmp_path / "Thorax 山田.png"
    path.write_bytes(film_of(sum(map(ord, request.node.name))))
    (tmp_path / "film.png").write_bytes(path.read_bytes())
    return path


def test_a_file_is_sent_and_its_answer_comes_back(hilum: Client, film: Path) -> None:
    sent = hilum.send(film, wait=30)
    assert sent.new
    assert sent.job.state == "done"
    assert sent.answer is not None
    assert sent.answer.probabilities
    assert sent.answer.decision in sent.answer.probabilities
    seen = hilum.film(sent.film)
    assert seen.name == film.name
    assert seen.answers == [sent.answer]
    assert seen.received_at.tzinfo is not None


def test_bytes_are_as_good_as_a_file(hilum: Client, film: Path) -> None:
    assert hilum.send(film.read_bytes(), name="b.png").film == hilum.send(film).film


def test_the_worklist_is_read_page_by_page(hilum: Client, film: Path) -> None:
    sent = hilum.send(film, wait=30)
    newest = list(hilum.films(order="newest", most=1))
    assert [each.film for each in newest] == [sent.film]
    assert newest[0].state == "read"
    assert sent.film in {each.film for each in hilum.films(text="Thorax")}
    assert list(hilum.films(text="no such film")) == []


def test_an_opinion_is_said_and_comes_back_in_the_feedback(hilum: Client, film: Path) -> None:
    sent = hilum.send(film, wait=30)
    assert sent.answer is not None
    said = hilum.opinion(sent.film, "disagree", label="covid", answer=sent.answer.id)
    assert (said.verdict, said.label, said.place) == ("disagree", "covid", 1)
    assert any(line.endswith(sent.film) for line in hilum.feedback().splitlines())


def test_a_map_comes_as_a_picture(hilum: Client, film: Path) -> None:
    sent = hilum.send(film, wait=30)
    assert sent.answer is not None
    png = hilum.heatmap(sent.film, sent.answer.id, "covid")
    assert png.startswith(b"\x89PNG")


def test_a_refusal_says_what_the_server_said(hilum: Client) -> None:
    with pytest.raises(ServerError, match="Not a film .415.: Expected a PNG, JPEG") as caught:
        hilum.send(b"%PDF")
    assert caught.value.status == 415
    with pytest.raises(ServerError, match=r"422.*\n  query.order"):
        list(hilum.films(order="upside-down"))


def test_a_busy_server_is_asked_again_until_it_has_time(
    server: Running, film_of: Callable[[float], bytes]
) -> None:
    with Client(server.url, tries=50, sleep=lambda _: time.sleep(0.05)) as hilum:
        found = {hilum.send(film_of(5000 + number)).film for number in range(20)}
    assert len(found) == 20


# A network that fails


class Network(httpx.BaseTransport):
    """Answers as it is told, one after the other, and notes what was asked."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.asked = list(answers), list[httpx.Request]()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


SENT = {
    "film": "f" * 32, "job": {"id": "j", "state": "queued", "error": None}, "new": True,
    "answer": None, "notice": "Research use only", "something later": 1,
}  # fmt: skip


def _through(*answers: httpx.Response | Exception, **given: Any) -> tuple[Client, Network, list]:
    network, slept = Network(*answers), list[float]()
    client = Client("http://a", transport=network, sleep=slept.append, **given)
    return client, network, slept


def test_a_lost_reply_is_asked_for_again_with_the_same_key(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"film")
    lost = httpx.ReadError("connection reset")
    client, network, slept = _through(lost, httpx.ConnectError("refused"), _ok())
    assert client.send(tmp_path / "a.png").film == "f" * 32
    assert len({each.headers["idempotency-key"] for each in network.asked}) == 1
    assert [each.content for each in network.asked] == [b"film"] * 3
    assert len(slept) == 2
    assert 0 < slept[0] < slept[1] * 4


def _ok() -> httpx.Response:
    return httpx.Response(201, json=SENT)


@pytest.mark.parametrize("status", [408, 429, 503, 507])
def test_what_passes_is_tried_again_when_the_server_says(status: int) -> None:
    client, network, slept = _through(httpx.Response(status, headers={"Retry-After": "7"}), _ok())
    assert client.send(b"film", key="mine").new
    assert slept == [7.0]
    assert network.asked[1].headers["idempotency-key"] == "mine"


def test_a_server_that_wants_an_hour_gets_a_minute() -> None:
    client, _, slept = _through(httpx.Response(503, headers={"Retry-After": "3600"}), _ok())
    client.send(b"film")
    assert slept == [60.0]


def test_what_stays_wrong_is_not_tried_again() -> None:
    client, network, slept = _through(httpx.Response(413, text="<html>too large</html>"))
    with pytest.raises(ServerError, match="413.*<html>"):
        client.send(b"film")
    assert len(network.asked) == 1
    assert slept == []


def test_a_server_that_never_answers_is_given_up() -> None:
    client, network, _ = _through(*[httpx.ConnectError("refused")] * 3, tries=3)
    with pytest.raises(UnreachableError, match="got none in 3 tries: refused. Is the server"):
        client.film("f" * 32)
    assert len(network.asked) == 3


def test_a_server_that_never_has_time_is_given_up_with_its_reason() -> None:
    busy = {"title": "Too many films wait", "detail": "Come back.", "status": 429}
    client, _, _ = _through(*[httpx.Response(429, json=busy) for _ in range(2)], tries=2)
    with pytest.raises(ServerError, match="Too many films wait .429.: Come back"):
        client.send(b"film")


def test_an_opinion_is_not_given_twice() -> None:
    client, network, _ = _through(httpx.ReadError("reset"))
    with pytest.raises(UnreachableError, match="in 1 tries"):
        client.opinion("f" * 32, "agree")
    assert len(network.asked) == 1


@pytest.mark.parametrize(
    ("url", "tries", "said"), [("a:80", 5, "expected a URL"), ("http://a", 0, "at least 1")]
)
def test_a_client_that_cannot_be_is_refused(url: str, tries: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Client(url, tries=tries)


# The documentation


def _examples(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)


def test_the_examples_in_python_do_what_they_say(server: Running, film: Path) -> None:
    examples = _examples("python")
    assert examples
    code = "\n".join(examples).replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=film.parent,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "research use only" not in done.stderr
    assert done.stdout.strip()


def test_the_examples_for_the_shell_do_what_they_say(server: Running, film: Path) -> None:
    examples = _examples("sh")
    assert examples
    text = "set -eu\n" + "\n".join(examples).replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(
        ["bash", "-c", text], cwd=film.parent,
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert '"new":' in done.stdout
    assert "ready" in done.stdout
