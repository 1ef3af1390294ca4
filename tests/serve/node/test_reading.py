"""The desk: waiting films are read, whatever is wrong with one of them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

pytest.importorskip("highdicom")

from hilum.screening.default import default_bundle
from hilum.screening.screener import Screener
from hilum.serve.node.node import Node
from hilum.serve.node.reading import BundleReader, Desk
from hilum.serve.node.settings import NodeSettings


class Reader:
    """Says what it is told to."""

    def __init__(self, *answers) -> None:
        self.answers = list(answers)

    def read(self, path):
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def put(store, film):
    path = store.films / f"{film.SOPInstanceUID}.dcm"
    film.save_as(path, enforce_file_format=True)
    path.with_suffix(".json").write_text('{"kind": "CANDIDATE"}')


def test_answers_become_results_and_deliveries(store, make_film, make_reading, tmp_path) -> None:
    put(store, make_film())
    store.destinations = ("pacs",)
    woken = []
    desk = Desk(store, Reader(make_reading()), tmp_path, done=lambda: woken.append(1))
    assert desk.read_waiting() == 1
    assert desk.read_waiting() == 0
    assert len(store.deliveries["1.2.3.4-pacs"][1]) == 2
    assert woken == [1]
    assert not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("trouble", [OSError("gone"), KeyError("odd"), RecursionError("deep")])
def test_a_film_that_breaks_the_reader_does_not_stop_the_next(
    store, make_film, *, make_reading, tmp_path, trouble, caplog
) -> None:
    put(store, make_film("1.2.1"))
    put(store, make_film("1.2.2"))
    Desk(store, Reader(trouble, make_reading()), tmp_path, done=lambda: None).read_waiting()
    assert list(store.failures) == ["1.2.1"]
    assert list(store.answers) == ["1.2.2"]


def test_what_is_no_number_is_a_failure_and_nothing_is_sent(
    store, make_film, make_reading, tmp_path
) -> None:
    put(store, make_film())
    store.destinations = ("pacs",)
    reading = make_reading(probabilities={"normal": float("nan"), "pneumonia": 0.1})
    Desk(store, Reader(reading), tmp_path, done=lambda: None).read_waiting()
    assert "not in [0, 1]" in store.failures["1.2.3.4"]
    assert store.deliveries == {}


def test_the_default_bundle_reads_a_film_or_says_why_not(store, make_film, tmp_path) -> None:
    put(store, make_film(side=600))
    reader = BundleReader(Screener(default_bundle(), keep_film=True))
    Desk(store, reader, tmp_path, done=lambda: None).read_waiting()
    results = [dcmread(path) for path in store.results.iterdir()]
    assert [result.Modality for result in results] == ["SR"]  # noise is no chest film


def test_real_films_come_back_with_report_and_capture(
    store, make_film, tmp_path, shared_data
) -> None:
    originals = sorted((shared_data / "originals" / "nih").rglob("*.png"))[:3]
    if not originals:
        pytest.skip("no originals of the NIH beside this checkout")
    for number, path in enumerate(originals):
        pixels = np.asarray(Image.open(path).convert("L"))
        film = make_film(f"1.2.{number}", BitsAllocated=8, BitsStored=8, HighBit=7)
        film.Rows, film.Columns = pixels.shape
        film.PixelData = pixels.tobytes()
        put(store, film)
    reader = BundleReader(Screener(default_bundle(), keep_film=True))
    Desk(store, reader, tmp_path, done=lambda: None).read_waiting()
    results = [dcmread(path) for path in store.results.iterdir()]
    assert store.failures == {}
    assert sorted(result.Modality for result in results) == ["OT"] * 3 + ["SR"] * 3


def test_a_queue_without_a_reader_makes_no_sense(store, tmp_path) -> None:
    with pytest.raises(ValueError, match="both queue and reader"):
        Node(NodeSettings(arrivals=tmp_path, any_caller=True), intake=store, queue=store)
