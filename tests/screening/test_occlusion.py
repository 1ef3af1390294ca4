from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hilum.data.preprocessing import normalize
from hilum.errors import BundleError
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine, to_probabilities
from hilum.screening.occlusion import FILLS, Occluder, Places

Grey = NDArray[np.uint8]
SIZE = 16


@pytest.fixture
def picture() -> Grey:
    return np.random.default_rng(3).integers(0, 256, (SIZE, SIZE), np.uint8)


@pytest.mark.parametrize(("size", "patch", "stride"), [(224, 64, 16), (16, 5, 3), (17, 4, 4)])
def test_every_pixel_is_covered_and_no_patch_leaves_the_square(
    size: int, patch: int, stride: int
) -> None:
    covered = np.zeros(size, int)
    for span in Places.every(size, patch=patch, stride=stride).spans():
        assert 0 <= span.start < span.stop <= size
        assert span.stop - span.start <= patch
        covered[span] += 1
    assert covered.min() >= 1


def test_places_lie_at_the_centres_of_a_map_laid_over_the_square() -> None:
    spans = Places.every(16, patch=4, stride=4).spans()
    assert [(span.start, span.stop) for span in spans] == [(0, 4), (4, 8), (8, 12), (12, 16)]
    wide = Places.every(16, patch=8, stride=4).spans()
    assert [(span.start, span.stop) for span in wide] == [(0, 6), (2, 10), (6, 14), (10, 16)]


@pytest.mark.parametrize("name", ["multiclass", "binary"])
def test_drops_are_what_plain_arithmetic_gives(
    name: str, make_bundle: Callable[..., Bundle], picture: Grey, request: pytest.FixtureRequest
) -> None:
    tiny: Any = request.getfixturevalue(name)
    bundle = make_bundle(tiny)
    record = bundle.record
    found = Occluder(Engine(bundle), record, patch=6, stride=4)(picture)

    def ask(grey: Grey) -> tuple[NDArray[Any], NDArray[Any]]:
        logits, _ = tiny.answer(normalize(grey[None], record.preprocessing)[:, 0].astype(float))
        said = to_probabilities(
            logits, temperature=record.temperature, binary=record.task == "binary"
        )
        return (np.concatenate([-logits, logits], 1) if len(logits[0]) == 1 else logits), said

    whole = ask(picture)
    covered = picture.copy()
    covered[3:9, 11:16] = round(float(picture.mean()))  # the second row, the last column, cut off
    after = ask(covered)
    assert found.logits.shape == found.probabilities.shape == (len(record.classes), 4, 4)
    assert np.allclose(found.logits[:, 1, 3], (whole[0] - after[0])[0], atol=1e-5)
    assert np.allclose(found.probabilities[:, 1, 3], (whole[1] - after[1])[0], atol=1e-5)
    assert np.array_equal(found.evidence, np.maximum(found.logits, 0))
    assert found.runs == 17


def test_two_classes_of_one_logit_lose_and_gain_the_same(
    make_bundle: Callable[..., Bundle], binary: Any, picture: Grey
) -> None:
    bundle = make_bundle(binary)
    found = Occluder(Engine(bundle), bundle.record)(picture)
    assert np.allclose(found.logits[0], -found.logits[1])
    assert np.allclose(found.probabilities[0], -found.probabilities[1], atol=1e-6)


def test_without_settings_patch_and_stride_follow_the_cells_of_the_map(
    bundle: Bundle, picture: Grey
) -> None:
    places = Occluder(Engine(bundle), bundle.record)(picture).places
    assert places == Places(size=16, patch=8, across=8)  # cells of the 4 x 4 map are 4 pixels


def test_a_picture_of_one_grey_loses_nothing_and_is_not_written_to(bundle: Bundle) -> None:
    flat = np.full((SIZE, SIZE), 90, np.uint8)
    for fill in FILLS:
        found = Occluder(Engine(bundle), bundle.record, fill=fill)(flat)
        assert np.abs(found.logits).max() < 1e-6
    assert (flat == 90).all()


def test_blur_keeps_the_mean_where_grey_does_not(bundle: Bundle) -> None:
    steps = np.repeat(np.array([20, 220], np.uint8), 8)[None].repeat(SIZE, 0)
    drops = [
        Occluder(Engine(bundle), bundle.record, patch=4, stride=4, fill=fill)(steps).logits
        for fill in FILLS
    ]
    assert np.abs(drops[1][:, :, 0]).max() < np.abs(drops[0][:, :, 0]).max() / 2


def test_batches_stay_small_however_many_places_there_are(
    bundle: Bundle, picture: Grey, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, seen = Engine(bundle), list[int]()
    run = engine.run

    def counted(images: NDArray[np.float32]) -> Any:
        seen.append(len(images))
        return run(images)

    monkeypatch.setattr(engine, "run", counted)
    occluder = Occluder(engine, bundle.record, patch=4, stride=1)
    occluder.batch = 5
    occluder(picture)
    assert max(seen) == 5
    assert sum(seen) == 16 * 16 + 1


def test_a_batch_holds_as_many_pixels_at_any_size(make_bundle: Callable[..., Bundle]) -> None:
    bundle = make_bundle()
    pixels = Occluder(Engine(bundle), bundle.record).batch * SIZE**2
    assert pixels <= 8 * 224 * 224


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"patch": 17}, r"patch must be in \[1, 16\] pixels, got 17"),
        ({"patch": 4, "stride": 5}, r"stride must be in \[1, 4\] pixels, the patch.* got 5"),
        ({"fill": "black"}, "fill must be one of mean, blur, got 'black'"),
    ],
)
def test_what_cannot_be_is_refused(bundle: Bundle, how: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Occluder(Engine(bundle), bundle.record, **how)


def test_a_network_that_gives_nan_is_refused(
    make_bundle: Callable[..., Bundle], multiclass: Any, picture: Grey
) -> None:
    from dataclasses import replace

    bundle = make_bundle(replace(multiclass, poison=float("nan")))
    with pytest.raises(BundleError, match="NaN or infinity for a film with a place covered"):
        Occluder(Engine(bundle), bundle.record)(picture)
