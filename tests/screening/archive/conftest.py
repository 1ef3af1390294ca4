"""Archives of tiny films, and workers that die of what a film says."""

from __future__ import annotations

import sys
import textwrap
import zipfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hilum.screening.archive.run import ArchiveOptions, screen_archive
from hilum.screening.archive.summary import Summary
from hilum.screening.bundle import Bundle

Draw = Callable[..., Any]

DEADLY = """
    import os, signal, time
    from dataclasses import replace
    from hilum.screening.archive.worker import open_screener

    def deadly(job):
        answer = open_screener(job)
        return lambda item, data: _answer(answer, item, data)

    def _answer(answer, item, data):
        if b"SEGFAULT" in data:
            os.kill(os.getpid(), signal.SIGSEGV)
        if b"LEAVE" in data:
            os._exit(7)
        if b"HANG" in data:
            time.sleep(600)
        if b"RAISE" in data:
            raise RuntimeError("nobody foresaw this")
        if b"ONCE" in data:
            mark = item.path + ".mark"
            if not os.path.exists(mark):
                open(mark, "w").close()
                os.kill(os.getpid(), signal.SIGKILL)
        return answer(item, data)

    def slow(job):
        answer = open_screener(job)
        def wait(item, data):
            time.sleep(0.02)
            return answer(item, data)
        return wait

    def slower(job):
        answer = open_screener(job)
        def wait(item, data):
            time.sleep(0.3)
            return answer(item, data)
        return wait

    def fake(job):
        from hilum.screening.archive.row import FilmRow
        odds = {"normal": 0.25, "pneumonia": 0.5, "covid": 0.25}
        return lambda item, data: FilmRow(
            key=item.key, path=item.path, member=item.member or None, sha256="0" * 64,
            accepted=True, probabilities=odds, decision="pneumonia", seconds=0.001)

    def never(job):
        os._exit(3)
"""


@pytest.fixture
def films(tmp_path: Path, chest: Draw, png: Draw) -> Path:
    """Nine films in a folder of folders."""
    folder = tmp_path / "films"
    for number in range(9):
        path = folder / "abc"[number % 3] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(chest(shift=number / 3)))
    return folder


@pytest.fixture
def spoil(png: Draw, chest: Draw) -> Callable[[Path, bytes], Path]:
    """Return a function that writes a good film with a word behind its end."""

    def write(path: Path, word: bytes) -> Path:
        path.write_bytes(png(chest()) + word)
        return path

    return write


@pytest.fixture
def opener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Return a function that gives an opener which worker processes can import, by name."""
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "hilum_test_openers.py").write_text(textwrap.dedent(DEADLY))
    monkeypatch.syspath_prepend(str(folder))
    sys.modules.pop("hilum_test_openers", None)
    return lambda name: getattr(import_module("hilum_test_openers"), name)


@pytest.fixture
def run(tmp_path: Path, bundle: Bundle) -> Callable[..., Summary]:
    """Return a function that screens into tmp_path/out with one worker."""

    def screen(*sources: Path | str, out: Path | None = None, **options: Any) -> Summary:
        options = {"workers": 1, **options}
        talk = {name: options.pop(name) for name in ("say", "stop") if name in options}
        chosen = ArchiveOptions(**options)
        return screen_archive(sources, bundle.folder, out or tmp_path / "out", chosen, **talk)

    return screen


@pytest.fixture
def table(tmp_path: Path) -> Callable[..., pl.DataFrame]:
    """Return a function that reads all shards as a user would, by key."""

    def read(out: Path | None = None) -> pl.DataFrame:
        return pl.read_parquet(f"{out or tmp_path / 'out'}/*.parquet").sort("key")

    return read


@pytest.fixture
def zipped(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that zips the files of a folder."""

    def pack(folder: Path, name: str = "films.zip", method: int = zipfile.ZIP_DEFLATED) -> Path:
        with zipfile.ZipFile(tmp_path / name, "w", method) as file:
            for path in sorted(folder.rglob("*.*")):
                file.write(path, path.relative_to(folder).as_posix())
        return tmp_path / name

    return pack
