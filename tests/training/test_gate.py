"""What the gate's network is shown is what is said of it; a short fit writes a whole folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.data.phantom import draw_phantom
from hilum.errors import BundleError, ConfigError, DataError
from hilum.screening.gate.layout import LayoutNetwork
from hilum.training import GateSettings, train_gate
from hilum.training.gate_augment import spoil, turned
from hilum.training.gate_measure import WRONG
from hilum.training.gate_network import GateNet
from hilum.training.gate_strangers import SKETCHES, draw_stranger

SMALL = GateSettings(steps=2, films=8, strangers=2, sketches=15, phantoms=4)


@pytest.fixture(scope="module")
def squares() -> NDArray[np.uint8]:
    rng = np.random.default_rng(3)
    return np.stack([draw_phantom(rng, size=192).pixels[:192, :192] for _ in range(8)])


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    folder, rng, rows = tmp_path_factory.mktemp("films"), np.random.default_rng(4), []
    for number in range(24):
        path = folder / f"{number}.png"
        Image.fromarray(draw_phantom(rng, size=200).pixels).save(path)
        split = ("train", "val", "test")[number % 3]
        rows.append((path.name, f"p{number}", f"hospital-{number % 2}", "normal", split))
    columns = ("path", "patient_id", "source", "label", "split")
    frame = pl.DataFrame(rows, schema=columns, orient="row")
    frame.write_csv(folder / "manifest.csv")
    return Manifest.read(folder / "manifest.csv")


def test_a_pose_is_a_mirror_image_and_then_quarter_turns() -> None:
    picture = torch.arange(16.0).reshape(1, 1, 4, 4)
    plain = picture[0, 0].numpy()
    for pose in range(8):
        wanted = np.rot90(plain[:, ::-1] if pose >= 4 else plain, pose % 4)
        found = turned(picture, torch.tensor([pose]))[0, 0].numpy()
        assert np.array_equal(found, wanted)


def test_a_batch_is_films_then_strangers_and_says_so(squares: NDArray[np.uint8]) -> None:
    rng = np.random.default_rng(0)
    strangers = np.stack([draw_stranger(rng) for _ in range(3)])
    shown = spoil(squares, strangers, rng)
    assert shown.images.shape == (8 + 3 + 1, 1, 96, 96)
    assert shown.chest.tolist() == [1] * 8 + [0] * 4
    assert 0 <= float(shown.images.min()) < float(shown.images.max()) <= 1


def test_the_same_seed_shows_the_same_batch(squares: NDArray[np.uint8]) -> None:
    strangers = np.stack([draw_stranger(np.random.default_rng(1))])
    one, two = (spoil(squares, strangers, np.random.default_rng(5)) for _ in range(2))
    assert torch.equal(one.images, two.images)
    assert torch.equal(one.pose, two.pose)


def test_an_upright_film_and_its_negative_add_up_to_white(squares: NDArray[np.uint8]) -> None:
    assert np.array_equal(WRONG["inverted"].make(squares[0]), 255 - squares[0])
    half = WRONG["left half"].make(squares[0])
    assert half.shape == squares[0].shape
    assert abs(float(half.mean()) - float(squares[0][:, :96].mean())) < 2


@pytest.mark.parametrize("kind", list(SKETCHES))
def test_every_kind_of_sketch_is_a_picture_and_never_the_same(kind: str) -> None:
    rng = np.random.default_rng(2)
    one, two = draw_stranger(rng, kind), draw_stranger(rng, kind)
    assert (one.shape, one.dtype) == ((192, 192), np.uint8)
    assert not np.array_equal(one, two)
    assert np.ptp(one) > 20


def test_an_unknown_sketch_is_refused() -> None:
    with pytest.raises(ValueError, match="kind must be one of hand, limb"):
        draw_stranger(np.random.default_rng(0), "foot")


def test_the_network_is_small() -> None:
    assert sum(parameter.numel() for parameter in GateNet().parameters()) < 150_000


def test_impossible_settings_are_all_named() -> None:
    with pytest.raises(ConfigError, match="cannot be trained like this") as caught:
        GateSettings(steps=0, films=2, learning_rate=3)
    assert len(caught.value.problems) == 3


@pytest.mark.slow
def test_a_fit_writes_a_folder_that_opens_and_says_what_was_measured(
    manifest: Manifest, tmp_path: Path
) -> None:
    told: list[tuple[int, int]] = []
    network = train_gate(
        manifest,
        tmp_path / "network",
        SMALL,
        left_out_steps=1,
        command=("hilum", "gate", "train"),
        progress=lambda done, total: told.append((done, total)),
    )
    record = json.loads((tmp_path / "network" / "gate.json").read_text("utf-8"))
    assert LayoutNetwork(tmp_path / "network").id == network.id == record["id"]
    assert told[-1] == (2, 2)
    assert record["training"]["n_images"] == 8
    assert record["measured"]["test"]["accepted"]["all"]["n"] == 8
    assert record["measured"]["without_its_source"]["hospital-1"]["accepted"]["n"] == 12
    assert record["measured"]["parity"]["largest_difference"] < 1e-4
    with pytest.raises(BundleError, match="already something"):
        train_gate(manifest, tmp_path / "network", SMALL)


def test_something_else_is_never_overwritten(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    with pytest.raises(BundleError, match="holds no gate's network"):
        train_gate(manifest, tmp_path / "notes", SMALL, overwrite=True)


def test_a_manifest_without_splits_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    plain = Manifest.from_frame(manifest.frame.drop("split"), manifest.root)
    with pytest.raises(DataError, match="column split"):
        train_gate(plain, tmp_path / "network", SMALL)


def test_a_missing_split_is_named(manifest: Manifest, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="got none in val, test"):
        train_gate(manifest.select(split="train"), tmp_path / "network", SMALL)
