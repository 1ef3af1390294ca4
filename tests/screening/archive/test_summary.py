from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hilum.screening.archive.progress import Progress
from hilum.screening.archive.row import FilmRow
from hilum.screening.archive.shards import Shards, encoded
from hilum.screening.archive.summary import kind_of, summarise


def row(name: str, **values: Any) -> FilmRow:
    return FilmRow(key=name, path=name, member=None, **values)


def refused(name: str, *reasons: str) -> FilmRow:
    return row(name, accepted=False, reasons=reasons)


def answered(name: str, decision: str) -> FilmRow:
    odds = {"normal": 0.25, "covid": 0.75}
    return row(name, accepted=True, probabilities=odds, decision=decision)


@pytest.fixture
def shards(tmp_path: Path) -> Shards:
    return Shards(tmp_path, ["normal", "covid"], {"bundle": "b" * 64})


def test_films_are_counted_by_what_became_of_them(shards: Shards) -> None:
    first = [answered("a", "covid"), answered("b", "normal"), row("c", error="an empty file.")]
    second = [answered("d", "covid"), refused("e", "It is blank: 3 greys.", "and small")]
    third = [refused("f", "It is blank: 14 greys."), row("g", error="killed by signal 11, twice")]
    for rows in (first, second, third):
        shards.publish(shards.encode(rows))
    found = summarise(shards.finished())
    assert (found.films, found.accepted, found.refused, found.failed) == (7, 3, 2, 2)
    assert found.decisions == {"covid": 2, "normal": 1}
    assert found.refusals == {"It is blank: N greys.": 2}
    assert found.failures == {"an empty file.": 1, "killed by signal N, twice": 1}
    assert found.to_dict()["refused_by_reason"] == {"It is blank: N greys.": 2}


def test_the_text_is_for_a_person_and_says_research_use_only(shards: Shards) -> None:
    shards.publish(shards.encode([answered("a", "covid"), refused("b", "It is blank.")]))
    found = summarise(shards.finished())
    found.screened_now, found.seconds = 2, 4.0
    lines = found.text().splitlines()
    assert lines[0] == "2 films; shards: 1."
    assert lines[1] == "  accepted 1; refused 1; failed 0"
    assert "0.5 films/s" in found.text()
    assert lines[-1] == "Research use only."


def test_kinds_of_reasons_are_bounded_however_many_there_are(shards: Shards) -> None:
    letters = "abcdefghijklmnopqrst"
    rows = [row(f"{a}{b}", error=f"word {a}{b}") for a in letters for b in letters]
    shards.publish(shards.encode(rows))
    found = summarise(shards.finished())
    assert len(found.failures) == 201
    assert found.failures["other reasons"] == 200
    assert "and 193 further kinds" in found.text()


def test_a_kind_leaves_out_numbers_names_and_further_lines() -> None:
    assert kind_of("got 'a b.png' of 1,024.5 bytes\nand more") == "got '...' of N bytes"


def test_a_shard_is_ordered_and_typed_even_if_all_of_it_failed() -> None:
    import io

    import polars as pl

    content = encoded([row("b", error="x"), row("a", error="x")], ["covid"], {"bundle": "b"})
    table = pl.read_parquet(io.BytesIO(content))
    assert table["key"].to_list() == ["a", "b"]
    assert table.schema["probability_covid"] == pl.Float64
    assert table.schema["reasons"] == pl.List(pl.String)
    assert table.schema["accepted"] == pl.Boolean


def test_numbers_go_on_after_the_last_shard(shards: Shards, tmp_path: Path) -> None:
    (tmp_path / "part-00000041.parquet").write_bytes(b"")
    later = Shards(tmp_path, ["normal", "covid"], {})
    assert later.publish(b"x").name == "part-00000042.parquet"


@pytest.mark.parametrize(
    ("counted", "rate", "text"),
    [
        (True, 10.0, "500 of about 2,500 films, 10.0 films/s, 3 min left; 2 refused, 1 failed"),
        (False, 10.0, "500 of at least 2,500 films, 10.0 films/s; 2 refused, 1 failed"),
        (True, 0.0, "500 of about 2,500 films, 0.0 films/s; 2 refused, 1 failed"),
    ],
)
def test_progress_says_what_is_known(counted: bool, rate: float, text: str) -> None:
    progress = Progress(
        done=500, now=100, refused=2, failed=1, rate=rate, total=2500, counted=counted
    )
    assert progress.text() == text
