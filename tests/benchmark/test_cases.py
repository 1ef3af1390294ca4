"""Groups and cases: what runs, and what is said where a peer is missing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hilum.benchmark import machine
from hilum.benchmark.case import Case, Settings, lacking, versions_of
from hilum.benchmark.groups import GROUPS, chosen_groups
from hilum.benchmark.row import Row, limited
from hilum.errors import ConfigError


def figures(_settings: Settings) -> list[Row]:
    return [limited("alone", 1.0, unit="s")]


def compare(_settings: Settings) -> list[Row]:
    return [limited("beside", 1.0, unit="s")]


CASE = Case(claim="it", alone=figures, beside=compare, peer="a peer", needs=("no_such_module",))


def test_a_missing_peer_is_a_row_with_the_line_for_pip_beside_what_can_be_measured(
    tiny: Settings,
) -> None:
    alone, missing = CASE.rows(tiny)
    assert alone.claim == "alone"
    assert missing.missing == "pip install no_such_module"
    assert (missing.claim, missing.peer, missing.ours, missing.met) == ("it", "a peer", None, None)


def test_a_peer_is_run_only_if_it_is_asked_for(tiny: Settings) -> None:
    there = replace(CASE, needs=("json",))
    assert [row.claim for row in there.rows(tiny)] == ["beside"]
    assert [row.claim for row in there.rows(replace(tiny, against=False))] == ["alone"]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group.name)
def test_every_group_has_cases_with_something_to_measure(group: object) -> None:
    cases = group.cases()
    assert all(case.alone or case.beside for case in cases)
    assert all(case.beside is None or case.peer for case in cases)
    assert group.peers_only == all(case.alone is None for case in cases)


def test_packages_of_a_peer_are_named_by_their_extra() -> None:
    assert lacking("json", "no_such_module") == "pip install no_such_module"
    assert versions_of(("numpy", "no-such-package")).keys() == {"numpy"}


def test_without_names_the_usual_groups_run_and_against_peers_all() -> None:
    assert [group.name for group in chosen_groups([], against=False)] == [
        "cold", "film", "archive", "reading",
    ]  # fmt: skip
    assert chosen_groups([], against=True) == GROUPS


def test_an_unknown_group_and_one_without_its_peers_are_refused_at_once() -> None:
    with pytest.raises(ConfigError, match="engine is measured beside peers only") as caught:
        chosen_groups(["engine", "colt"], against=False)
    assert "got 'colt'" in str(caught.value)


def test_real_films_are_read_by_kind(tiny: Settings, tmp_path: Path) -> None:
    from PIL import Image

    from hilum.benchmark.pictures import kinds_of_film

    real = tmp_path / "real"
    real.mkdir()
    Image.new("L", (40, 30)).save(real / "a.png")
    Image.new("RGBA", (40, 30)).save(real / "b.png")
    found = kinds_of_film(tmp_path / "films", films=1, small=64, large=(80, 96), real=real)
    assert list(found) == [
        "PNG, L, 30 x 40 pixels, real films", "PNG, RGBA, 30 x 40 pixels, real films",
        "PNG, 64 x 64 pixels", "JPEG, 64 x 64 pixels",
        "PNG, 96 x 80 pixels", "JPEG, 96 x 80 pixels",
    ]  # fmt: skip


@pytest.mark.parametrize(("load", "threads"), [(0.2, 8), (0.6, 1), (None, 8)])
def test_a_busy_machine_gives_every_inference_one_thread(
    monkeypatch: pytest.MonkeyPatch, load: float | None, threads: int
) -> None:
    monkeypatch.setattr(machine, "usable_cores", lambda: 8)
    monkeypatch.setattr(machine, "load_average", lambda: load)
    assert machine.fair_threads() == threads


def test_the_machine_is_described_as_far_as_speed_depends_on_it() -> None:
    told = machine.describe_machine()
    assert told["cores_used"] >= 1
    assert told["memory_gb"] is None or told["memory_gb"] > 0.1
    assert set(told) == {
        "processor", "cores", "cores_used", "instructions", "memory_gb", "system", "python",
    }  # fmt: skip
