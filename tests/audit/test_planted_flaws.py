"""The benchmark of planted flaws: its cohorts are what they say, and it runs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def planted(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(ROOT)
    from benchmarks.planted import cohorts, flaws, shots, tampering

    return SimpleNamespace(cohorts=cohorts, flaws=flaws, shots=shots, tampering=tampering)


@pytest.fixture
def films(planted: SimpleNamespace, tmp_path: Path) -> list:
    draw = planted.shots.Draw(seed=3, patients=24, films=(2, 2), size=64)
    return planted.shots.drawn(draw, tmp_path)


def test_at_least_twenty_flaws_and_ten_clean_cohorts_have_names_of_their_own(
    planted: SimpleNamespace,
) -> None:
    every = planted.cohorts.COHORTS
    assert len({one.name for one in every}) == len(every)
    assert sum(bool(one.flaw) for one in every) >= 20
    assert sum(not one.flaw for one in every) == 10


def test_every_flaw_is_meant_for_checks_that_there_are(planted: SimpleNamespace) -> None:
    from hilum.audit.registry import known

    names = {check.name for check in known()}
    for one in planted.cohorts.COHORTS:
        assert set(one.meant_for) <= names, one.name
        assert bool(one.flaw) == bool(one.meant_for), one.name


def test_a_draw_read_back_is_the_draw(planted: SimpleNamespace, tmp_path: Path) -> None:
    draw = planted.shots.Draw(seed=5, patients=6, size=64)
    first, again = planted.shots.drawn(draw, tmp_path), planted.shots.drawn(draw, tmp_path)
    assert [one.name for one in first] == [one.name for one in again]
    for one, other in zip(first, again, strict=True):
        assert np.array_equal(one.pixels, other.pixels)
        assert np.array_equal(one.lungs, other.lungs)
        assert np.array_equal(one.lesion, other.lesion)


def test_a_clean_draw_keeps_patients_in_one_split(films: list) -> None:
    places = {(one.patient_id, one.split) for one in films}
    assert len(places) == len({one.patient_id for one in films}) == 24


def test_splitting_by_image_tears_patients_apart(planted: SimpleNamespace, films: list) -> None:
    torn = planted.flaws.split_by_image(films, np.random.default_rng(0))
    places = {(one.patient_id, one.split) for one in torn}
    assert len(places) > 24
    assert sorted(one.split for one in torn) == sorted(one.split for one in films)


def test_duplicates_come_back_under_other_names(planted: SimpleNamespace, films: list) -> None:
    tested = [one for one in films if one.split == "test"]
    copies = planted.flaws.byte_duplicates(films, np.random.default_rng(0))[len(films) :]
    assert len(copies) == len(tested) // 3
    assert {one.split for one in copies} == {"train"}
    assert not {one.patient_id for one in copies} & {one.patient_id for one in films}
    known = {one.pixels.tobytes() for one in tested}
    assert all(one.pixels.tobytes() in known for one in copies)


def test_near_duplicates_have_other_pixels(planted: SimpleNamespace, films: list) -> None:
    copies = planted.flaws.near_duplicates(films, np.random.default_rng(0))[len(films) :]
    known = {one.pixels.tobytes() for one in films}
    assert copies
    assert not any(one.pixels.tobytes() in known for one in copies)
    assert all(one.lungs.shape == one.pixels.shape for one in copies)


def test_a_confounded_source_tells_the_label(planted: SimpleNamespace, films: list) -> None:
    moved = planted.flaws.confounded(1.0)(films, np.random.default_rng(0))
    assert len({(one.source, one.label) for one in moved}) == 2


def test_a_mark_is_put_on_most_findings_and_few_normal_films(
    planted: SimpleNamespace, films: list
) -> None:
    plant = planted.flaws.on_findings(lambda shot, _: replace(shot, quality=1), share=0.9)
    marked = plant(films * 20, np.random.default_rng(0))
    shares = {
        label: np.mean([one.quality == 1 for one in marked if (one.label == "normal") == label])
        for label in (True, False)
    }
    assert shares[False] == pytest.approx(0.9, abs=0.05)
    assert shares[True] == pytest.approx(0.1, abs=0.05)


def test_what_moves_pixels_moves_the_masks(planted: SimpleNamespace, films: list) -> None:
    for change in (
        planted.tampering.cropped(films[0], 0.1),
        planted.tampering.trimmed(films[0], 0.8),
        planted.tampering.enlarged(films[0], 1.5),
    ):
        assert change.lungs.shape == change.lesion.shape == change.pixels.shape
        assert change.pixels.shape != films[0].pixels.shape
        assert change.lungs.any()


def test_marks_lie_in_the_square_a_network_sees(planted: SimpleNamespace, films: list) -> None:
    wide = next(one for one in films if one.pixels.shape[1] > one.pixels.shape[0])
    marked = planted.tampering.squared(wide, (0.08, 0.08), 0.09)
    rows, columns = np.nonzero(marked.pixels != wide.pixels)
    height, width = wide.pixels.shape
    left = (width - height) / 2
    assert columns.min() >= left - 1
    assert columns.max() < left + 0.2 * height
    assert rows.max() < 0.2 * height


@pytest.mark.slow
def test_the_benchmark_runs_from_drawing_to_verdicts(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.bench_planted_flaws", "--quick"]
    out = tmp_path / "found.json"
    subprocess.run(
        [*command, "--folder", str(tmp_path / "made"), "--json", str(out)],
        cwd=ROOT, check=True, capture_output=True, timeout=900,
    )  # fmt: skip
    found = json.loads(out.read_text())
    assert [one["cohort"] for one in found] == ["text-marker", "clean-1"]
    for one in found:
        assert set(one["verdicts"].values()) <= {"pass", "warn", "fail", "not run"}
        assert one["films"] > 20
        assert set(one["found_by"]) <= set(one["meant_for"]) & set(one["fails"])
