from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from tests.data.fetch.conftest import Server, status, whole
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.data.fetch import FetchFile, FetchPlan
from hilum.data.fetch.plans import plan_for
from hilum.data.sources import Card, sources
from hilum.errors import ConfigError, DataError


def run(*arguments: object, answer: str | None = None) -> Result:
    return CliRunner().invoke(app, ["data", "fetch", *map(str, arguments)], input=answer)


@pytest.fixture
def served() -> Iterator[Server]:
    with Server.running() as server:
        yield server


@pytest.fixture
def hannover(served: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Hannover's repository, two films large, on a server of this machine."""
    film, buffer = io.BytesIO(), io.BytesIO()
    Image.linear_gradient("L").save(film, "PNG")
    table = b"patient_id,image_id,projection,sex,age\n1,a,ap,M,50\n2,b,pa,F,61\n"
    files = {"x/png/a.png": film.getvalue(), "x/png/b.png": film.getvalue(), "x/data.csv": table}
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
    served.answers = [whole(buffer.getvalue())]

    def plan(card: Card, ref: str | None = None) -> FetchPlan | None:
        made = plan_for(card, ref)
        if made is None:
            return None
        file = FetchFile(url=served.url("/r.tar.gz"), name="r.tar.gz", folder="r", strip=1)
        return replace(made, files=(file,))

    monkeypatch.setattr("hilum.data.fetch.plan_for", plan)
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return served


def test_a_set_is_fetched_after_its_licence_was_shown_and_can_be_built(
    hannover: Server, tmp_path: Path
) -> None:
    out = tmp_path / "set"
    done = run("hannover", "--out", out, "--yes")
    assert done.exit_code == 0
    assert done.stderr.index("licence: CC BY 3.0") < done.stderr.index("cite:    Winther")
    assert "Research use only" in done.stderr
    assert f"{out}: 1 fetched" in done.stdout
    assert f"Now: hilum data build hannover --root {out} --out {out}/manifest.csv" in done.stdout
    words = ["data", "build", "hannover", "--root", str(out), "--out", str(out / "manifest.csv")]
    built = CliRunner().invoke(app, [*words, "--json"])
    assert built.exit_code == 0
    assert json.loads(built.stdout)["total"]["found"] == 2


def test_a_second_run_fetches_nothing(hannover: Server, tmp_path: Path) -> None:
    run("hannover", "--out", tmp_path / "set", "--yes")
    done = run("hannover", "--out", tmp_path / "set", "--yes", "--json")
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert (report["fetched"], report["kept"], report["bytes"]) == ([], ["r"], 0)
    assert len(hannover.requests) == 1


def test_without_a_terminal_and_without_yes_nothing_is_asked_for(
    hannover: Server, tmp_path: Path
) -> None:
    done = run("hannover", "--out", tmp_path / "set")
    assert done.exit_code == 2
    assert "licence: CC BY 3.0" in done.stderr
    assert "--yes agrees" in done.stderr
    assert hannover.requests == []
    assert not (tmp_path / "set").exists()


@pytest.mark.parametrize(("answer", "expected"), [("y\n", (0, 1)), ("n\n", (1, 0)), ("\n", (1, 0))])
def test_on_a_terminal_a_person_is_asked(
    hannover: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    expected: tuple[int, int],
) -> None:
    monkeypatch.setattr(sys.modules["hilum.cli.data.fetch"], "_is_terminal", lambda: True)
    done = run("hannover", "--out", tmp_path / "set", answer=answer)
    assert (done.exit_code, len(hannover.requests)) == expected


def test_a_failure_is_hilum_s_own_error(hannover: Server, tmp_path: Path) -> None:
    hannover.answers = [status(404)]
    done = run("hannover", "--out", tmp_path / "set", "--yes")
    assert isinstance(done.exception, DataError)
    assert "answered 404" in str(done.exception)


def test_a_set_behind_a_login_prints_the_steps_and_exits_with_3(tmp_path: Path) -> None:
    card = sources.create("radiography").card
    done = run("radiography", "--out", tmp_path)
    assert done.exit_code == 3
    assert "needs a free account" in done.stdout
    for step in card.steps:
        assert step.replace("DIR", str(tmp_path)) in done.stdout
    assert f"hilum data fetch radiography --out {tmp_path} --check" in done.stdout


def test_the_steps_are_there_for_machines_too() -> None:
    done = run("radiography", "--json")
    assert done.exit_code == 3
    steps = [*sources.create("radiography").card.steps]
    assert json.loads(done.stdout) == {
        "name": "radiography",
        "access": "account",
        "by_hand": steps,
    }


def test_a_set_that_comes_in_part_says_what_remains(hannover: Server, tmp_path: Path) -> None:
    done = run("covidx", "--out", tmp_path / "set", "--yes")
    assert done.exit_code == 3
    assert "1 fetched" in done.stdout
    assert "To be done by hand" in done.stdout
    assert f"-p {tmp_path}/set --unzip" in done.stdout
    assert "git clone" not in done.stdout


def test_check_finds_a_film_that_was_cut_off(hannover: Server, tmp_path: Path) -> None:
    out = tmp_path / "set"
    run("hannover", "--out", out, "--yes")
    film = out / "r" / "png" / "a.png"
    film.write_bytes(film.read_bytes()[:-30])
    done = run("hannover", "--out", out, "--check")
    assert done.exit_code == 3
    assert "hannover: 2 images of 243 published" in done.stdout
    assert "damaged: r/png/a.png is cut off: a PNG without its end" in done.stdout
    assert "changed: r/png/a.png had" in done.stdout


def test_check_of_what_is_right_exits_with_0(
    hannover: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("hannover", "--out", tmp_path, "--yes")
    card = replace(sources.create("hannover").card, images=2)
    monkeypatch.setattr("hilum.data.sources.hannover.Hannover.card", card)
    done = run("hannover", "--out", tmp_path, "--check")
    assert (done.exit_code, done.stdout.splitlines()[-2]) == (0, "Nothing is wrong with it.")
    assert json.loads(run("hannover", "--out", tmp_path, "--check", "--json").stdout)["right"]


@pytest.mark.parametrize("words", [("hannover",), ("radiography", "--check")])
def test_a_folder_must_be_named_where_one_is_needed(words: tuple[str, ...]) -> None:
    done = run(*words)
    assert done.exit_code == 2
    assert "name the folder of the data set" in done.stderr


def test_a_slip_in_the_name_is_understood() -> None:
    done = run("hanover", "--out", "x")
    assert isinstance(done.exception, ConfigError)
    assert "Did you mean 'hannover'?" in str(done.exception)
