from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import hilum
from hilum.data.phantom import draw_phantom
from hilum.errors import BundleError
from hilum.screening import default, lungs
from hilum.screening.bundle import Bundle
from hilum.screening.default import default_bundle
from hilum.screening.gate import layout


def test_the_bundle_that_ships_is_whole_small_and_says_what_it_is_for() -> None:
    folder = default_bundle()
    record = Bundle.load(folder).record
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 20_000_000
    assert record.classes == ("normal", "abnormal")
    assert "Research use only" in record.intended_use
    assert record.calibrated
    assert record.gate["features"]["limit"] > 0
    assert {"test", "cross_validation"} <= set(record.measured)
    assert "/" not in str(record.training["command"][0])


@pytest.mark.parametrize("folder", [default_bundle(), lungs.SHIPPED, layout.SHIPPED])
def test_no_network_that_ships_names_a_file_of_the_machine_it_was_made_on(folder: Path) -> None:
    network = (folder / "model.onnx").read_bytes()
    traces = (b"site-packages", b".py", b"/home/", b"/usr/", b"/opt/", b"/root/", b"/tmp/")
    assert not [trace for trace in traces if trace in network]


def test_a_film_is_answered_without_naming_a_bundle(tmp_path: Path) -> None:
    film = tmp_path / "film.png"
    Image.fromarray(draw_phantom(np.random.default_rng(1), size=512).pixels).save(film)
    found = hilum.screen(film)
    assert found.error is None
    assert found.bundle == Bundle.load(default_bundle()).id


def test_real_films_are_accepted_and_answered(shared_data: Path) -> None:
    films = sorted((shared_data / "originals" / "nih").glob("*.png"))[:6]
    found = [hilum.screen(film) for film in films]
    assert all(answer.accepted and answer.decision for answer in found)
    assert all(0 < answer.probabilities["abnormal"] < 1 for answer in found if answer.probabilities)


def test_an_installation_without_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default, "_FOLDER", tmp_path / "none")
    with pytest.raises(BundleError, match="no default bundle .* Name one with --bundle"):
        default_bundle()
