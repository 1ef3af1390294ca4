"""The file that measured rows are kept in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hilum.benchmark.results import Results, read_results, write_results
from hilum.errors import DataError


def test_what_is_written_is_read_again(results: Results, tmp_path: Path) -> None:
    write_results(tmp_path / "new", results)
    assert read_results(tmp_path / "new" / "speed.json") == results


def test_a_reader_finds_every_fact_in_the_file(results: Results, tmp_path: Path) -> None:
    write_results(tmp_path, results)
    values = json.loads((tmp_path / "speed.json").read_text())
    assert values["format"] == "hilum-speed"
    assert set(values) == {
        "format", "format_version", "command", "measured", "seconds", "against", "quick", "busy",
        "machine", "versions", "groups", "rows",
    }  # fmt: skip
    assert values["rows"][1]["versions"] == {"numpy": "2.4.6"}
    assert [row["met"] for row in values["rows"]] == [True, False, True, True, None]


def test_a_plot_is_written_beside_it_and_nothing_half_finished_stays(
    results: Results, tmp_path: Path
) -> None:
    written = write_results(tmp_path, results)
    assert written == [tmp_path / "speed.json", tmp_path / "speed.svg"]
    assert sorted(tmp_path.iterdir()) == written


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"format": "hilum-bundle"}, "expected an object with"),
        ({"rows": [{"claim": "a"}]}, "row 1: expected the fields"),
    ],
)
def test_another_file_is_refused_with_what_is_wrong(
    results: Results, tmp_path: Path, change: dict, told: str
) -> None:
    path = tmp_path / "speed.json"
    path.write_text(json.dumps(results.to_dict() | change))
    with pytest.raises(DataError, match=told):
        read_results(path)


def test_a_ratio_in_words_is_refused(results: Results, tmp_path: Path) -> None:
    values = results.to_dict()
    values["rows"][0]["ours"] = "fast"
    path = tmp_path / "speed.json"
    path.write_text(json.dumps(values))
    with pytest.raises(DataError, match="row 1: ours must be a number, got 'fast'"):
        read_results(path)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read"):
        read_results(tmp_path / "speed.json")
