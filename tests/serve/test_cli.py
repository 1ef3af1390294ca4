"""`hilum serve`, `db`, `backup` and `restore`, as a person types them."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.serve.running import Running

API = "/api/v1/films"


def _hilum(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "hilum", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, quick_bundle: Path, film_of: Callable[[float], bytes]
) -> Iterator[Path]:
    """The folder of a server that has read a film and runs."""
    data = tmp_path_factory.mktemp("cli") / "data"
    with Running(data, "--bundle", quick_bundle, "--workers", 1) as server:
        with server.client() as client:
            client.post(f"{API}?wait=30", content=film_of(1))
        yield data


def test_a_server_says_where_it_is_and_that_it_is_for_research(
    tmp_path: Path, quick_bundle: Path
) -> None:
    with Running(tmp_path / "data", "--bundle", quick_bundle) as server:
        assert server.url.startswith("http://127.0.0.1:")
        assert server.stop() == 0
        assert "Research use only. No login: this machine." in server.text()
        assert "hilum: stopped" in server.text()


def test_what_a_server_keeps_is_backed_up_checked_and_restored_while_it_runs(
    served: Path, tmp_path: Path
) -> None:
    made = _hilum("backup", tmp_path / "kept", "--data", served)
    assert made.returncode == 0, made.stderr
    assert "1 films" in made.stdout
    restored = _hilum("restore", tmp_path / "kept", "--data", tmp_path / "new")
    assert restored.returncode == 0, restored.stderr
    checked = _hilum("db", "check", "--data", tmp_path / "new")
    assert (checked.returncode, checked.stdout) == (0, "")
    assert _hilum("db", "check", "--data", served).returncode == 0


def test_the_trail_is_printed_with_its_end_and_told_when_it_is_not_whole(served: Path) -> None:
    told = json.loads(_hilum("db", "audit", "--data", served, "--json").stdout)
    assert told["whole"]
    assert [each["action"] for each in told["entries"]][:2] == ["send film", "read film"]
    kept = _hilum("db", "audit", "--data", served, "--kept", told["end"])
    assert kept.returncode == 0
    other = _hilum("db", "audit", "--data", served, "--kept", f"999:{'a' * 64}")
    assert other.returncode == 4
    assert "the end was cut off" in other.stderr


def test_what_is_wrong_with_a_folder_is_printed_and_is_exit_code_four(
    served: Path, tmp_path: Path
) -> None:
    _hilum("backup", tmp_path / "kept", "--data", served)
    _hilum("restore", tmp_path / "kept", "--data", tmp_path / "new")
    next((tmp_path / "new/films").glob("??/*")).write_bytes(b"changed")
    found = _hilum("db", "check", "--data", tmp_path / "new")
    assert found.returncode == 4
    assert "its bytes were changed" in found.stdout


def test_an_upgrade_of_what_is_up_to_date_says_so(served: Path) -> None:
    said = _hilum("db", "upgrade", "--data", served)
    before, _, after = said.stdout.strip().partition(" -> ")
    assert before == after != ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--host", "0.0.0.0"), "nobody could log in"),
        (("--bundle", "no/such/bundle"), "no/such/bundle"),
        (("--database", "mysql://a/b"), "Expected a SQLite or PostgreSQL database"),
        (("--certificate", "a.pem"), "both a certificate and its key"),
        (("--oidc", "none.json"), "Expected JSON with issuer"),
    ],
)
def test_a_server_that_cannot_be_does_not_start_and_says_why(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    done = _hilum("serve", "--port", 0, "--data", tmp_path / "data", *arguments)
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_port_that_is_taken_is_told_with_what_to_type(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = _hilum("serve", "--port", port, "--data", tmp_path / "data")
    assert done.returncode == 1
    assert "--port names another port" in done.stderr
