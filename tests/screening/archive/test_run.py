from __future__ import annotations

import json
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hilum.data.folder_lock import only_writer
from hilum.errors import BundleError, CacheError, ConfigError, DataError
from hilum.screening.archive.item import Item
from hilum.screening.archive.row import row_of
from hilum.screening.archive.shards import encoded
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.screener import Screener

Run = Callable[..., Any]
Table = Callable[..., pl.DataFrame]


def test_every_film_has_the_row_that_a_screener_gives(
    run: Run, table: Table, films: Path, bundle: Bundle
) -> None:
    summary = run(films)
    rows = table()
    assert (summary.films, summary.accepted, summary.complete) == (9, 9, True)
    screener = Screener(bundle)
    for row in rows.iter_rows(named=True):
        expected = screener.screen(row["path"])
        found = {label: row[f"probability_{label}"] for label in bundle.record.classes}
        assert found == pytest.approx(expected.probabilities)
        assert (row["decision"], row["sha256"]) == (expected.decision, expected.sha256)
        assert (row["bundle"], row["threshold"]) == (bundle.id, "argmax")
        assert row["accepted"] is True
        assert row["seconds"] > 0


def test_the_distance_that_the_gate_measured_stands_beside_its_limit(
    run: Run, table: Table, films: Path, bundle: Bundle
) -> None:
    run(films)
    assert table()["gate_distance"].dtype == table()["gate_limit"].dtype == pl.Float64
    assert table()["gate_distance"].null_count() == 9
    item = Item(path="/films/a.png")
    judged = replace(Screener(bundle).screen(films / "a" / "0.png"), accepted=True)
    far = row_of(item, b"", replace(judged, gate={"distance": 31.25, "limit": 24.5}))
    frame = pl.read_parquet(encoded([far], bundle.record.classes, {}))
    assert frame.select("gate_distance", "gate_limit").row(0) == (31.25, 24.5)


def test_refusals_and_failures_are_rows_with_their_reason(
    run: Run, table: Table, films: Path, png: Run
) -> None:
    import numpy as np

    (films / "blank.png").write_bytes(png(np.full((200, 200), 80, np.uint8)))
    (films / "text.png").write_text("no picture")
    (films / "empty.png").write_bytes(b"")
    summary = run(films)
    rows = {Path(row["path"]).name: row for row in table().iter_rows(named=True)}
    assert rows["blank.png"]["accepted"] is False
    assert "blank" in rows["blank.png"]["reasons"][0]
    assert rows["blank.png"]["probability_covid"] is None
    assert rows["text.png"]["accepted"] is None
    assert "expected a PNG, JPEG, WebP or DICOM file" in rows["text.png"]["error"]
    assert len(rows["text.png"]["sha256"]) == 64
    assert "empty file" in rows["empty.png"]["error"]
    assert (summary.accepted, summary.refused, summary.failed) == (9, 1, 2)
    assert sum(summary.failures.values()) == 2


def test_a_film_has_one_answer_whether_loose_in_a_tar_or_in_a_zip(
    run: Run, table: Table, films: Path, zipped: Run, tmp_path: Path
) -> None:
    for name in ("films.tar", "films.tar.gz", "films.tar.bz2", "films.tar.xz"):
        with tarfile.open(tmp_path / name, f"w:{name.partition('tar.')[2]}") as file:
            file.add(films, "films")
    packed = [zipped(films), zipped(films, "stored.zip", zipfile.ZIP_STORED)]
    packed += [zipped(films, "rare.zip", zipfile.ZIP_LZMA), *sorted(tmp_path.glob("films.tar*"))]
    assert run(films, *packed).accepted == 9 * 8
    answers = table().drop("key", "path", "member", "seconds")
    assert answers.unique().height == 9
    assert answers.group_by("sha256").len()["len"].unique().to_list() == [8]
    assert not list(tmp_path.glob("**/films/films"))


def test_the_run_says_what_it_was_and_what_came_of_it(
    run: Run, films: Path, tmp_path: Path, bundle: Bundle
) -> None:
    run(films, threshold="sensitive")
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    summary = json.loads((tmp_path / "out" / "summary.json").read_text())
    assert (record["bundle"], record["sources"]) == (bundle.id, [str(films)])
    assert record["threshold"]["name"] == "sensitive"
    assert "onnxruntime" in record["versions"]
    assert (summary["films"], summary["complete"]) == (9, True)
    assert sum(summary["decisions"].values()) == 9
    assert summary["notice"] == record["notice"] == "Research use only"


def test_rows_are_parted_into_shards(run: Run, table: Table, films: Path, tmp_path: Path) -> None:
    run(films, shard_rows=4)
    sizes = [pl.read_parquet(path).height for path in sorted((tmp_path / "out").glob("*.parquet"))]
    assert sizes == [4, 4, 1]
    assert table()["key"].n_unique() == 9


def test_a_stopped_run_goes_on_and_ends_as_an_unbroken_one(
    run: Run, table: Table, films: Path, tmp_path: Path
) -> None:
    first = tmp_path / "out" / "part-00000000.parquet"
    assert not run(films, stop=first.exists, shard_rows=3).complete
    done = table().height
    assert 3 <= done < 9
    summary = run(films, resume=True)
    assert (summary.complete, summary.films, summary.screened_now) == (True, 9, 9 - done)
    run(films, out=tmp_path / "unbroken")
    assert table().drop("seconds").equals(table(tmp_path / "unbroken").drop("seconds"))


def test_films_that_came_meanwhile_are_screened_and_none_twice(
    run: Run, table: Table, films: Path, png: Run, chest: Run
) -> None:
    run(films)
    (films / "a" / "0a.png").write_bytes(png(chest(shift=9)))
    assert run(films, resume=True).screened_now == 1
    assert table()["key"].n_unique() == table().height == 10


def test_a_folder_that_holds_a_run_is_refused_without_resume(run: Run, films: Path) -> None:
    run(films)
    with pytest.raises(DataError, match=r"already holds a run with 1 shards\. .* --resume"):
        run(films)


def test_a_run_may_be_resumed_that_was_never_begun(run: Run, films: Path) -> None:
    assert run(films, resume=True).films == 9


def test_another_threshold_or_source_is_refused_with_what_differs(run: Run, films: Path) -> None:
    run(films)
    with pytest.raises(DataError, match=r"threshold: it has .*argmax.* now .*sensitive"):
        run(films, resume=True, threshold="sensitive")
    with pytest.raises(DataError, match=r"sources: it has .*films\"\], now .*films/a"):
        run(films / "a", resume=True)
    with pytest.raises(DataError, match=r"force: it has false, now true"):
        run(films, resume=True, force=True)


def test_another_bundle_is_refused(run: Run, films: Path, bundle: Bundle, make_bundle: Run) -> None:
    run(films)
    other = make_bundle(temperature=2.0)
    _replace(bundle, other)
    with pytest.raises(DataError, match=r"bundle: it has"):
        run(films, resume=True)


def test_a_bundle_exchanged_in_the_middle_stops_the_run_and_mixes_nothing(
    run: Run, table: Table, films: Path, bundle: Bundle, make_bundle: Run
) -> None:
    other, whole = make_bundle(temperature=2.0), []
    first = films.parent / "out" / "part-00000000.parquet"

    def exchange() -> bool:
        if not whole and first.exists():
            whole.append(bundle.id)
            _replace(bundle, other)
        return False

    with pytest.raises(BundleError, match="was changed while the archive was screened"):
        run(films, stop=exchange, shard_rows=3)
    assert table()["bundle"].to_list() == whole * 3


def test_a_bundle_damaged_in_the_middle_stops_the_run(
    run: Run, films: Path, bundle: Bundle, tmp_path: Path
) -> None:
    def damage() -> bool:
        if (tmp_path / "out" / "part-00000000.parquet").exists():
            (bundle.folder / "README.md").write_text("another card")
        return False

    with pytest.raises(BundleError, match=r"was changed while (.|\n)*README.md: expected"):
        run(films, stop=damage, shard_rows=3)


def test_a_full_disk_stops_cleanly_and_the_run_goes_on(
    run: Run, table: Table, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hilum.screening.archive.shards import Shards

    whole, written = Shards.publish, []

    def publish(self: Shards, content: bytes) -> Path:
        if len(written) == 1:
            raise OSError(28, "No space left on device")
        written.append(content)
        return whole(self, content)

    monkeypatch.setattr(Shards, "publish", publish)
    with pytest.raises(DataError, match=r"No space left on device\. 1 complete shards are safe"):
        run(films, shard_rows=4)
    monkeypatch.setattr(Shards, "publish", whole)
    assert run(films, resume=True).films == 9
    assert table()["key"].n_unique() == table().height == 9


def test_leftovers_of_a_killed_run_are_deleted_and_not_believed(
    run: Run, table: Table, films: Path, tmp_path: Path
) -> None:
    run(films, shard_rows=4)
    out = tmp_path / "out"
    (out / "part-00000001.parquet").rename(out / ".part-00000001.parquet.99.part")
    assert run(films, resume=True).screened_now == 4
    assert not list(out.glob(".part*"))
    assert table()["key"].n_unique() == table().height == 9


def test_a_damaged_shard_is_named_and_what_to_do(run: Run, films: Path, tmp_path: Path) -> None:
    run(films)
    (tmp_path / "out" / "part-00000000.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"cannot be read.* Delete it and go on with --resume"):
        run(films, resume=True)


def test_two_runs_in_one_folder_are_refused(run: Run, films: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with only_writer(tmp_path / "out", wait_s=0), pytest.raises(CacheError, match="being written"):
        run(films)


def test_what_is_not_there_is_refused_before_anything_is_begun(
    run: Run, films: Path, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"not there:\n  - .*absent"):
        run(films, tmp_path / "absent")
    assert not (tmp_path / "out").exists()


def test_an_unknown_threshold_is_refused_with_a_suggestion(run: Run, films: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'sensitive'"):
        run(films, threshold="sensitiv")


def test_progress_is_told_and_ends_at_the_total(run: Run, films: Path, opener: Run) -> None:
    told = []
    run(films, say=told.append, open=opener("slow"))
    last = told[-1]
    assert (last.done, last.total, last.counted, last.left_s) == (9, 9, True, 0)
    assert last.text().startswith("9 of about 9 films")


def _replace(bundle: Bundle, other: Bundle) -> None:
    write_bundle(
        bundle.folder,
        other.record,
        model_onnx=other.model_path.read_bytes(),
        weights=b"weights stand here",
        overwrite=True,
    )
