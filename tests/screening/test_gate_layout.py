"""The gate's network tells how a film lies: phantoms, and real films where there are any."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.data.phantom import HOSPITALS, draw_phantom
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import BundleError
from hilum.screening.fields import canonical
from hilum.screening.gate import Limits, Verdict, check
from hilum.screening.gate.layout import LIMITS, SHIPPED, Layout, LayoutNetwork, shipped, square

Picture = NDArray[np.uint8]


def film(pixels: NDArray[Any], **changes: Any) -> Radiograph:
    values: dict[str, Any] = {
        "pixels": np.ascontiguousarray(pixels),
        "white": 255,
        "format": "png",
        "sha256": "0" * 64,
        "full_shape": pixels.shape,
    }
    return Radiograph(**{**values, **changes})


@pytest.fixture(scope="module")
def phantoms() -> list[Picture]:
    """Phantoms that the network did not learn from, one of each hospital."""
    rng = np.random.default_rng(2024)
    return [draw_phantom(rng, hospital=hospital, size=256).pixels for hospital in HOSPITALS]


def verdicts(pictures: list[Picture], change: Callable[[Picture], Picture]) -> list[Verdict]:
    return [check(film(change(picture))) for picture in pictures]


def test_phantoms_are_accepted(phantoms: list[Picture]) -> None:
    assert [found.reasons for found in verdicts(phantoms, lambda p: p)] == [()] * len(phantoms)


WRONG: dict[str, Callable[[Picture], Picture]] = {
    "turn it clockwise by 90": lambda p: np.rot90(p, 1),
    "upside down .* turn it by 180": lambda p: np.rot90(p, 2),
    "turn it anticlockwise by 90": lambda p: np.rot90(p, 3),
    "The grey scale looks inverted": lambda p: 255 - p,
    "Only a part of the chest": lambda p: p[: p.shape[0] // 2],
}


@pytest.mark.parametrize("reason", list(WRONG))
def test_a_film_that_lies_wrong_is_refused_with_what_to_do(
    reason: str, phantoms: list[Picture]
) -> None:
    found = verdicts(phantoms, WRONG[reason])
    told = [any(re.search(reason, text) for text in verdict.reasons) for verdict in found]
    assert sum(told) >= len(told) - 1


def test_a_mirrored_film_is_warned_about_and_not_refused() -> None:
    layout = Layout(chest=1, turned=(1, 0, 0, 0), mirrored=0.97, negative=0, piece=0)
    limits = dict.fromkeys(LIMITS, 0.5)
    assert layout.reasons(limits) == []
    assert "compare the side marker" in layout.warnings(limits)[0]
    assert "97 %" in layout.warnings(limits)[0]


def test_what_is_no_chest_has_one_reason_and_that_is_enough() -> None:
    layout = Layout(chest=0.0004, turned=(0, 0, 1, 0), mirrored=0, negative=1, piece=1)
    (reason,) = layout.reasons(dict.fromkeys(LIMITS, 0.5))
    assert "does not look like a frontal chest radiograph" in reason
    assert "below 0.1 %, at least 50 % is asked for" in reason


def test_the_score_falls_with_everything_that_is_wrong() -> None:
    right = Layout(chest=0.9, turned=(0.8, 0.1, 0.05, 0.05), mirrored=0.3, negative=0.5, piece=0)
    assert right.score == pytest.approx(0.9 * 0.8 * 0.5)


def test_a_bundle_may_move_the_networks_limits(phantoms: list[Picture]) -> None:
    upside_down = film(np.rot90(phantoms[0], 2))
    assert not check(upside_down).accepted
    assert check(upside_down, {"limits": {"turned": 1, "negative": 1, "piece": 1}}).accepted
    assert not check(film(phantoms[0]), Limits(chest=1.01)).accepted


def test_a_square_is_the_whole_film_and_as_dense_as_it(phantoms: list[Picture]) -> None:
    wide = np.repeat(np.repeat(phantoms[0], 2, axis=0), 3, axis=1)
    found = square(film(wide))
    assert found.shape == (96, 96)
    assert abs(float(found.mean()) - float(wide.mean())) < 2


def test_deep_pixels_are_seen_like_shallow_ones(phantoms: list[Picture]) -> None:
    deep = film(phantoms[0].astype(np.uint16) * 16, white=4080)
    assert np.array_equal(square(deep), square(film(phantoms[0])))


def test_several_threads_may_ask_at_once(phantoms: list[Picture]) -> None:
    alone = [shipped().look(film(picture)) for picture in phantoms]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda picture: shipped().look(film(picture)), phantoms * 4))
    assert together == alone * 4


def test_it_is_small_and_says_what_it_was_measured_to_do() -> None:
    record = shipped().record
    assert (SHIPPED / "model.onnx").stat().st_size < 600_000
    assert "Research use only" in record["intended_use"]
    assert record["measured"]["test"]["accepted"]["all"]["n"] > 300
    assert {*record["measured"]["without_its_source"]} >= {"nih", "cohen"}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "network"))


def rewritten(folder: Path, **changes: Any) -> Path:
    """Change the record, and sign it again."""
    path = folder / "gate.json"
    record = {**json.loads(path.read_text("utf-8")), **changes}
    record.pop("id")
    record["id"] = hashlib.sha256(canonical(record).encode()).hexdigest()
    path.write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_a_changed_byte_of_the_network_is_noticed(copy: Path) -> None:
    model = bytearray((copy / "model.onnx").read_bytes())
    model[len(model) // 2] ^= 1
    (copy / "model.onnx").write_bytes(model)
    with pytest.raises(BundleError, match="not the network that its record was written for"):
        LayoutNetwork(copy)


def test_a_changed_letter_of_the_record_is_noticed(copy: Path) -> None:
    text = (copy / "gate.json").read_text("utf-8").replace("Research", "research", 1)
    (copy / "gate.json").write_text(text, encoding="utf-8")
    with pytest.raises(BundleError, match="was changed after it was written"):
        LayoutNetwork(copy)


@pytest.mark.parametrize("name", ["gate.json", "model.onnx"])
def test_a_missing_file_is_named_with_the_way_to_mend_it(copy: Path, name: str) -> None:
    (copy / name).unlink()
    with pytest.raises(BundleError, match=f"{name} cannot be read.*install hilum again"):
        LayoutNetwork(copy)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "something"}, "is not the record of a gate's network"),
        ({"format_version": 9}, "has format version 9; this hilum reads 1"),
        ({"limits": {"chest": 0.5}}, "must have the limits chest, turned"),
    ],
)
def test_a_record_that_cannot_be_used_is_refused(
    changes: dict[str, Any], message: str, copy: Path
) -> None:
    with pytest.raises(BundleError, match=message):
        LayoutNetwork(rewritten(copy, **changes))


def test_another_network_in_its_place_is_refused(copy: Path) -> None:
    model = (SHIPPED.parent / "lung_segmenter" / "model.onnx").read_bytes()
    (copy / "model.onnx").write_bytes(model)
    sha256 = hashlib.sha256(model).hexdigest()
    rewritten(copy, files={"model.onnx": {"sha256": sha256, "bytes": len(model)}})
    with pytest.raises(BundleError, match="is not a gate's network: expected images"):
        LayoutNetwork(copy)


@pytest.mark.slow
def test_most_real_films_are_accepted_and_nearly_none_upside_down(shared_data: Path) -> None:
    with (shared_data / "cxr" / "manifest.csv").open(encoding="utf-8", newline="") as table:
        paths = [row["path"] for row in csv.DictReader(table) if row["split"] == "test"]
    films = [read_radiograph(shared_data / "cxr" / path) for path in paths]
    taken = [check(one).accepted for one in films]
    turned = [check(film(np.rot90(one.pixels, 2))).accepted for one in films[::3]]
    assert len(films) == 353
    assert np.mean(taken) >= 0.98
    assert np.mean(turned) <= 0.03
