"""What a server does when things go wrong: killed, full, stopped, swapped, lied to."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from tests.serve.people import add_people
from tests.serve.postgres import Postgres
from tests.serve.running import Running

from hilum.serve.place import opened_database
from hilum.serve.storage import audit
from hilum.serve.storage.backup import check

API = "/api/v1/films"


@pytest.fixture
def start(tmp_path: Path, quick_bundle: Path) -> Iterator[Callable[..., Running]]:
    """A function that starts a server on the test's data folder; all are killed in the end."""
    running: list[Running] = []

    def run(**settings: Any) -> Running:
        given = {"bundle": str(quick_bundle), "workers": 1, "reserve_bytes": 0, **settings}
        data = Path(given.pop("data", tmp_path / "data"))
        running.append(Running(data, log=tmp_path / "log", **given))
        return running[-1]

    yield run
    for each in running:
        each.kill()


def _is_whole(data: Path) -> None:
    with opened_database(data) as database:
        assert check(database, data) == []


def _wait_for(server: Running, film: str, seconds: float = 30) -> dict[str, Any]:
    with server.client() as client:
        end = time.monotonic() + seconds
        while True:
            seen: dict[str, Any] = client.get(f"{API}/{film}").json()
            if all(job["state"] != "queued" for job in seen["jobs"]):
                return seen
            assert time.monotonic() < end, seen["jobs"]
            time.sleep(0.05)


# Killed


def test_kill_9_in_the_middle_of_an_upload_leaves_nothing_of_it(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    server = start()
    with socket.create_connection(("127.0.0.1", server.port)) as plain:
        head = f"POST {API} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"
        plain.sendall(head.encode() + film_of(1)[:500])
        end = time.monotonic() + 10
        while not list((tmp_path / "data/incoming").glob("*/*.part")):
            assert time.monotonic() < end
        server.kill()
    server = start()
    assert not list((tmp_path / "data/incoming").glob("*/*.part"))
    with server.client() as client:
        assert client.get(API).json()["total"] == 0
    server.stop()
    _is_whole(tmp_path / "data")


def _kill_rounds(
    start: Callable[..., Running], data: Path, film_of: Callable[[float], bytes], rounds: int
) -> None:
    """Kill a server while films are sent; all it ever acknowledged must be there, read once."""
    rng = np.random.default_rng(rounds)
    acknowledged: dict[str, int] = {}
    number = 0
    for _ in range(rounds):
        server = start()
        killer = threading.Timer(float(rng.uniform(0.05, 1.2)), server.kill)
        killer.start()
        with contextlib.suppress(httpx.TransportError), server.client(timeout=5) as client:
            while True:
                number += 1
                headers = {"Idempotency-Key": str(number)}
                reply = client.post(API, content=film_of(number), headers=headers)
                if reply.is_success:  # else too many films wait
                    acknowledged[reply.json()["film"]] = number
        killer.join()
        assert server.wait(10) == -signal.SIGKILL
    server = start()
    with server.client() as client:
        for film, each in acknowledged.items():
            seen = _wait_for(server, film)
            assert seen["jobs"][0]["state"] == "done"
            assert len(seen["answers"]) == 1
            headers = {"Idempotency-Key": str(each)}
            again = client.post(API, content=film_of(each), headers=headers)
            assert again.json()["film"] == film
            assert not again.json()["new"]
        total = client.get(API).json()["total"]
        assert len(acknowledged) <= total <= len(acknowledged) + rounds
    assert len(acknowledged) > rounds
    assert server.stop() == 0
    _is_whole(data)


def test_after_kill_9_all_that_was_acknowledged_is_there_and_read_once(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    _kill_rounds(start, tmp_path / "data", film_of, rounds=3)


@pytest.mark.slow
def test_after_a_hundred_kill_9_all_that_was_acknowledged_is_there_and_read_once(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    _kill_rounds(start, tmp_path / "data", film_of, rounds=100)


def test_kill_9_of_a_worker_costs_nobody_their_answer(
    start: Callable[..., Running], film_of: Callable[[float], bytes]
) -> None:
    server = start()
    server.wait_ready()
    with server.client() as client:
        for number in range(3):
            [worker] = server.children()
            os.kill(worker, signal.SIGKILL)
            reply = client.post(f"{API}?wait=30", content=film_of(number))
            assert reply.json()["job"]["state"] == "done"
        assert "hilum_worker_deaths" in client.get("/metrics").text


def test_two_servers_share_a_folder_and_one_finishes_what_the_other_began(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    one, two = start(), start()
    found: list[str] = []

    def send(server: Running, numbers: range) -> None:
        with server.client() as client:
            for number in numbers:
                reply = client.post(API, content=film_of(number))
                assert reply.status_code in {200, 201}, reply.text
                found.append(reply.json()["film"])

    threads = [
        threading.Thread(target=send, args=(server, numbers))
        for server in (one, two) for numbers in (range(10), range(5, 15))
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    one.kill()
    assert len(found) == 40
    assert len(set(found)) == 15
    for film in set(found):
        seen = _wait_for(two, film)
        assert seen["jobs"][0]["state"] == "done"
        assert len(seen["answers"]) == 1
    assert two.stop() == 0
    _is_whole(tmp_path / "data")


def test_who_waits_for_a_film_that_another_server_reads_gets_its_answer(
    start: Callable[..., Running], film_of: Callable[[float], bytes]
) -> None:
    one, two = start(), start()
    with one.client() as first, two.client() as second:
        first.post(API, content=film_of(1))
        assert second.post(f"{API}?wait=30", content=film_of(1)).json()["answer"]


def test_sigterm_under_load_finishes_and_keeps_all_that_was_acknowledged(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    server = start()
    server.wait_ready()
    found: list[str] = []
    going = threading.Event()

    def send(first: int) -> None:
        with contextlib.suppress(httpx.TransportError), server.client(timeout=30) as client:
            for number in range(first, first + 1000):
                reply = client.post(f"{API}?wait=30", content=film_of(number))
                found.append(reply.json()["film"])
                going.set()

    threads = [threading.Thread(target=send, args=(each * 1000,)) for each in range(20)]
    for thread in threads:
        thread.start()
    assert going.wait(30)
    time.sleep(0.5)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 30
    for thread in threads:
        thread.join(30)
    _is_whole(tmp_path / "data")
    again = start()
    for film in found:
        assert _wait_for(again, film)["jobs"][0]["state"] == "done"


# Full, read-only, gone


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB; needs root."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a file system of its own needs root: " + made.stderr.decode().strip())
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def test_a_full_disk_refuses_films_while_all_else_works_and_recovers(
    start: Callable[..., Running], small_disk: Path, film_of: Callable[[float], bytes]
) -> None:
    server = start(data=str(small_disk / "data"), reserve_bytes=4_000_000)
    with server.client() as client:
        kept = client.post(f"{API}?wait=30", content=film_of(1)).json()["film"]
        free = shutil.disk_usage(small_disk).free
        (small_disk / "filler").write_bytes(bytes(free - 2_000_000))
        reply = client.post(API, content=film_of(2))
        assert reply.status_code == 507
        assert "Nothing was kept" in reply.json()["detail"]
        assert reply.headers["retry-after"]
        assert client.get(f"{API}/{kept}").json()["answers"]
        ready = client.get("/readyz")
        assert ready.status_code == 503
        assert "no room" in ready.json()["problems"][0]
        assert client.get("/healthz").status_code == 200
        (small_disk / "filler").unlink()
        assert client.post(f"{API}?wait=30", content=film_of(2)).json()["job"]["state"] == "done"
        assert client.get("/readyz").status_code == 200


def test_a_disk_without_a_single_byte_left_still_shows_films(
    start: Callable[..., Running], small_disk: Path, film_of: Callable[[float], bytes]
) -> None:
    server = start(data=str(small_disk / "data"))
    with server.client() as client:
        kept = client.post(f"{API}?wait=30", content=film_of(1)).json()["film"]
        with contextlib.suppress(OSError), (small_disk / "filler").open("wb", 0) as filler:
            while filler.write(bytes(4096)):
                pass
        assert client.post(API, content=film_of(2)).status_code == 507
        for _ in range(30):
            assert client.get(f"{API}/{kept}").json()["answers"]
        assert client.get(API).json()["total"] == 1
        (small_disk / "filler").unlink()
        assert client.post(f"{API}?wait=30", content=film_of(2)).json()["job"]["state"] == "done"
    assert server.stop() == 0
    assert "not in the audit trail: 'local' did 'see film'" in server.text()
    _is_whole(small_disk / "data")


def test_a_folder_that_becomes_read_only_refuses_films_aloud_and_recovers(
    start: Callable[..., Running], small_disk: Path, film_of: Callable[[float], bytes]
) -> None:
    server = start(data=str(small_disk / "data"))
    films = small_disk / "data" / "films"
    with server.client() as client:
        client.post(f"{API}?wait=30", content=film_of(1))
        subprocess.run(["mount", "--bind", films, films], check=True)
        subprocess.run(["mount", "-o", "remount,ro,bind", films], check=True)
        try:
            reply = client.post(API, content=film_of(2))
            assert reply.status_code == 503
            assert "read-only" in reply.json()["detail"]
            assert "read-only" in client.get("/readyz").json()["problems"][0]
        finally:
            subprocess.run(["umount", "-l", films], check=True)
        assert client.post(API, content=film_of(2)).status_code == 201


def test_a_server_does_not_start_on_a_folder_it_cannot_write(
    start: Callable[..., Running], small_disk: Path
) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(AssertionError, match="Read-only file system"):
        start(data=str(small_disk / "data"))


def test_a_database_that_goes_away_and_comes_back_loses_nothing(
    start: Callable[..., Running], postgres: Postgres, film_of: Callable[[float], bytes]
) -> None:
    server = start(database=postgres.url(postgres.create()))
    server.wait_ready()
    with server.client() as client:
        kept = client.post(f"{API}?wait=30", content=film_of(1)).json()["film"]
        late = [client.post(API, content=film_of(each)).json()["film"] for each in range(2, 30)]
        postgres.stop("immediate")
        try:
            reply = client.post(API, content=film_of(99))
            assert reply.status_code == 503
            assert reply.headers["retry-after"]
            assert client.get("/readyz").status_code == 503
            assert client.get("/healthz").status_code == 200
        finally:
            postgres.start()
        again = client.post(f"{API}?wait=30", content=film_of(99))
        assert again.status_code == 201
        assert again.json()["job"]["state"] == "done"
        assert client.get("/readyz").status_code == 200
        assert client.get(f"{API}/{kept}").json()["answers"]
    for film in late:
        assert len(_wait_for(server, film)["answers"]) == 1


def test_a_database_that_stands_still_makes_the_server_unready_not_dead(
    start: Callable[..., Running], postgres: Postgres, film_of: Callable[[float], bytes]
) -> None:
    server = start(database=postgres.url(postgres.create()))
    with server.client() as client:
        client.post(f"{API}?wait=30", content=film_of(1))
        postgres.freeze()
        try:
            began = time.monotonic()
            ready = client.get("/readyz")
            assert ready.status_code == 503
            assert "has not answered" in ready.text
            assert time.monotonic() - began < 10
            assert client.get("/healthz").status_code == 200
        finally:
            postgres.freeze(thaw=True)
        assert client.post(f"{API}?wait=30", content=film_of(2)).json()["answer"]
        assert client.get("/readyz").status_code == 200


# Lied to


@pytest.fixture
def own_bundle(tmp_path: Path, quick_bundle: Path) -> Path:
    """A copy of the bundle that a test may change."""
    return Path(shutil.copytree(quick_bundle, tmp_path / "bundle"))


def test_a_bundle_swapped_on_the_disk_is_not_used_and_the_server_says_so(
    start: Callable[..., Running], own_bundle: Path, film_of: Callable[[float], bytes]
) -> None:
    server = start(bundle=str(own_bundle))
    server.wait_ready()
    kept = (own_bundle / "model.onnx").read_bytes()
    with server.client() as client:
        first = client.post(f"{API}?wait=30", content=film_of(1)).json()["answer"]
        (own_bundle / "model.onnx").write_bytes(kept[:-1] + b"x")
        [worker] = server.children()
        os.kill(worker, signal.SIGKILL)
        said = client.post(f"{API}?wait=5", content=film_of(2)).json()
        assert said["job"]["state"] == "queued"
        assert said["answer"] is None
        assert "model.onnx" in client.get("/readyz").text
        assert client.get(f"{API}/{first['film']}").json()["answers"] == [first]
        (own_bundle / "model.onnx").write_bytes(kept)
    answers = _wait_for(server, said["film"], 60)["answers"]
    assert [each["bundle"] for each in answers] == [first["bundle"]]


def test_a_server_does_not_start_with_a_damaged_bundle(
    start: Callable[..., Running], own_bundle: Path
) -> None:
    with (own_bundle / "model.onnx").open("r+b") as file:
        file.write(b"\x80\x04\x95")
    with pytest.raises(AssertionError, match="model.onnx"):
        start(bundle=str(own_bundle))


def test_a_network_that_gives_nan_gives_no_probability(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    from tests.screening.conftest import CLASSES, MULTICLASS, Tiny, record_of

    from hilum.screening.bundle import write_bundle

    broken = Tiny(MULTICLASS.weights, MULTICLASS.bias, poison=float("nan"))
    write_bundle(tmp_path / "nan", record_of(CLASSES), model_onnx=broken.onnx(), weights=b"weights")
    server = start(bundle=str(tmp_path / "nan"))
    with server.client() as client:
        said = client.post(f"{API}?wait=30", content=film_of(1)).json()
        assert said["job"]["state"] == "failed"
        assert "NaN" in said["job"]["error"]
        assert said["answer"] is None
        [entry] = client.get(API).json()["entries"]
        assert entry["state"] == "failed"
        assert entry["probability"] is None
        assert 'outcome="failed"} 1.0' in client.get("/metrics").text


def test_bytes_that_the_disk_has_changed_are_found_out(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    server = start()
    with server.client() as client:
        said = client.post(f"{API}?wait=30", content=film_of(1)).json()
        path = next((tmp_path / "data/films").glob("??/*"))
        path.write_bytes(film_of(2))
        url = f"{API}/{said['film']}/strike?wait=30"
        job = client.post(url, json={"regions": [[0, 0, 0.5, 0.5]]}).json()
    assert job["state"] == "failed"
    assert "the disk has changed them" in job["error"]


def test_a_token_that_has_expired_is_refused(start: Callable[..., Running], tmp_path: Path) -> None:
    from datetime import timedelta

    token = add_people(tmp_path / "data", ago=timedelta(days=2))
    server = start()
    with server.client(headers={"Authorization": f"Bearer {token}"}) as client:
        reply = client.get(API)
    assert reply.status_code == 401
    assert reply.headers["content-type"].startswith("application/prob")


def test_no_line_of_the_log_is_forged_by_a_film(
    start: Callable[..., Running], film_of: Callable[[float], bytes]
) -> None:
    server = start()
    name = "a\n2026-01-01 00:00:00,000 INFO forged\r\nforged"
    with server.client() as client:
        client.post(f"{API}?wait=30", params={"name": name}, content=film_of(1))
        client.post(API, content=b"\n2026 INFO forged", headers={"content-encoding": "x"})
        client.get(f"{API}/" + "%0aforged")
    server.stop()
    assert "forged" not in server.text()


def test_the_trail_tells_that_it_was_tampered_with(
    start: Callable[..., Running], tmp_path: Path, film_of: Callable[[float], bytes]
) -> None:
    import sqlite3

    server = start()
    with server.client() as client:
        client.post(f"{API}?wait=30", content=film_of(1))
    server.stop()
    with contextlib.closing(sqlite3.connect(tmp_path / "data/hilum.db")) as plain:
        plain.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 1")
        plain.commit()
    with opened_database(tmp_path / "data") as database, database.read() as connection:
        assert audit.verify(connection) == audit.Fault(1, "it was changed")


def test_a_wait_that_ends_before_the_answer_says_so_and_the_film_is_read(
    start: Callable[..., Running], film_of: Callable[[float], bytes]
) -> None:
    server = start()
    server.wait_ready()
    [worker] = server.children()
    os.kill(worker, signal.SIGSTOP)
    with server.client() as client:
        said = client.post(f"{API}?wait=0.5", content=film_of(1))
    os.kill(worker, signal.SIGCONT)
    assert said.status_code == 201
    assert said.json()["job"]["state"] == "queued"
    assert _wait_for(server, said.json()["film"])["answers"]
