from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from tests.data.fetch.conftest import BODY, ETAG, Server, Waits, dropped, reply, status, whole

from hilum.data.fetch.download import Fetched, Remote, download
from hilum.data.fetch.web import Patience, Web, check_address, shown
from hilum.errors import DataError

SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()


def fetch(server: Server, folder: Path, web: Web, **known: object) -> Fetched:
    return download(Remote(url=server.url(), **known), folder / "file.bin", web=web)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_arrives_whole_with_its_checksum_and_nothing_else(
    server: Server, tmp_path: Path, web: Web
) -> None:
    fetched = fetch(server, tmp_path, web, sha256=SHA256.upper(), md5=MD5, bytes=len(BODY))
    assert fetched == Fetched(len(BODY), SHA256, ETAG)
    assert (tmp_path / "file.bin").read_bytes() == BODY
    assert names(tmp_path) == ["file.bin"]
    assert server.requests[0]["Accept-Encoding"] == "identity"


def test_a_file_that_is_there_and_right_is_not_asked_for(
    server: Server, tmp_path: Path, web: Web
) -> None:
    (tmp_path / "file.bin").write_bytes(BODY)
    assert fetch(server, tmp_path, web, sha256=SHA256).sha256 == SHA256
    assert server.requests == []


def test_a_dropped_connection_goes_on_where_it_stopped(
    server: Server, tmp_path: Path, web: Web, waits: Waits
) -> None:
    server.answers = [dropped(100_000), dropped(50_000), whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    asked = [(each["Range"], each["If-Range"]) for each in server.requests]
    assert asked == [(None, None), ("bytes=100000-", ETAG), ("bytes=150000-", ETAG)]
    assert len(waits) == 2


def test_a_stalled_connection_is_given_up_and_gone_on_with(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [server.stalled(70_000), whole()]
    began = time.monotonic()
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert time.monotonic() - began < 5
    assert server.requests[1]["Range"] == "bytes=70000-"


def test_a_server_that_stalls_for_ever_is_given_up_and_the_bytes_kept(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [server.stalled(70_000)]
    with pytest.raises(DataError, match="gave up after 3 tries.*stalled.*70,000 bytes are kept"):
        fetch(server, tmp_path, web)
    assert names(tmp_path) == [".file.bin.part", ".file.bin.part.json"]


def test_a_length_said_too_long_is_found_and_given_up(
    server: Server, tmp_path: Path, web: Web
) -> None:
    longer = len(BODY) + 10
    server.answers = [lambda handler: reply(handler, 200, BODY, Content_Length=longer)]
    with pytest.raises(DataError, match="the connection ended after 300,000 of 300,010 bytes"):
        fetch(server, tmp_path, web)


def test_a_length_said_too_short_is_found_by_the_published_length(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [
        lambda handler: reply(handler, 200, BODY, Content_Length=1000, ETag=ETAG),
        whole(),
    ]
    assert fetch(server, tmp_path, web, bytes=len(BODY)).sha256 == SHA256


def test_a_length_said_too_short_is_found_by_the_checksum(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [lambda handler: reply(handler, 200, BODY, Content_Length=1000)]
    with pytest.raises(DataError, match=f"expected SHA-256 {SHA256}, got"):
        fetch(server, tmp_path, web, sha256=SHA256)
    assert names(tmp_path) == []


def test_a_server_that_ignores_ranges_is_read_from_the_start_again(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [dropped(100_000), lambda handler: reply(handler, 200, BODY)]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[1]["Range"] == "bytes=100000-"


def test_without_a_validator_nothing_is_gone_on_with(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [dropped(100_000, etag=None), whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[1]["Range"] is None


def test_a_weak_etag_is_no_validator(server: Server, tmp_path: Path, web: Web) -> None:
    server.answers = [dropped(100_000, etag='W/"one"'), whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[1]["Range"] is None


def test_a_known_checksum_lets_a_download_go_on_without_a_validator(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [dropped(100_000, etag=None), whole(etag=None)]
    assert fetch(server, tmp_path, web, sha256=SHA256).bytes == len(BODY)
    assert server.requests[1]["Range"] == "bytes=100000-"


@pytest.mark.parametrize(
    "span", ["bytes 0-199999/300000", "bytes 100001-299999/300000", "bytes */300000", "nonsense"]
)
def test_another_range_than_asked_for_is_thrown_away(
    server: Server, tmp_path: Path, web: Web, span: str
) -> None:
    def wrong(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, 206, BODY[100_000:], Content_Range=span, ETag=ETAG)

    server.answers = [dropped(100_000), wrong, whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[2]["Range"] is None


def test_a_range_that_was_not_asked_for_is_thrown_away(
    server: Server, tmp_path: Path, web: Web
) -> None:
    part = "bytes 0-999/300000"
    server.answers = [
        lambda handler: reply(handler, 206, BODY[:1000], Content_Range=part),
        whole(),
    ]
    assert fetch(server, tmp_path, web).sha256 == SHA256


def test_a_file_that_changes_between_tries_is_fetched_anew(
    server: Server, tmp_path: Path, web: Web
) -> None:
    new = BODY[::-1]
    server.answers = [dropped(100_000), whole(new, '"two"')]
    assert fetch(server, tmp_path, web).sha256 == hashlib.sha256(new).hexdigest()


def test_a_changed_file_is_found_even_if_the_server_ignores_the_validator(
    server: Server, tmp_path: Path, web: Web
) -> None:
    new = BODY[::-1]
    mixing = dropped(len(new), new, '"two"')  # sends the rest of another version as 206
    server.answers = [dropped(100_000), mixing, whole(new, '"two"')]
    assert fetch(server, tmp_path, web).sha256 == hashlib.sha256(new).hexdigest()
    assert server.requests[2]["Range"] is None


def test_a_wrong_checksum_is_tried_once_more_and_then_refused(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [whole(BODY[:-1] + b"?")]
    with pytest.raises(DataError, match=f"expected SHA-256 {SHA256}, got [0-9a-f]{{64}}"):
        fetch(server, tmp_path, web, sha256=SHA256)
    assert len(server.requests) == 2
    assert names(tmp_path) == []


def test_a_wrong_md5_is_refused(server: Server, tmp_path: Path, web: Web) -> None:
    with pytest.raises(DataError, match=f"expected MD5 {'0' * 32}, got {MD5}"):
        fetch(server, tmp_path, web, md5="0" * 32)


def test_a_download_spoilt_on_the_way_is_mended_by_the_second_try(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [whole(BODY[:-1] + b"?"), whole()]
    assert fetch(server, tmp_path, web, sha256=SHA256).sha256 == SHA256


def test_a_wrong_file_that_lies_there_is_named_and_left(
    server: Server, tmp_path: Path, web: Web
) -> None:
    (tmp_path / "file.bin").write_bytes(b"mine")
    with pytest.raises(DataError, match="expected 300,000 bytes, got 4"):
        fetch(server, tmp_path, web, bytes=len(BODY))
    assert (tmp_path / "file.bin").read_bytes() == b"mine"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (401, "wants a login"),
        (403, "agreement may be missing"),
        (404, "no such file"),
        (410, "was"),
    ],
)
def test_a_refusal_is_final_and_says_why(
    server: Server, tmp_path: Path, web: Web, code: int, why: str
) -> None:
    server.answers = [status(code)]
    with pytest.raises(DataError, match=f"answered {code} .*{why}"):
        fetch(server, tmp_path, web)
    assert len(server.requests) == 1


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_a_passing_failure_is_tried_again_and_then_given_up(
    server: Server, tmp_path: Path, web: Web, waits: Waits, code: int
) -> None:
    server.answers = [status(code)]
    with pytest.raises(DataError, match=f"gave up after 3 tries: the server answered {code}"):
        fetch(server, tmp_path, web)
    assert len(server.requests) == 3
    assert 0.5 <= waits[0] <= 1 <= waits[1] <= 2


def test_retry_after_in_seconds_is_honoured(
    server: Server, tmp_path: Path, web: Web, waits: Waits
) -> None:
    server.answers = [status(429, Retry_After=17), whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert waits == [17]


def test_retry_after_as_a_date_is_honoured(
    server: Server, tmp_path: Path, web: Web, waits: Waits
) -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    server.answers = [status(503, Retry_After=soon), whole()]
    fetch(server, tmp_path, web)
    assert 50 < waits[0] <= 60


def test_a_retry_after_of_hours_stops_at_once(
    server: Server, tmp_path: Path, web: Web, waits: Waits
) -> None:
    server.answers = [status(503, Retry_After=7200)]
    with pytest.raises(DataError, match="busy .503. and asks to be left alone for 7,200 s"):
        fetch(server, tmp_path, web)
    assert waits == []


def test_a_redirect_is_followed_with_its_range(server: Server, tmp_path: Path, web: Web) -> None:
    there = status(302, Location=server.url("/other.bin"))
    server.answers = [dropped(100_000), there, whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.paths == ["/file.bin", "/file.bin", "/other.bin"]
    assert server.requests[2]["Range"] == "bytes=100000-"


def test_a_circle_of_redirects_is_refused(server: Server, tmp_path: Path, web: Web) -> None:
    server.answers = [status(302, Location=server.url())]
    with pytest.raises(DataError, match="was not followed: expected at most 8 steps, in no circle"):
        fetch(server, tmp_path, web)


def test_an_endless_chain_of_redirects_is_refused(server: Server, tmp_path: Path, web: Web) -> None:
    count = itertools.count()
    server.answers = [lambda handler: reply(handler, 302, Location=f"/{next(count)}")]
    with pytest.raises(DataError, match="at most 8 steps"):
        fetch(server, tmp_path, web)
    assert len(server.requests) <= 9


@pytest.mark.parametrize("to", ["file:///etc/hostname", "ftp://example.org/a", "http://a.invalid/"])
def test_a_redirect_to_anything_but_https_is_refused(
    server: Server, tmp_path: Path, web: Web, to: str
) -> None:
    server.answers = [status(302, Location=f"{to}?token=secret")]
    with pytest.raises(DataError, match="expected .*https address") as caught:
        fetch(server, tmp_path, web)
    assert "secret" not in str(caught.value)
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "url",
    ["http://example.org/a", "file:///a", "ftp://example.org/a", "https:///a", "a", "http://["],
)
def test_an_address_must_be_https(url: str) -> None:
    with pytest.raises(DataError, match="expected an https address|Expected an https address"):
        check_address(url)


def test_https_is_never_left_for_http_not_even_on_this_machine() -> None:
    check_address("http://127.0.0.1/a")
    with pytest.raises(DataError, match="https://example.org/a redirects to http://127.0.0.1/a"):
        check_address("http://127.0.0.1/a", before="https://example.org/a")


def test_messages_show_no_password_and_no_signature() -> None:
    assert shown("https://me:pw@example.org:8443/a?X-Amz-Signature=b#c") == (
        "https://example.org:8443/a"
    )


def test_an_encoding_that_was_not_asked_for_is_undone(
    server: Server, tmp_path: Path, web: Web
) -> None:
    coded = gzip.compress(BODY)
    server.answers = [
        lambda handler: reply(handler, 200, coded, Content_Encoding="gzip", ETag=ETAG)
    ]
    assert fetch(server, tmp_path, web).sha256 == SHA256


def test_an_encoded_file_that_is_cut_off_is_begun_again(
    server: Server, tmp_path: Path, web: Web
) -> None:
    coded = gzip.compress(BODY)
    half = len(coded) // 2
    server.answers = [
        lambda handler: reply(handler, 200, coded[:half], Content_Encoding="gzip", ETag=ETAG),
        lambda handler: reply(handler, 200, coded, Content_Encoding="gzip", ETag=ETAG),
    ]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[1]["Range"] is None


def test_an_encoded_bomb_stops_at_the_ceiling(server: Server, tmp_path: Path, web: Web) -> None:
    bomb = gzip.compress(bytes(50_000_000))
    server.answers = [lambda handler: reply(handler, 200, bomb, Content_Encoding="gzip")]
    with pytest.raises(DataError, match="at most 1,000,000 bytes, the server sends more"):
        fetch(server, tmp_path, web, ceiling=1_000_000)
    assert names(tmp_path) == []


def test_a_gz_file_called_encoded_is_kept_as_it_is(
    server: Server, tmp_path: Path, web: Web
) -> None:
    packed = gzip.compress(BODY)
    server.answers = [lambda handler: reply(handler, 200, packed, Content_Encoding="x-gzip")]
    download(Remote(url=server.url("/a.tar.gz")), tmp_path / "a.tar.gz", web=web)
    assert (tmp_path / "a.tar.gz").read_bytes() == packed


def test_an_unknown_encoding_is_refused(server: Server, tmp_path: Path, web: Web) -> None:
    server.answers = [lambda handler: reply(handler, 200, BODY, Content_Encoding="br")]
    with pytest.raises(DataError, match="Expected plain bytes or gzip, the server sends .*'br'"):
        fetch(server, tmp_path, web)


def _chunks(handler: BaseHTTPRequestHandler, pieces: list[bytes], *, ended: bool) -> None:
    reply(handler, 200, Content_Length=None, Transfer_Encoding="chunked", ETag=ETAG)
    for piece in pieces:
        handler.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
    if ended:
        handler.wfile.write(b"0\r\n\r\n")


def test_a_chunked_body_arrives_whole(server: Server, tmp_path: Path, web: Web) -> None:
    pieces = [BODY[:7], BODY[7:200_000], BODY[200_000:]]
    server.answers = [lambda handler: _chunks(handler, pieces, ended=True)]
    assert fetch(server, tmp_path, web).sha256 == SHA256


def test_a_chunked_body_without_an_end_is_gone_on_with(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [lambda handler: _chunks(handler, [BODY[:5000]], ended=False), whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[1]["Range"] == "bytes=5000-"


def test_a_body_without_end_stops_at_the_ceiling(server: Server, tmp_path: Path, web: Web) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, 200, Content_Length=None)
        for _ in range(2000):
            handler.wfile.write(bytes(65_536))

    server.answers = [endless]
    with pytest.raises(DataError, match="expected at most 1,000,000 bytes, the server sends more"):
        fetch(server, tmp_path, web, ceiling=1_000_000)
    assert names(tmp_path) == []


def test_a_length_above_the_ceiling_is_refused_before_a_byte_is_taken(
    server: Server, tmp_path: Path, web: Web
) -> None:
    with pytest.raises(DataError, match="at most 1,000 bytes, the server offers 300,000"):
        fetch(server, tmp_path, web, ceiling=1000)
    assert names(tmp_path) == []


def test_a_download_killed_between_its_last_byte_and_its_name_is_only_renamed(
    server: Server, tmp_path: Path, web: Web
) -> None:
    server.answers = [dropped(len(BODY) - 1)]
    with pytest.raises(DataError, match="gave up"):
        fetch(server, tmp_path, Web(patience=Patience(tries=1)))
    with (tmp_path / ".file.bin.part").open("ab") as part:
        part.write(BODY[-1:])
    asked = len(server.requests)
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert len(server.requests) == asked


def test_a_refused_range_at_the_very_end_means_that_nothing_is_missing(
    server: Server, tmp_path: Path, web: Web
) -> None:
    def unended(handler: BaseHTTPRequestHandler) -> None:
        _chunks(handler, [BODY], ended=False)

    server.answers = [unended, whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256


def test_a_refused_range_elsewhere_starts_again(server: Server, tmp_path: Path, web: Web) -> None:
    server.answers = [dropped(100_000), status(416, Content_Range="bytes */50"), whole()]
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[2]["Range"] is None


@pytest.mark.parametrize("note", [b"", b"{", b"[]", b'{"url": "https://example.org/other"}'])
def test_bytes_whose_origin_is_unknown_are_not_gone_on_with(
    server: Server, tmp_path: Path, web: Web, note: bytes
) -> None:
    (tmp_path / ".file.bin.part").write_bytes(b"other bytes")
    (tmp_path / ".file.bin.part.json").write_bytes(note)
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[0]["Range"] is None


def test_a_slow_line_that_keeps_advancing_is_never_given_up(tmp_path: Path, server: Server) -> None:
    body = BODY * 24
    server.answers = [dropped(1_100_000, body)]
    fetched = fetch(server, tmp_path, Web(patience=Patience(tries=2), sleep=lambda _: None))
    assert fetched.sha256 == hashlib.sha256(body).hexdigest()
    assert len(server.requests) == 7


def test_nobody_there_is_said_after_the_tries(tmp_path: Path, server: Server, web: Web) -> None:
    remote = Remote(url="http://127.0.0.1:1/file.bin")
    with pytest.raises(DataError, match="gave up after 3 tries: no connection"):
        download(remote, tmp_path / "file.bin", web=web)


def test_a_folder_that_cannot_be_written_is_said_at_once(
    server: Server, tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hilum.data.fetch.download.os.fsync", full)
    with pytest.raises(DataError, match="Cannot write .*No space left on device"):
        fetch(server, tmp_path, web)
    assert len(server.requests) == 1


def test_a_proxy_is_used_only_if_it_is_named(
    server: Server, tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    assert fetch(server, tmp_path, web).sha256 == SHA256
    through = Web(proxies={"http": server.base}, patience=web.patience, sleep=web.sleep)
    download(Remote(url="http://127.0.0.1:9/x"), tmp_path / "x", web=through)
    assert server.paths[-1] == "http://127.0.0.1:9/x"


KILLED = """
import sys
from pathlib import Path
from hilum.data.fetch.download import Remote, download
from hilum.data.fetch.web import Web
download(Remote(url=sys.argv[1]), Path(sys.argv[2]), web=Web())
"""


def test_a_download_killed_in_the_middle_goes_on(server: Server, tmp_path: Path, web: Web) -> None:
    server.answers = [server.stalled(120_000), whole()]
    command = [sys.executable, "-c", KILLED, server.url(), str(tmp_path / "file.bin")]
    process = subprocess.Popen(command)
    part = tmp_path / ".file.bin.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    arrived = part.stat().st_size
    assert 0 < arrived <= 120_000
    assert fetch(server, tmp_path, web).sha256 == SHA256
    assert server.requests[1]["Range"] == f"bytes={arrived}-"
    assert names(tmp_path) == ["file.bin"]
