"""Every comparison, as small as it goes: both sides do their work, and the row says of what."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from hilum.benchmark.case import Settings
from hilum.benchmark.cases import cold, engine, feeding, maps, training
from hilum.benchmark.cases.evaluation import beside as evaluate_beside
from hilum.benchmark.cases.reading import beside_rows
from hilum.benchmark.pictures import drawn, kinds_of_film, written
from hilum.benchmark.trainee import Job

SMALL = engine.Network(name="small_cnn", size=64)


@pytest.fixture(autouse=True)
def one_thread() -> object:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_a_network_stands_beside_eager_torch_and_beside_itself_without_maps(tiny: Settings) -> None:
    rows = engine.network_rows(SMALL, tiny, compiled=False, openvino=False)
    eager, cost = rows
    assert (eager.peer, eager.target) == ("torch, eager", 1.5)
    assert eager.ratio == pytest.approx(eager.theirs / eager.ours)
    assert cost.at_most
    assert cost.target == 1.05


def test_openvino_is_a_row_a_precision_where_it_is_installed(tiny: Settings) -> None:
    pytest.importorskip("openvino")
    rows = engine.network_rows(replace(SMALL, bf16=3.0), tiny, compiled=False)
    named = {row.claim: row for row in rows}
    assert named["small_cnn, one film, warm, OpenVINO fp32 (with maps)"].target is None
    bf16 = [row for row in rows if "bf16" in row.claim + row.peer]
    assert bf16[0].missing or bf16[0].target == 3.0


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_torch_compile_is_a_peer(tiny: Settings) -> None:
    rows = engine.network_rows(SMALL, tiny, openvino=False)
    assert [row.peer for row in rows][:2] == ["torch, eager", "torch.compile, fp32"]


def test_the_maps_of_the_library_are_the_same_and_the_row_says_how_nearly(tiny: Settings) -> None:
    pytest.importorskip("pytorch_grad_cam")
    ours, _ = maps.map_rows("small_cnn", tiny, size=64)
    assert ours.note.startswith("largest difference of the maps")
    assert float(ours.note.split()[5].rstrip(",")) <= maps.AGREEMENT
    assert ours.wanted == "at least 4 times, maps equal to 0.001"


def test_maps_that_differ_fail_the_row_however_fast_they_come() -> None:
    ours = np.array([[0.0, 1.0], [2.0, 4.0]], np.float32)
    pytest.importorskip("pytorch_grad_cam")
    same = maps.largest_difference(ours, ours / 4)
    assert same == pytest.approx(0, abs=1e-6)
    assert maps.largest_difference(ours, 1 - ours / 4) == pytest.approx(1, abs=1e-6)
    assert maps.largest_difference(np.zeros((2, 2), np.float32), ours) is None


@pytest.mark.slow
def test_torchxrayvision_needs_no_download(tiny: Settings) -> None:
    pytest.importorskip("torchxrayvision")
    (row,) = engine.xrv_rows(engine.Network(name="small_cnn", size=64), tiny)
    assert row.peer.startswith("torchxrayvision")


def test_reading_has_a_row_a_kind_with_its_own_target(tiny: Settings, tmp_path: Path) -> None:
    films = kinds_of_film(tmp_path, films=1, small=tiny.small, large=tiny.large)
    rows = beside_rows(films, 1)
    assert [row.target for row in rows] == [1.5, 4.5, 1.5, 4.5]


@pytest.mark.filterwarnings("ignore:The given NumPy array is not writable")
def test_a_training_step_stands_beside_the_loop(tiny: Settings) -> None:
    bf16, fp32 = training.training_rows(tiny, side=32)
    assert (bf16.target, fp32.target) == (2.0, None)
    assert bf16.theirs == fp32.theirs


def test_a_fed_step_stands_beside_two_that_are_not(tmp_path: Path) -> None:
    job = Job(network="small_cnn", size=32, batch=4)
    rows = feeding.step_rows(job, torch.device("cpu"), tmp_path / "a", rounds=1)
    assert len(rows) == 4
    assert {row.target for row in rows} == {0.9}


def test_feeding_alone_is_counted_for_both_ways(tmp_path: Path) -> None:
    rows = feeding.feeding_rows(torch.device("cpu"), tmp_path / "b", batches=1, epochs=1, size=32)
    assert [row.claim.split(", ")[1] for row in rows] == ["streamed to cpu"] * 2 + [
        "resident to cpu"
    ] * 2
    assert all(row.ours > 0 for row in rows)


def test_intervals_stand_beside_the_usual_loop(tiny: Settings) -> None:
    pytest.importorskip("sklearn")
    everything, looped = evaluate_beside(replace(tiny, images=60, many=60))
    assert everything.wanted == "under 20 s"
    assert looped.ratio == pytest.approx(looped.theirs / looped.ours)


@pytest.mark.slow
def test_a_cold_process_stands_beside_a_torch_script(tiny: Settings) -> None:
    rows = cold.beside(replace(tiny, small=256))
    assert [row.unit for row in rows] == ["s", "s", "MB"] * 2 + ["s"]
    assert all(row.ratio > 1 for row in rows[:6])


def test_a_png_has_the_pixels_that_were_drawn(tmp_path: Path) -> None:
    from PIL import Image

    (pixels,) = drawn(1, 64)
    (path,) = written(tmp_path, [pixels], "png")
    with Image.open(path) as picture:
        assert np.array_equal(np.asarray(picture), pixels)
