from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.training.conftest import SIDE, Spots, spot_recipe

from hilum.data.cache import PreparedCache, build_cache
from hilum.data.preprocessing import Preprocessing
from hilum.errors import CacheError, ConfigError
from hilum.training import fit
from hilum.training.augment import augment
from hilum.training.batches import Place, ShuffledBatches
from hilum.training.datamodule import Batch, CachedImages, SplitBatches
from hilum.training.feeding import ResidentFeed, StreamedFeed, ahead, make_feed, plan_feeding
from hilum.training.recipe import Augmentation

CPU = torch.device("cpu")


def images_of(spots: Spots) -> CachedImages:
    positions = spots.cache.locate(spots.manifest)
    return CachedImages(spots.cache, positions, np.arange(positions.size) % 3)


def same(left: list[Batch], right: list[Batch]) -> bool:
    tensors = zip(left, right, strict=True)
    return all(
        a.place == b.place
        and all(torch.equal(x.cpu(), y.cpu()) for x, y in zip(a[:3], b[:3], strict=True))
        for a, b in tensors
    )


def plainly(images: CachedImages, sampler: ShuffledBatches) -> list[Batch]:
    return [images[rows]._replace(place=place) for rows, place in sampler.parts()]


@pytest.mark.parametrize("way", ["streamed", "resident", "workers"])
def test_every_way_of_feeding_gives_the_same_batches(spots: Spots, way: str) -> None:
    images = images_of(spots)
    sampler = ShuffledBatches(len(images), batch_size=8, seed=2, rank=1, processes=2)
    if way == "resident":
        feed: ResidentFeed | StreamedFeed = ResidentFeed(images, sampler, CPU)
    else:
        feed = StreamedFeed(images, sampler, CPU, workers=int(way == "workers"))
    for epoch in (0, 1):
        sampler.set_epoch(epoch)
        assert same(list(feed), plainly(images, sampler))
    assert len(feed) == len(images) // 8


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("wanted", ["streamed", "resident"])
def test_batches_on_a_gpu_are_those_of_the_cache(spots: Spots, wanted: str) -> None:
    images, gpu = images_of(spots), torch.device("cuda")
    sampler = ShuffledBatches(len(images), batch_size=8, seed=2)
    feeding = plan_feeding(wanted, len(images), SIDE, gpu)  # type: ignore[arg-type]
    found = list(make_feed(feeding, images, sampler, gpu))
    assert {batch.images.device.type for batch in found} == {"cuda"}
    assert same(found, plainly(images, sampler))


def test_a_feed_without_steps_gives_nothing(spots: Spots) -> None:
    nothing = SplitBatches(1, batch_size=4, rank=0, processes=2)
    for feed in (ResidentFeed, StreamedFeed):
        assert list(feed(images_of(spots), nothing, CPU)) == []


def test_the_first_batches_are_made_before_they_are_asked_for() -> None:
    made: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    stream = ahead(numbers(), depth=2)
    assert next(stream) == 0
    assert next(stream) == 1
    assert len(made) >= 2
    assert list(stream) == [2, 3, 4]


def test_what_goes_wrong_ahead_is_raised_in_its_turn() -> None:
    def numbers() -> Iterator[int]:
        yield 1
        raise CacheError("Picture 7 is damaged.")

    stream = ahead(numbers())
    assert next(stream) == 1
    with pytest.raises(CacheError, match="Picture 7 is damaged"):
        next(stream)


def test_a_stream_that_is_left_early_leaves_no_thread() -> None:
    stream = ahead(range(1000))
    next(stream)
    assert any(thread.name.startswith("feed") for thread in threading.enumerate())
    stream.close()  # type: ignore[attr-defined]
    assert not any(thread.name.startswith("feed") for thread in threading.enumerate())


def test_a_damaged_picture_stops_training_with_its_place(spots: Spots, tmp_path: Path) -> None:
    build_cache(spots.manifest, Preprocessing(size=SIDE), tmp_path / "cache", workers=1)
    data = tmp_path / "cache" / "shard-00000.u8"
    content = bytearray(data.read_bytes())
    content[: 96 * SIDE**2] = bytes(96 * SIDE**2)
    data.write_bytes(content)
    cache = PreparedCache.open(tmp_path / "cache")
    with pytest.raises(CacheError, match=r"Picture \d+ of .* is damaged"):
        fit(spot_recipe(), spots.manifest, cache, tmp_path / "run")


def memory(monkeypatch: pytest.MonkeyPatch, free: int) -> None:
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (free, 80 * 10**9))


def test_a_cpu_streams_from_the_memory_map() -> None:
    feeding = plan_feeding("auto", 1_000_000, 224, CPU)
    assert not feeding.resident
    assert "1,000,000 pictures of 224 px, 50.2 GB, streamed" in feeding.text()


def test_pictures_that_take_half_of_a_free_gpu_are_put_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory(monkeypatch, 78 * 10**9)
    fitting = plan_feeding("auto", 700_000, 224, torch.device("cuda:0"))
    too_many = plan_feeding("auto", 1_000_000, 224, torch.device("cuda:0"))
    assert fitting.resident
    assert "resident there" in fitting.text()
    assert not too_many.resident
    assert "because pictures may take 39 GB of this device" in too_many.text()


def test_pictures_that_cannot_be_resident_are_refused_with_the_sizes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory(monkeypatch, 16 * 10**9)
    with pytest.raises(ConfigError, match=r"needs 50.2 GB .* cuda:0 has 16 GB free"):
        plan_feeding("resident", 1_000_000, 224, torch.device("cuda:0"))


def test_resident_and_streamed_runs_are_the_same_and_say_what_they_are(
    spots: Spots, tmp_path: Path
) -> None:
    told: list[str] = []
    for way in ("resident", "streamed"):
        training = {"epochs": 2, "batch_size": 16, "precision": "32", "feeding": way}
        recipe = spot_recipe(training=training)
        result = fit(recipe, spots.manifest, spots.cache, tmp_path / way, tell=told.append)
        assert way in result.feeding
        assert result.images_per_second > 0
    resident, streamed = (tmp_path / way / "metrics.csv" for way in ("resident", "streamed"))
    assert resident.read_bytes() == streamed.read_bytes()
    assert ["resident" in told[0], "streamed" in told[1]] == [True, True]


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_parts_say_where_they_stand_in_the_whole_batch(processes: int) -> None:
    samplers = [
        [ShuffledBatches(24, batch_size=8, seed=0, rank=r, processes=processes), SplitBatches(
            22, batch_size=8, rank=r, processes=processes)]
        for r in range(processes)
    ]  # fmt: skip
    for kind, wanted in ((0, [8, 8, 8]), (1, [8, 8, 6])):
        steps = list(zip(*(list(own[kind].parts()) for own in samplers), strict=True))
        for step, whole in zip(steps, wanted, strict=True):
            ends = np.cumsum([rows.size for rows, _ in step])
            assert [place.first for _, place in step] == [0, *ends[:-1]]
            assert {place.whole for _, place in step} == {whole}


def test_the_number_of_processes_changes_no_picture() -> None:
    images = torch.rand(8, 1, 20, 20, generator=torch.Generator().manual_seed(0))
    how = Augmentation(rotation_deg=9, shear_deg=5, scale=(0.8, 1.2), contrast=0.3, flip=0.5)

    def changed(first: int, count: int) -> torch.Tensor:
        generator = torch.Generator().manual_seed(4)
        return augment(images[first : first + count], how, generator, Place(first, 8))

    whole = augment(images, how, torch.Generator().manual_seed(4))
    assert torch.allclose(torch.cat([changed(0, 4), changed(4, 4)]), whole, atol=1e-6)
