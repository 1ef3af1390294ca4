from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hilum.errors import DataError
from hilum.screening.batch import predict_manifest
from hilum.screening.bundle import Bundle
from hilum.screening.screener import Screener

pl = pytest.importorskip("polars")
Make = Callable[..., Bundle]


@pytest.fixture
def manifest(make_film: Callable[..., Path], tmp_path: Path) -> Any:
    from hilum.data.manifest import Manifest

    for index in range(7):
        make_film(f"{index}.png", shift=index)
    frame = pl.DataFrame(
        {
            "path": [f"films/{index}.png" for index in range(7)],
            "patient_id": [str(index // 2) for index in range(7)],
            "source": ["north"] * 4 + ["south"] * 3,
            "label": ["normal", "covid", "covid", "pneumonia", "normal", "covid", "normal"],
        }
    )
    return Manifest.from_frame(frame, tmp_path)


def test_predictions_are_those_of_the_screener_in_order(bundle: Bundle, manifest: Any) -> None:
    found = predict_manifest(bundle.folder, manifest, batch_size=3, workers=2)
    screener = Screener(bundle)
    for path, row in zip(manifest.paths(), found.probabilities, strict=True):
        expected = screener.screen(path).probabilities
        assert expected is not None
        np.testing.assert_allclose(row, list(expected.values()), atol=1e-6)
    assert found.images.tolist() == manifest.frame["path"].to_list()
    assert found.labels.tolist() == [0, 2, 2, 1, 0, 2, 0]
    assert found.sources is not None
    assert found.sources.tolist() == ["north"] * 4 + ["south"] * 3


def test_progress_reaches_the_end(bundle: Bundle, manifest: Any) -> None:
    seen: list[tuple[int, int]] = []
    predict_manifest(
        bundle, manifest, batch_size=3, progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(3, 7), (6, 7), (7, 7), (7, 7)]


def test_all_films_that_fail_are_listed_together(bundle: Bundle, manifest: Any) -> None:
    paths = manifest.paths()
    paths[1].write_bytes(b"text")
    paths[5].write_bytes(paths[5].read_bytes()[:200])
    with pytest.raises(DataError, match=r"(?s)2 of 7 radiographs.*1\.png: .*5\.png: "):
        predict_manifest(bundle, manifest)


def test_films_that_fail_can_be_left_out(
    bundle: Bundle, manifest: Any, caplog: pytest.LogCaptureFixture
) -> None:
    manifest.paths()[1].write_bytes(b"text")
    with caplog.at_level(logging.WARNING):
        found = predict_manifest(bundle, manifest, skip_failures=True)
    assert found.images.tolist() == [f"films/{index}.png" for index in (0, 2, 3, 4, 5, 6)]
    assert "left out" in caplog.text


def test_a_table_of_nothing_is_never_returned(
    make_bundle: Make, manifest: Any, multiclass: Any
) -> None:
    bundle = make_bundle(replace(multiclass, poison=float("nan")))
    with pytest.raises(DataError, match="7 of 7 radiographs gave no answer"):
        predict_manifest(bundle, manifest, skip_failures=True)


def test_labels_that_are_no_classes_are_refused(
    make_bundle: Make, manifest: Any, binary: Any
) -> None:
    with pytest.raises(DataError, match="no classes of the bundle: pneumonia"):
        predict_manifest(make_bundle(binary), manifest)


def test_sizes_below_one_are_refused(bundle: Bundle, manifest: Any) -> None:
    with pytest.raises(ValueError, match="must be at least 1, got 0, None"):
        predict_manifest(bundle, manifest, batch_size=0)
