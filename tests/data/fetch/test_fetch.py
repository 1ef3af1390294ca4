from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import numpy as np
import pytest
from tests.data.fetch.conftest import Answer, Server, dropped, reply, status, whole

from hilum.data.fetch.fetch import FetchReport, fetch
from hilum.data.fetch.plan import FetchFile, FetchPlan
from hilum.data.fetch.web import Patience, Web
from hilum.data.folder_lock import only_writer
from hilum.errors import CacheError, DataError

COMMIT = "6a4242344473ccb5ed0d2148d8c7bfb1691e4ed8"


def packed(number: int = 0, commit: str = COMMIT) -> bytes:
    """A repository's archive: one picture of noise and a list."""
    noise = np.random.default_rng(number).bytes(60_000)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz", pax_headers={"comment": commit}) as archive:
        for name, body in (("repo/png/a.png", noise), ("repo/data.csv", b"image_id\na\n")):
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    return buffer.getvalue()


ARCHIVE = packed()


def plan(server: Server, *files: FetchFile, **more: object) -> FetchPlan:
    files = files or (
        FetchFile(url=server.url("/repo.tar.gz"), name="repo.tar.gz", folder="repo", strip=1),
    )
    facts = {"licence": "CC BY 3.0", "citation": "A, 2020", "home": "https://example.org"}
    return FetchPlan(name="hannover", files=files, **facts, **more)


def tree(folder: Path) -> list[str]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


WHOLE = ["fetch.json", "lock", "repo/data.csv", "repo/png/a.png"]


@pytest.fixture
def fetched(server: Server, tmp_path: Path, web: Web) -> FetchReport:
    server.answers = [whole(ARCHIVE)]
    return fetch(plan(server), tmp_path / "set", web=web)


def test_an_archive_is_fetched_unpacked_and_nothing_else_is_left(
    fetched: FetchReport, tmp_path: Path
) -> None:
    assert (fetched.fetched, fetched.kept, fetched.bytes) == (("repo",), (), len(ARCHIVE))
    assert fetched.notes == (f"repo: commit {COMMIT}",)
    assert tree(tmp_path / "set") == WHOLE


def test_the_receipt_says_where_it_came_from(
    fetched: FetchReport, server: Server, tmp_path: Path
) -> None:
    receipt = json.loads((tmp_path / "set" / "fetch.json").read_text())
    entry = receipt["files"][0]
    assert (receipt["name"], receipt["licence"]) == ("hannover", "CC BY 3.0")
    assert (entry["url"], entry["bytes"]) == (server.url("/repo.tar.gz"), len(ARCHIVE))
    assert (entry["commit"], len(entry["sha256"])) == (COMMIT, 64)
    assert entry["members"] == {"png/a.png": 60_000, "data.csv": 11}
    assert entry["fetched"].endswith("+00:00")


def test_a_second_run_asks_for_nothing(
    fetched: FetchReport, server: Server, tmp_path: Path, web: Web
) -> None:
    again = fetch(plan(server), tmp_path / "set", web=web)
    assert (again.fetched, again.kept, again.bytes) == ((), ("repo",), 0)
    assert len(server.requests) == 1


def test_files_added_to_the_folder_are_nobody_s_fault(
    fetched: FetchReport, server: Server, tmp_path: Path, web: Web
) -> None:
    assert fetched.fetched == ("repo",)
    (tmp_path / "set" / "repo" / "manifest.csv").write_text("path")
    assert fetch(plan(server), tmp_path / "set", web=web).kept == ("repo",)


def test_a_file_that_was_changed_or_removed_is_named(
    fetched: FetchReport, server: Server, tmp_path: Path, web: Web
) -> None:
    repo = tmp_path / "set" / "repo"
    (repo / "png" / "a.png").unlink()
    (repo / "data.csv").write_text("image_id\n")
    with pytest.raises(DataError, match="not as it was fetched .2 differences.*Move it away") as e:
        fetch(plan(server), tmp_path / "set", web=web)
    assert "repo/png/a.png is gone" in str(e.value)
    assert "repo/data.csv had 11 bytes and has 9" in str(e.value)


def test_a_folder_moved_away_is_fetched_anew_and_a_change_upstream_is_said(
    fetched: FetchReport, server: Server, tmp_path: Path, web: Web
) -> None:
    assert fetched.fetched == ("repo",)
    (tmp_path / "set" / "repo").rename(tmp_path / "old")
    server.answers = [whole(packed(1))]
    again = fetch(plan(server), tmp_path / "set", web=web)
    assert again.fetched == ("repo",)
    assert "the publisher's file has changed since" in again.notes[-1]


def test_somebody_else_s_folder_is_never_touched(server: Server, tmp_path: Path, web: Web) -> None:
    (tmp_path / "set" / "repo").mkdir(parents=True)
    (tmp_path / "set" / "repo" / "mine.png").write_bytes(b"mine")
    with pytest.raises(DataError, match="was not fetched by hilum. Move it away"):
        fetch(plan(server), tmp_path / "set", web=web)
    assert server.requests == []
    assert (tmp_path / "set" / "repo" / "mine.png").read_bytes() == b"mine"


def test_another_set_s_folder_is_refused(
    fetched: FetchReport, server: Server, tmp_path: Path, web: Web
) -> None:
    receipt = tmp_path / "set" / "fetch.json"
    receipt.write_text(receipt.read_text().replace("hannover", "ricord"))
    with pytest.raises(DataError, match="holds ricord, as its fetch.json says; fetch hannover"):
        fetch(plan(server), tmp_path / "set", web=web)


def test_another_commit_goes_into_another_folder(
    fetched: FetchReport, server: Server, tmp_path: Path, web: Web
) -> None:
    other = FetchFile(url=server.url("/v2.tar.gz"), name="repo.tar.gz", folder="repo", strip=1)
    with pytest.raises(DataError, match="was fetched from .*repo.tar.gz, not from .*v2.tar.gz"):
        fetch(plan(server, other), tmp_path / "set", web=web)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"files": [{"url": 1}]}', "\0"])
def test_a_receipt_that_cannot_be_read_is_refused(
    server: Server, tmp_path: Path, web: Web, text: str
) -> None:
    (tmp_path / "fetch.json").write_text(text)
    with pytest.raises(DataError, match="is no receipt of a fetch"):
        fetch(plan(server), tmp_path, web=web)


def test_an_archive_that_arrives_damaged_is_fetched_once_more(
    server: Server, tmp_path: Path, web: Web
) -> None:
    damaged = bytearray(ARCHIVE)
    damaged[30_000] ^= 1
    server.answers = [whole(bytes(damaged)), whole(ARCHIVE)]
    assert fetch(plan(server), tmp_path, web=web).fetched == ("repo",)
    assert tree(tmp_path) == WHOLE


def test_an_archive_cut_short_by_a_wrong_length_is_found(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [lambda handler: reply(handler, 200, ARCHIVE, Content_Length=1000)]
    with pytest.raises(DataError, match="damaged or cut off"):
        fetch(plan(server), tmp_path, web=web)
    assert len(server.requests) == 2
    assert tree(tmp_path) == ["lock"]


def test_a_login_page_instead_of_an_archive_is_called_one(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [whole(b"<!DOCTYPE html><title>Sign in</title>")]
    with pytest.raises(DataError, match="It is a web page: a login"):
        fetch(plan(server), tmp_path, web=web)
    assert tree(tmp_path) == ["lock"]


def two(server: Server) -> FetchPlan:
    return plan(
        server,
        FetchFile(url=server.url("/list.csv"), name="list.csv"),
        FetchFile(url=server.url("/b.tar.gz"), name="b.tar.gz", folder="b", strip=1),
    )


def test_what_was_finished_before_a_failure_is_not_fetched_again(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [whole(b"image_id\n"), status(404)]
    with pytest.raises(DataError, match="answered 404"):
        fetch(two(server), tmp_path, web=web)
    server.answers = [whole(ARCHIVE)]
    done = fetch(two(server), tmp_path, web=web)
    assert (done.kept, done.fetched) == (("list.csv",), ("b",))
    assert server.paths == ["/list.csv", "/b.tar.gz", "/b.tar.gz"]


def test_a_file_kept_as_it_is_is_checked_by_its_checksum(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [whole(b"image_id\n"), whole(ARCHIVE)]
    fetch(two(server), tmp_path, web=web)
    (tmp_path / "list.csv").write_bytes(b"image_iD\n")
    with pytest.raises(DataError, match="list.csv has changed"):
        fetch(two(server), tmp_path, web=web)


def test_a_stopped_download_goes_on_in_the_next_run(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [dropped(20_000, ARCHIVE)]
    with pytest.raises(DataError, match="gave up"):
        fetch(plan(server), tmp_path, web=Web(patience=Patience(tries=1)))
    server.answers = [whole(ARCHIVE)]
    fetch(plan(server), tmp_path, web=web)
    assert server.requests[-1]["Range"] == "bytes=20000-"
    assert tree(tmp_path) == WHOLE


def test_a_disk_without_room_is_found_before_the_first_byte(
    server: Server, tmp_path: Path, web: Web
) -> None:
    with pytest.raises(DataError, match="GB free, expected at least 200,000,000.0 GB for hannover"):
        fetch(plan(server, gigabytes=1e8), tmp_path, web=web)
    assert server.requests == []


def test_two_fetches_at_once_are_refused(server: Server, tmp_path: Path, web: Web) -> None:
    with (
        only_writer(tmp_path, wait_s=0),
        pytest.raises(CacheError, match="is being written by process"),
    ):
        fetch(plan(server), tmp_path, web=web)


def test_a_folder_that_cannot_be_made_is_said(server: Server, tmp_path: Path, web: Web) -> None:
    (tmp_path / "file").write_text("a file")
    with pytest.raises(DataError, match="Cannot make the folder"):
        fetch(plan(server), tmp_path / "file" / "set", web=web)


def slow(archives: dict[str, bytes]) -> Answer:
    """Send each archive in small pieces, honouring ranges."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        body = archives[handler.path]
        etag = f'"{handler.path}"'
        wanted = handler.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        span = f"bytes {start}-{len(body) - 1}/{len(body)}" if start else None
        length = len(body) - start
        headers = {"Content_Length": length, "Content_Range": span, "ETag": etag}
        reply(handler, 206 if start else 200, **headers)
        for at in range(start, len(body), 2000):
            handler.wfile.write(body[at : at + 2000])
            time.sleep(0.01)

    return answer


RUN = """
import sys
from pathlib import Path
from hilum.data.fetch.fetch import fetch
from hilum.data.fetch.plan import FetchFile, FetchPlan
from hilum.data.fetch.web import Web
base, out = sys.argv[1:]
files = tuple(
    FetchFile(url=f"{base}/{n}.tar.gz", name=f"{n}.tar.gz", folder=str(n), strip=1)
    for n in range(4)
)
plan = FetchPlan(name="x", licence="", citation="", home="", files=files)
fetch(plan, Path(out), web=Web())
"""


def test_a_receipt_that_was_never_finished_is_swept(
    fetched: FetchReport, server: Server, tmp_path: Path, web: Web
) -> None:
    assert fetched.fetched == ("repo",)
    (tmp_path / "set" / ".fetch.json.4711.part").write_text("{")
    fetch(plan(server), tmp_path / "set", web=web)
    assert tree(tmp_path / "set") == WHOLE


def test_a_fetch_killed_again_and_again_ends_with_the_right_files(
    server: Server, tmp_path: Path
) -> None:
    archives = {f"/{number}.tar.gz": packed(number) for number in range(4)}
    server.answers = [slow(archives)]
    command = [sys.executable, "-c", RUN, server.base, str(tmp_path / "set")]
    kills = 0
    for delay in (0.1, 0.6):
        asked = len(server.requests)
        process = subprocess.Popen(command)
        deadline = time.monotonic() + 30
        while len(server.requests) == asked and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(delay)
        os.kill(process.pid, signal.SIGKILL)
        kills += process.wait(10) == -signal.SIGKILL
    assert kills == 2
    assert subprocess.run(command, timeout=60, check=False).returncode == 0
    for number in range(4):
        expected = np.random.default_rng(number).bytes(60_000)
        assert (tmp_path / "set" / str(number) / "png" / "a.png").read_bytes() == expected
    assert len(tree(tmp_path / "set")) == 2 + 4 * 2
    assert any(request["Range"] for request in server.requests)
