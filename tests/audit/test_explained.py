from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.audit.conftest import LUNGS, READS_DETAIL, Reader, draw

from hilum.audit.agreement import share_in
from hilum.audit.explained import Explainer
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine
from hilum.screening.lungs import LungMask
from hilum.screening.occlusion import Occluder
from hilum.screening.screener import Screener


class Segmenter:
    """Finds the lungs where they were drawn, or finds its own mask poor."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = reasons

    def mask(self, _film: object) -> LungMask:
        quality: Any = None
        return LungMask(mask=LUNGS, quality=quality, reasons=self.reasons)


@pytest.fixture
def film(tmp_path: Path) -> Path:
    Image.fromarray(draw(np.random.default_rng(1), ill=True)).save(tmp_path / "film.png")
    return tmp_path / "film.png"


@pytest.fixture
def make(make_reader: Callable[..., Bundle]) -> Callable[..., Explainer]:
    def made(reader: Reader = READS_DETAIL, **how: Any) -> Explainer:
        bundle = make_reader(reader, gate={"layout": False})
        engine = Engine(bundle)
        covers = Occluder(engine, bundle.record, patch=24, stride=24)
        screener = Screener(bundle, force=True, keep_film=True)
        return Explainer(screener, engine, {"occlusion": covers}, **how)

    return made


def test_a_film_is_answered_and_explained_by_every_method(
    make: Callable[..., Explainer], film: Path
) -> None:
    found = make().explain(film)
    (one,) = found.classes
    assert one.label == found.answer.decision
    assert found.answer.cams is not None
    index = ("well", "ill").index(one.label)
    assert [made.method for made in one.maps] == ["grad-cam", "occlusion"]
    assert np.array_equal(one.maps[0].values, found.answer.cams[index])
    assert one.maps[1].values.shape == (4, 4)
    assert set(found.seconds) == {"grad-cam", "occlusion"}
    assert min(found.seconds.values()) > 0


def test_classes_are_explained_as_asked_and_share_one_pass(
    make: Callable[..., Explainer], film: Path
) -> None:
    found = make().explain(film, ("well", "ill"))
    first, second = found.classes
    assert (first.label, second.label) == ("well", "ill")
    assert first.drops is not None
    assert second.drops is not None
    drops = np.array(first.drops["logit_drops"])
    assert np.allclose(drops, -np.array(second.drops["logit_drops"]))


def test_the_engines_own_map_can_be_left_out_and_is_still_timed(
    make: Callable[..., Explainer], film: Path
) -> None:
    found = make(own=False).explain(film)
    assert [made.method for made in found.classes[0].maps] == ["occlusion"]
    assert found.seconds["grad-cam"] > 0
    assert found.classes[0].words == "One method alone: nothing confirms the map."


def test_the_share_in_the_lungs_is_of_the_square_the_network_sees(
    make: Callable[..., Explainer], film: Path
) -> None:
    found = make(segmenter=Segmenter()).explain(film)
    assert found.lungs == pytest.approx(LUNGS.mean(), abs=0.01)
    for made in found.classes[0].maps:
        if not made.empty:
            assert made.in_lungs == pytest.approx(share_in(made.values, LUNGS), abs=0.01)
    assert found.no_lungs is None


def test_lungs_that_are_poorly_found_give_no_share(
    make: Callable[..., Explainer], film: Path
) -> None:
    found = make(segmenter=Segmenter("one lung only (0.1)")).explain(film)
    assert found.lungs is None
    assert found.no_lungs == "the lungs found are poor: one lung only"
    assert all(made.in_lungs is None for made in found.classes[0].maps)


def test_a_film_that_cannot_be_read_has_an_error_and_no_maps(
    make: Callable[..., Explainer], tmp_path: Path
) -> None:
    found = make().explain(tmp_path / "none.png")
    assert found.answer.error
    assert found.to_dict()["classes"] == []
