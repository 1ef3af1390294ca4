"""Sending films, seeing them, striking out, over HTTP to a real server."""

from __future__ import annotations

import hashlib
import io
import threading
import time
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from tests.serve.running import Running

API = "/api/v1/films"


def test_a_film_is_kept_read_and_found_again(client: httpx.Client, film: bytes) -> None:
    reply = client.post(f"{API}?wait=30&name=a.png", content=film)
    said = reply.json()
    assert reply.status_code == 201
    assert said["new"]
    assert said["job"]["state"] == "done"
    assert reply.headers["location"] == f"{API}/{said['film']}"
    assert sum(said["answer"]["probabilities"].values()) == pytest.approx(1)
    seen = client.get(reply.headers["location"]).json()
    assert seen["sha256"] == hashlib.sha256(film).hexdigest()
    assert seen["format"] == "png"
    assert seen["answers"] == [said["answer"]]
    assert seen["notice"] == "Research use only"


def test_without_waiting_a_film_is_acknowledged_and_read_later(
    client: httpx.Client, film: bytes
) -> None:
    said = client.post(API, content=film).json()
    assert said["job"]["state"] == "queued"
    assert said["answer"] is None
    end = time.monotonic() + 30
    while client.get(f"{API}/{said['film']}").json()["jobs"][0]["state"] == "queued":
        assert time.monotonic() < end
        time.sleep(0.05)


def test_the_same_film_twice_is_one_film_with_one_answer(client: httpx.Client, film: bytes) -> None:
    first = client.post(f"{API}?wait=30", content=film)
    second = client.post(f"{API}?wait=30", content=film)
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.json()["film"] == first.json()["film"]
    assert not second.json()["new"]
    assert second.json()["answer"] == first.json()["answer"]


def test_two_uploads_of_one_film_at_the_same_moment_are_one_film(
    server: Running, film: bytes
) -> None:
    found: list[dict[str, Any]] = []

    def send() -> None:
        with server.client() as client:
            found.append(client.post(f"{API}?wait=30", content=film).json())

    threads = [threading.Thread(target=send) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 6
    assert len({each["film"] for each in found}) == 1
    assert sum(each["new"] for each in found) == 1
    assert len({each["answer"]["id"] for each in found}) == 1


def test_a_form_with_one_file_is_as_good_as_a_body(client: httpx.Client, film: bytes) -> None:
    name = "Thorax Köhler 山田.png"
    said = client.post(f"{API}?wait=30", files={"file": (name, film, "image/png")}).json()
    seen = client.get(f"{API}/{said['film']}").json()
    assert seen["name"] == name
    assert seen["sha256"] == hashlib.sha256(film).hexdigest()


def test_a_form_with_fields_beside_the_file_takes_the_file(
    client: httpx.Client, film: bytes
) -> None:
    reply = client.post(API, files={"file": ("a.png", film)}, data={"note": "x" * 5000})
    assert reply.status_code == 201


@pytest.mark.parametrize("count", [0, 2])
def test_a_form_without_exactly_one_file_is_refused(
    client: httpx.Client, film: bytes, count: int
) -> None:
    files = [("file", (f"{n}.png", film)) for n in range(count)] or [("note", (None, b"x"))]
    reply = client.post(API, files=files)
    assert reply.status_code == 422
    assert f"one file, got {count}" in reply.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=" + "b" * 300, b"x", 400),
        ("multipart/form-data; boundary=b", b"no boundary here", 400),
        ("multipart/form-data; boundary=b", b"--b\r\nA: " + b"x" * 20_000 + b"\r\n\r\n", 400),
        ("multipart/form-data; boundary=b", b"--b\r\n" + b"A: b\r\n" * 9000 + b"\r\n", 400),
    ],
)
def test_a_damaged_form_is_refused(
    client: httpx.Client, kind: str, body: bytes, status: int
) -> None:
    reply = client.post(API, content=body, headers={"content-type": kind})
    assert reply.status_code == status
    assert reply.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"", "empty file"), (b"<svg onload=alert(1)>", "PNG, JPEG"), (b"%PDF-1.7", "PDF"),
     (b"PK\x03\x04" + bytes(500), "ZIP"), (b"\x80\x04\x95pickle" + bytes(200), "something else")],
)  # fmt: skip
def test_what_is_no_film_is_refused_and_not_kept(
    client: httpx.Client, server: Running, body: bytes, said: str
) -> None:
    reply = client.post(API, content=body)
    assert reply.status_code == 415
    assert said in reply.json()["detail"]
    assert not list((server.data / "incoming").glob("*/*"))


def test_a_film_that_cannot_be_decoded_fails_with_the_reason(client: httpx.Client) -> None:
    body = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
    said = client.post(f"{API}?wait=30", content=body).json()
    assert said["job"]["state"] == "failed"
    assert said["answer"] is None
    assert said["job"]["error"]
    assert "/" not in said["job"]["error"]


def test_a_picture_that_is_no_chest_is_refused_by_the_gate_with_reasons(
    client: httpx.Client,
) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(stream, "PNG")
    answer = client.post(f"{API}?wait=30", content=stream.getvalue()).json()["answer"]
    assert not answer["accepted"]
    assert answer["reasons"]
    assert answer["probabilities"] is None
    assert answer["decision"] is None


# Keys


def test_the_same_key_again_gives_the_same_film(client: httpx.Client, film: bytes) -> None:
    headers = {"Idempotency-Key": hashlib.sha256(film).hexdigest()}
    first = client.post(API, content=film, headers=headers).json()
    second = client.post(API, content=film, headers=headers).json()
    assert first["film"] == second["film"]


def test_a_key_that_was_used_for_another_film_is_a_conflict(
    client: httpx.Client, film: bytes, film_of: Callable[[float], bytes]
) -> None:
    headers = {"Idempotency-Key": hashlib.sha256(film).hexdigest()}
    client.post(API, content=film, headers=headers)
    reply = client.post(API, content=film_of(-0.5), headers=headers)
    assert reply.status_code == 409
    assert "Use a new key" in reply.json()["detail"]


@pytest.mark.parametrize("key", ["", "k" * 129])
def test_a_key_of_no_or_too_many_characters_is_refused(
    client: httpx.Client, film: bytes, key: str
) -> None:
    reply = client.post(API, content=film, headers={"Idempotency-Key": key})
    assert reply.status_code == 422
    assert "idempotency-key" in reply.json()["problems"][0]


# Bounds


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "x" * 200])
def test_a_compressed_body_is_refused(client: httpx.Client, encoding: str) -> None:
    reply = client.post(API, content=b"\x1f\x8b", headers={"content-encoding": encoding})
    assert reply.status_code == 415
    assert reply.json()["title"] == "Compressed"


def test_a_film_that_says_it_is_too_large_is_refused_before_it_comes(server: Running) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", server.port), 5) as plain:
        plain.sendall(
            f"POST {API} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n".encode()
        )
        assert b" 413 " in plain.recv(4096).split(b"\r\n")[0]


def test_a_film_that_turns_out_too_large_is_refused_and_not_kept(
    client: httpx.Client, server: Running
) -> None:
    def body() -> Any:
        for _ in range(80):
            yield bytes(100_000)

    reply = client.post(API, content=body())
    assert reply.status_code == 413
    assert "at most 4,000,000 bytes" in reply.json()["detail"]
    assert not list((server.data / "incoming").glob("*/*"))


def test_a_json_body_that_is_too_large_is_refused(
    client: httpx.Client, sent: dict[str, Any]
) -> None:
    url = f"{API}/{sent['film']}/opinions"
    reply = client.post(url, content=b'{"verdict":"agree","comment":"' + b"x" * 300_000 + b'"}')
    assert reply.status_code == 413
    reply = client.post(url, content=iter([b'{"comment":"', *[b"x" * 60_000] * 8]))
    assert reply.status_code == 413
    assert reply.json()["title"] == "Too large"


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b"9" * 100_000, b'{"verdict":"agree","label":NaN}', b"\xff\xfe", b"null",
     b'{"verdict":"agree","verdict":["a"]}', b'{"a":' * 20_000, b'"\\ud800"'],
)  # fmt: skip
def test_json_that_is_made_to_hurt_is_refused(
    client: httpx.Client, sent: dict[str, Any], body: bytes
) -> None:
    headers = {"content-type": "application/json"}
    url = f"{API}/{sent['film']}/opinions"
    reply = client.post(url, content=body, headers=headers)
    assert reply.status_code in {400, 422}
    assert reply.headers["content-type"] == "application/problem+json"


# Names


NAMES = {
    "../../etc/passwd": "passwd",
    "..\\..\\windows\\system32\\cmd.exe": "cmd.exe",
    "%2e%2e%2fetc%2fpasswd": "passwd",
    "a\x00b.png": "ab.png",
    "CON": "CON",
    "\u202egnp.exe": "gnp.exe",
    "x" * 900: "x" * 255,
    "<img src=x onerror=alert(1)>.png": "<img src=x onerror=alert(1)>.png",
    "=HYPERLINK(1).png": "=HYPERLINK(1).png",
    "two\nlines\r\nSet-Cookie: a=b": "twolinesSet-Cookie: a=b",
    "胸部 صدر.png": "胸部 صدر.png",
}


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_name_is_one_line_of_text_and_never_a_path(
    client: httpx.Client, server: Running, film: bytes, name: str
) -> None:
    before = {path for path in server.data.parent.rglob("*") if "films" not in path.parts}
    sent = client.post(API, params={"name": name, "wait": 30}, content=film).json()
    reply = client.get(f"{API}/{sent['film']}")
    shown = NAMES[name] if "%" not in name else name
    assert reply.json()["name"] == shown
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-content-type-options"] == "nosniff"
    after = {path for path in server.data.parent.rglob("*") if "films" not in path.parts}
    assert {each.suffix for each in after - before} <= {".part"}
    kept = server.data / "films" / hashlib.sha256(film).hexdigest()[:2]
    assert (kept / hashlib.sha256(film).hexdigest()).read_bytes() == film


@pytest.mark.parametrize(
    "film", ["..%2f..%2fetc%2fpasswd", "A" * 32, "f" * 31, "%00" * 16, "f" * 33, "' OR 1=1--"]
)
def test_an_id_that_is_none_is_refused(client: httpx.Client, film: str) -> None:
    assert client.get(f"{API}/{film}").status_code in {404, 422}


# Seeing


def test_an_unknown_film_is_told(client: httpx.Client) -> None:
    for path in ("", "/priors", "/pixels", "/opinions", "/bayes?pretest=0.1"):
        reply = client.get(f"{API}/{'f' * 32}{path}")
        assert reply.status_code == 404
        assert reply.json()["detail"] == "There is no such film."


def test_pixels_come_as_they_are_with_what_they_mean(
    client: httpx.Client, sent: dict[str, Any], film: bytes
) -> None:
    url = f"{API}/{sent['film']}/pixels"
    plain = client.get(url, headers={"accept-encoding": "identity"})
    assert (plain.headers["x-rows"], plain.headers["x-columns"]) == ("160", "144")
    expected = np.asarray(Image.open(io.BytesIO(film)))
    assert plain.content == expected.tobytes()
    assert plain.headers["x-bits"] == "8"
    small = client.get(f"{url}?longest=80", headers={"accept-encoding": "identity"})
    assert (small.headers["x-rows"], small.headers["x-full-rows"]) == ("80", "160")


def test_pixels_are_compressed_for_who_can_unpack_them(
    client: httpx.Client, sent: dict[str, Any]
) -> None:
    with client.stream("GET", f"{API}/{sent['film']}/pixels") as reply:
        raw = b"".join(reply.iter_raw())
    assert reply.headers["content-encoding"] == "deflate"
    assert len(zlib.decompress(raw)) == 160 * 144


def test_the_evidence_is_drawn_as_a_picture(client: httpx.Client, sent: dict[str, Any]) -> None:
    url = f"{API}/{sent['film']}/answers/{sent['answer']['id']}/maps"
    reply = client.get(f"{url}/covid.png")
    assert reply.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(reply.content)).size[0] > 100
    unknown = client.get(f"{url}/flu.png")
    assert unknown.status_code == 404
    assert "it has normal, pneumonia, covid" in unknown.text


def test_an_answer_is_found_under_its_own_film_only(
    client: httpx.Client, sent: dict[str, Any], film_of: Callable[[float], bytes]
) -> None:
    other = client.post(f"{API}?wait=30", content=film_of(-1)).json()
    url = f"{API}/{other['film']}/answers/{sent['answer']['id']}/maps/covid.png"
    assert client.get(url).status_code == 404


def test_who_sees_a_film_its_pixels_or_its_maps_is_written_down(
    client: httpx.Client, sent: dict[str, Any], server: Running
) -> None:
    from hilum.serve.place import opened_database
    from hilum.serve.storage import audit

    url = f"{API}/{sent['film']}"
    client.get(url)
    client.get(f"{url}/pixels")
    client.get(f"{url}/answers/{sent['answer']['id']}/maps/covid.png")
    with opened_database(server.data) as database, database.read() as connection:
        entries = [each for each in audit.last(connection, 50) if each["object"] == sent["film"]]
        assert audit.verify(connection) is None
    acts = [(each["actor"], each["action"]) for each in entries]
    assert acts == [
        ("local", "send film"), ("hilum", "read film"), ("local", "see film"),
        ("local", "see pixels"), ("local", "see map"),
    ]  # fmt: skip


# The worklist


def test_the_list_shows_the_most_likely_first_and_can_be_narrowed(
    client: httpx.Client, sent: dict[str, Any]
) -> None:
    said = client.get(f"{API}?label=covid&state=read&limit=500").json()
    shares = [each["probability"] for each in said["entries"]]
    assert shares == sorted(shares, reverse=True)
    assert said["counts"]["read"] == said["total"]
    assert sent["film"] in [each["film"] for each in said["entries"]]
    newest = client.get(f"{API}?order=newest&limit=1").json()["entries"]
    assert [each["film"] for each in newest] == [sent["film"]]
    assert client.get(f"{API}?text=no%25such").json()["total"] == 0


@pytest.mark.parametrize(
    "query", ["label=flu", "limit=0", "limit=501", "offset=-1", "state=x", "order=x", "wait=x"]
)
def test_a_list_nobody_can_give_is_refused(client: httpx.Client, query: str) -> None:
    reply = client.get(f"{API}?{query}")
    assert reply.status_code == (200 if query == "wait=x" else 422)


def test_characters_that_a_database_refuses_are_left_out_of_a_search(client: httpx.Client) -> None:
    reply = client.get(API, params={"text": "a\x00b", "decision": "\x00"})
    assert reply.status_code == 200


# Striking out


def test_a_film_is_read_again_without_a_region(client: httpx.Client, sent: dict[str, Any]) -> None:
    given = {"regions": [[0, 0, 0.5, 0.5]]}
    url = f"{API}/{sent['film']}/strike?wait=30"
    job = client.post(url, json=given).json()
    assert job["state"] == "done"
    assert client.post(url, json=given).json() == job
    first, second = client.get(f"{API}/{sent['film']}").json()["answers"]
    assert first["struck"] == []
    assert second["struck"] == [[0, 0, 0.5, 0.5]]
    assert first["probabilities"] != second["probabilities"]


@pytest.mark.parametrize(
    "regions", [[], [[0, 0, 2, 1]], [[0, 0, "NaN", 1]], [[0, 0, 1]], [[0, 0, 1, 1]] * 21, "all"]
)
def test_regions_that_are_none_are_refused(
    client: httpx.Client, sent: dict[str, Any], regions: object
) -> None:
    reply = client.post(f"{API}/{sent['film']}/strike", json={"regions": regions})
    assert reply.status_code == 422


# What every answer carries


def test_every_answer_tells_a_browser_to_fetch_nothing_elsewhere(client: httpx.Client) -> None:
    for path in (API, "/healthz", "/no/such/page", f"{API}/x"):
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_a_way_that_is_not_there_is_told_as_a_problem(client: httpx.Client) -> None:
    for method, path, status in (("GET", "/api/v1/no", 404), ("DELETE", API, 405)):
        reply = client.request(method, path)
        assert reply.status_code == status
        assert reply.headers["content-type"] == "application/problem+json"


def test_health_readiness_and_figures_are_told(client: httpx.Client, sent: dict[str, Any]) -> None:
    assert client.get("/healthz").text == "alive\n"
    assert client.get("/readyz").text == "ready\n"
    text = client.get("/metrics").text
    assert 'hilum_films_read_total{outcome="answered"}' in text
    assert "hilum_workers_alive 1.0" in text
