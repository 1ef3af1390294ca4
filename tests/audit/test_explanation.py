"""Networks whose maps lie where the test wants them, on films with a bright spot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from PIL import Image

from hilum.audit.answers import AnswerStore
from hilum.audit.asking import Asking
from hilum.audit.checks.explanation import heatmap_in_lesion, heatmap_in_lungs
from hilum.audit.checks.randomisation import maps_under_randomisation
from hilum.audit.masks import Masks
from hilum.audit.subject import Settings, Subject
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord

onnx = pytest.importorskip("onnx")
helper, numpy_helper = onnx.helper, onnx.numpy_helper

SIZE, FILTERS = 32, 16
LUNGS = slice(8, 24), slice(4, 28)
"""Rows and columns of the drawn lungs."""

IN_LUNGS, OUTSIDE = (14, 10), (27, 22)
"""Corners of a bright spot of 4 x 4 pixels, on the 8 x 8 grid of the maps."""


def spotter(*, film_only: bool = False) -> bytes:
    """Return a network that sees bright tiles through sixteen filters that mean them together.

    Its map of the finding is where the film is bright. With `film_only` it is read off the film
    without any weights, as maps are that do not depend on what was learnt.
    """
    rng = np.random.default_rng(3)
    filters = rng.normal(0, 0.3, (FILTERS, 1, 4, 4)).astype(np.float32)
    head = rng.normal(0, 1, FILTERS)
    # Solved so that the filters, weighted by the head, add up to the mean of a tile.
    filters += ((1 / 16 - np.tensordot(head, filters, 1)) / (head @ head))[None] * head[
        :, None, None, None
    ]
    weights = np.stack([-head, head]).astype(np.float32)
    constants = {
        "filters": filters.astype(np.float32),
        "weights": weights.T,
        "maps": weights[:, :, None, None],
        "bias": np.array([0.02, 0.0], np.float32),
    }
    seen = [
        helper.make_node("AveragePool", ["images"], ["tiles"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Neg", ["tiles"], ["dark"]),
        helper.make_node("Concat", ["dark", "tiles"], ["raw"], axis=1),
    ]
    nodes = [
        helper.make_node("Conv", ["images", "filters"], ["features_"], strides=[4, 4]),
        helper.make_node("GlobalAveragePool", ["features_"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights", "bias"], ["logits"]),
        *(seen if film_only else [helper.make_node("Conv", ["features_", "maps"], ["raw"])]),
        helper.make_node("Relu", ["raw"], ["cams"]),
    ]
    float32 = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "spotter",
        [helper.make_tensor_value_info("images", float32, ["batch", 1, SIZE, SIZE])],
        [
            helper.make_tensor_value_info("logits", float32, ["batch", 2]),
            helper.make_tensor_value_info("cams", float32, ["batch", 2, "h", "w"]),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


def bundle_of(folder: Path, model: bytes) -> Bundle:
    record = BundleRecord(
        name="spotter",
        created="2024-05-01T10:00:00Z",
        hilum_version="0.1.0",
        task="multiclass",
        classes=("normal", "finding"),
        architecture=Architecture(name="spotter", channels=1, outputs=2),
        preprocessing=Preprocessing(size=SIZE),
    )
    return write_bundle(folder, record, model_onnx=model, weights=b"weights stand here")


def film(label: str, spot: tuple[int, int], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return grey noise with a bright spot, or with a dark one if it is normal."""
    pixels = rng.normal(127, 2, (SIZE, SIZE))
    y, x = spot
    pixels[y - y % 4 : y - y % 4 + 4, x - x % 4 : x - x % 4 + 4] += 110 * (
        1 if label == "finding" else -1
    )
    return np.clip(pixels, 0, 255).astype(np.uint8)


Make = Callable[..., Subject]


@pytest.fixture
def make_subject(tmp_path: Path) -> Make:
    """Return a function that draws films with their masks and hands them to a network."""

    def make(
        spot: tuple[int, int] = IN_LUNGS,
        *,
        model: bytes | None = None,
        films: int = 24,
        masks: bool = True,
        blank: int = 0,
    ) -> Subject:
        rng, rows = np.random.default_rng(5), []
        for number in range(films):
            label = ("normal", "finding")[number % 2]
            pixels = film(label, spot, rng)
            if number < blank:
                pixels = np.full((SIZE, SIZE), 128, np.uint8)
            lungs, lesion = np.zeros((2, SIZE, SIZE), np.uint8)
            lungs[LUNGS] = 255
            lesion[IN_LUNGS[0] - 2 : IN_LUNGS[0] + 2, IN_LUNGS[1] - 2 : IN_LUNGS[1] + 2] = 255
            for kind, plane in (("film", pixels), ("lungs", lungs), ("lesion", lesion)):
                Image.fromarray(plane).save(tmp_path / f"{kind}-{number}.png")
            rows.append(
                {
                    "path": f"film-{number}.png",
                    "patient_id": f"p{number // 2}",
                    "source": "drawn",
                    "label": label,
                    "split": "test",
                    **({"lung_mask": f"lungs-{number}.png"} if masks else {}),
                    **(
                        {"lesion_mask": f"lesion-{number}.png" if label == "finding" else ""}
                        if masks
                        else {}
                    ),
                }
            )
        pl.DataFrame(rows).write_csv(tmp_path / "manifest.csv")
        manifest = Manifest.read(tmp_path / "manifest.csv")
        return Subject(
            bundle_of(tmp_path / "bundle", spotter() if model is None else model),
            manifest,
            Settings(resamples=200),
            AnswerStore(tmp_path / "answers.sqlite"),
            Masks(manifest.root, None),
        )

    return make


def test_evidence_inside_the_lungs_passes(make_subject: Make) -> None:
    found = heatmap_in_lungs(make_subject())
    times = found.numbers["evidence in the lungs, times that of an even map"]
    assert found.verdict == "pass"
    assert times.low is not None
    assert times.low > 1.5
    assert found.numbers["share of the square that is lung"].estimate == pytest.approx(0.375)
    assert times.patients == 12


def test_evidence_outside_the_lungs_fails_and_says_so(make_subject: Make) -> None:
    found = heatmap_in_lungs(make_subject(OUTSIDE))
    assert found.verdict == "fail"
    assert "so less than by chance" in found.summary
    assert found.pictures[0].pixels.shape == (256, 4 * 256 + 3 * 6, 3)


def test_the_table_has_every_class_and_the_right_and_wrong_calls(make_subject: Make) -> None:
    table = heatmap_in_lungs(make_subject()).tables[0]
    assert [row[0] for row in table.rows] == ["all films", "normal", "finding", "called rightly"]
    assert [row[4] for row in table.rows] == [24, 12, 12, 24]


def test_films_with_an_empty_map_are_counted_apart(make_subject: Make) -> None:
    # A film of one grey is called normal by the bias alone: nothing in it speaks for that.
    found = heatmap_in_lungs(make_subject(blank=4))
    assert "4 films have an empty map and are left out." in found.notes
    assert found.numbers["share of the evidence in the lungs"].n == 20


def test_without_masks_neither_check_runs(make_subject: Make) -> None:
    subject = make_subject(masks=False)
    assert heatmap_in_lungs(subject).verdict == "not run"
    assert "24 films" in heatmap_in_lungs(subject).summary
    lesion = heatmap_in_lesion(subject)
    assert lesion.verdict == "not run"
    assert "column lesion_mask" in lesion.summary


def test_evidence_on_the_lesion_passes_and_its_peak_is_on_it(make_subject: Make) -> None:
    found = heatmap_in_lesion(make_subject())
    hit = found.numbers["strongest cell on the lesion"]
    assert found.verdict == "pass"
    assert (hit.estimate, hit.n) == (1.0, 12)
    assert "Of 12 films it is not known where the lesion lies." in found.notes


def test_evidence_beside_the_lesion_fails(make_subject: Make) -> None:
    found = heatmap_in_lesion(make_subject(OUTSIDE))
    assert found.verdict == "fail"
    assert found.numbers["strongest cell on the lesion"].estimate == 0.0


def test_a_handful_of_films_decides_nothing(make_subject: Make) -> None:
    subject = make_subject(films=8)
    assert heatmap_in_lungs(subject).verdict == "not run"
    assert maps_under_randomisation(subject).verdict == "not run"


def test_maps_that_come_from_what_was_learnt_change_with_it(make_subject: Make) -> None:
    found = maps_under_randomisation(make_subject())
    last = found.numbers["rank correlation, all layers shuffled"]
    assert found.verdict == "pass"
    assert last.n == 24
    assert (last.estimate or 0) < 0.5


def test_maps_that_show_the_film_whatever_was_learnt_fail(make_subject: Make) -> None:
    found = maps_under_randomisation(make_subject(model=spotter(film_only=True)))
    assert found.verdict == "fail"
    assert found.numbers["rank correlation, all layers shuffled"].estimate == pytest.approx(1.0)


def test_shuffled_networks_are_asked_once(
    make_subject: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = make_subject()
    first = maps_under_randomisation(subject)

    def refuse(*_: object) -> None:
        raise AssertionError("asked again")

    monkeypatch.setattr(Asking, "_infer", refuse)
    assert maps_under_randomisation(subject).numbers == first.numbers
