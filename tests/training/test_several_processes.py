"""`torchrun` as a user types it: several processes on one machine, with gloo on the CPU."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.training.conftest import Spots, spot_recipe

from hilum.data.cache import PreparedCache
from hilum.training.run_folder import RunFolder

pytestmark = pytest.mark.slow

EPOCHS = 8
COMPARED = 4
"""Epochs before rounding has grown. Statistics or draws of each process's own would move the loss
by more than a hundredth in the first of them."""


def start(spots: Spots, out: Path, *, processes: int, restarts: int = 0) -> subprocess.Popen[bytes]:
    recipe = out.with_suffix(".yaml")
    settings = spot_recipe(
        model={"name": "small_cnn", "dropout": 0.3},
        augmentation={"translate": 0.05, "rotation_deg": 10, "shear_deg": 5, "brightness": 0.1},
        loss={"class_weights": "balanced"},
        optimizer={"name": "sgd", "learning_rate": 1e-3},  # Adam turns rounding into whole steps
        training={
            "epochs": EPOCHS, "batch_size": 16, "seed": 1, "precision": "32",
            "augment_selection": True, "gradient_clip": 1.0,
        },
    )  # fmt: skip
    recipe.write_text(settings.to_yaml())
    words = [sys.executable]
    if processes > 1:
        words += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        words += [f"--max-restarts={restarts}"]
    words += ["-m", "hilum", "train", str(recipe), "--manifest", str(spots.manifest_file)]
    words += ["--cache", str(out.with_suffix(".cache")), "--out", str(out), "--resume"]
    with out.with_suffix(".log").open("wb") as log:
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(words, stdout=log, stderr=log, env=environment)


def finished(process: subprocess.Popen[bytes], out: Path) -> str:
    code = process.wait(900)
    log = out.with_suffix(".log").read_text()
    assert code == 0, log[-3000:]
    return log


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def two(spots: Spots, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("processes") / "two"
    finished(start(spots, out, processes=2), out)
    return out


def test_two_processes_give_the_loss_curve_of_one(spots: Spots, two: Path, tmp_path: Path) -> None:
    """With batch normalisation, dropout, changed pictures in training and in validation."""
    one = tmp_path / "one"
    finished(start(spots, one, processes=1), one)
    for key in ("train_loss", "val_loss", "learning_rate"):
        wanted, found = ([float(row[key]) for row in rows_of(run)] for run in (one, two))
        assert len(found) == EPOCHS
        assert found[:COMPARED] == pytest.approx(wanted[:COMPARED], rel=1e-4)
    assert json.loads((two / "run.json").read_text())["processes"] == 2


def test_only_the_first_process_speaks_and_every_picture_is_prepared_once(
    spots: Spots, two: Path
) -> None:
    log = two.with_suffix(".log").read_text()
    assert log.count("Feeding cpu") == 1
    assert log.count("Trained 8 epochs") == 1
    assert len(PreparedCache.open(two.with_suffix(".cache"))) == len(spots.manifest)


def child_of_rank(parent: int, rank: int) -> int:
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for child in map(int, children):
        if f"RANK={rank}".encode() in Path(f"/proc/{child}/environ").read_bytes().split(b"\0"):
            return child
    raise AssertionError(f"no child of {parent} has rank {rank}: {children}")


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="finds processes through /proc")
def test_a_killed_process_is_restarted_and_the_run_ends_as_the_unbroken_one(
    spots: Spots, two: Path, tmp_path: Path
) -> None:
    out = tmp_path / "killed"
    process = start(spots, out, processes=2, restarts=1)
    while not (out / "metrics.csv").exists():
        assert process.poll() is None, out.with_suffix(".log").read_text()[-3000:]
        time.sleep(0.01)
    os.kill(child_of_rank(process.pid, 1), signal.SIGKILL)
    before = len(rows_of(out))
    log = finished(process, out)
    assert before < EPOCHS
    assert re.search(r"exitcode\s*:?\s*-9|Signal 9", log)
    assert (out / "metrics.csv").read_bytes() == (two / "metrics.csv").read_bytes()
    assert "finished" in RunFolder(out).record()
