"""Films that failed, done again: a film has one row at every moment, and never none."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hilum.errors import DataError
from hilum.screening.archive.shards import Shards

Run = Callable[..., Any]
Table = Callable[..., pl.DataFrame]


@pytest.fixture
def broken(films: Path) -> list[Path]:
    """Three of the nine films, cut to nothing; their bytes lie beside, hidden."""
    paths = sorted(films.rglob("*.png"))[::3]
    for path in paths:
        path.with_name(f".{path.name}").write_bytes(path.read_bytes())
        path.write_bytes(b"")
    return paths


def mend(paths: list[Path]) -> None:
    for path in paths:
        path.write_bytes(path.with_name(f".{path.name}").read_bytes())


def names(out: Path) -> list[list[str]]:
    """Return the files of each shard, by number of the shard."""
    shards = sorted(out.glob("part-*.parquet"))
    return [[Path(path).name for path in pl.read_parquet(shard)["path"]] for shard in shards]


def test_failed_films_stay_failed_unless_asked_to_be_done_again(
    run: Run, films: Path, broken: list[Path]
) -> None:
    assert run(films).failed == 3
    mend(broken)
    again = run(films, resume=True)
    assert (again.failed, again.screened_now) == (3, 0)


def test_a_mended_film_has_its_new_row_where_the_old_one_stood(
    run: Run, table: Table, films: Path, broken: list[Path], tmp_path: Path
) -> None:
    run(films, shard_rows=4)
    before = names(tmp_path / "out")
    mend(broken[:2])
    summary = run(films, resume=True, retry_failed=True)
    assert (summary.films, summary.failed, summary.screened_now) == (9, 1, 3)
    assert names(tmp_path / "out") == before
    run(films, out=tmp_path / "fresh")
    assert table().drop("seconds").equals(table(tmp_path / "fresh").drop("seconds"))


def test_new_films_go_into_a_shard_of_their_own_beside(
    run: Run, films: Path, broken: list[Path], tmp_path: Path
) -> None:
    run(films)
    mend(broken)
    (films / "new.png").write_bytes(broken[0].read_bytes())
    summary = run(films, resume=True, retry_failed=True)
    assert (summary.films, summary.failed, summary.screened_now) == (10, 0, 4)
    assert names(tmp_path / "out")[1:] == [["new.png"]]


def test_a_film_that_is_gone_keeps_its_row(
    run: Run, table: Table, films: Path, broken: list[Path]
) -> None:
    run(films)
    broken[0].unlink()
    summary = run(films, resume=True, retry_failed=True)
    assert (summary.films, summary.failed, summary.screened_now) == (9, 3, 2)
    rows = table().filter(pl.col("path") == str(broken[0]))
    assert "an empty file" in rows["error"].item()


def test_a_run_that_dies_while_it_replaces_rows_has_lost_none_and_doubled_none(
    run: Run, table: Table, films: Path, broken: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(films, shard_rows=3)
    mend(broken)
    real = Path.replace
    calls: list[Path] = []

    def replace(self: Path, target: Path) -> Path:
        if Path(target).name.startswith("part-"):
            calls.append(self)
            if len(calls) == 2:
                raise OSError(28, "No space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    with pytest.raises(DataError, match=r"No space left on device\. 3 complete shards are safe"):
        run(films, resume=True, retry_failed=True)
    monkeypatch.undo()
    rows = table()
    assert (rows.height, rows["key"].n_unique(), rows["error"].count()) == (9, 9, 2)
    assert run(films, resume=True, retry_failed=True).failed == 0
    assert table()["key"].n_unique() == table().height == 9


def test_the_fault_of_a_zip_file_goes_when_the_file_is_whole_again(
    run: Run, table: Table, films: Path, zipped: Callable[..., Path]
) -> None:
    packed = zipped(films)
    whole = packed.read_bytes()
    packed.write_bytes(whole[:-40])
    assert run(packed).failed == 1
    packed.write_bytes(whole)
    summary = run(packed, resume=True, retry_failed=True)
    assert (summary.films, summary.accepted, summary.failed) == (9, 9, 0)
    assert table()["member"].null_count() == 0


def test_a_member_that_is_gone_keeps_its_row(run: Run, table: Table, tmp_path: Path) -> None:
    packed = tmp_path / "films.zip"
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("text.png", "no picture")
    run(packed)
    with zipfile.ZipFile(packed, "w"):
        pass
    assert run(packed, resume=True, retry_failed=True).failed == 1
    assert table()["member"].to_list() == ["text.png"]


def test_the_fault_of_a_folder_goes_when_it_can_be_listed(
    run: Run, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(folder: str) -> Any:
        if Path(folder).name == "a":
            raise PermissionError(13, "Permission denied")
        return real(folder)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", scandir)
        first = run(films)
    assert (first.films, first.failed) == (7, 1)
    summary = run(films, resume=True, retry_failed=True)
    assert (summary.films, summary.failed) == (9, 0)


def test_shards_of_another_version_are_not_gone_on_with(
    run: Run, films: Path, tmp_path: Path
) -> None:
    run(films)
    shard = Shards(tmp_path / "out", (), {}).finished()[0]
    pl.read_parquet(shard).drop("gate_limit").write_parquet(shard)
    with pytest.raises(DataError, match=r"another version of hilum: .* columns gate_limit\."):
        run(films, resume=True)
