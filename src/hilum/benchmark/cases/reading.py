"""From a file to network input on one core: hilum beside Pillow to RGB and torchvision.

Both make a 224-pixel equalised picture, scaled and normalised. What hilum does besides (hashing the
file, looking for colour and emptiness) is in its time. Large films are small ones enlarged, with
the noise of a detector. Times are processor time, so that other programs at work do not count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.pictures import drawn, enlarged, kinds_of_film, written
from hilum.benchmark.row import Row, compared, limited
from hilum.benchmark.turns import take_turns
from hilum.data.preprocessing import Preprocessing, normalize, prepare
from hilum.data.reading import read_radiograph
from hilum.screening.bundle import Bundle
from hilum.screening.default import default_bundle
from hilum.screening.screener import Screener

__all__ = ["CASES", "beside_rows", "ours"]

WANTED = {"png": 1.5, "jpeg": 4.5}
_RECORD = Preprocessing(size=224, equalization="histogram")
_PEER = "Pillow to RGB + torchvision"
_AHEAD = 1.5
_NETWORK = "resnet18"

Read = Callable[[Path], object]


def ours(path: Path) -> NDArray[np.float32]:
    """Read and prepare as training and screening do; return (1, channels, size, size)."""
    film = read_radiograph(path, smallest_side=_RECORD.decode_side)
    return normalize(prepare(film, _RECORD)[None], _RECORD)


def _seconds(read: Read, path: Path) -> float:
    start = time.process_time()
    read(path)
    return time.process_time() - start


def _in_turn(reads: Sequence[Read], paths: Sequence[Path], rounds: int) -> list[list[float]]:
    """Return the processor seconds of each way to read, one a film and round."""
    taken: list[list[float]] = [[] for _ in reads]
    for number in range(rounds + 1):
        for path in paths:
            for read, seconds in zip(reads, taken, strict=True):
                spent = _seconds(read, path)
                if number:  # the first round warms up
                    seconds.append(spent)
    return taken


def _films(settings: Settings) -> dict[str, list[Path]]:
    return kinds_of_film(
        settings.folder / "reading", films=settings.films, small=settings.small,
        large=settings.large, real=settings.real,
    )  # fmt: skip


def alone(settings: Settings) -> list[Row]:
    """Time reading of every kind of film."""
    found = []
    for kind, paths in _films(settings).items():
        (seconds,) = _in_turn([ours], paths, settings.few)
        found.append(limited(f"read and prepare, {kind}", 1e3 * statistics.median(seconds),
                             unit="ms"))  # fmt: skip
    return [*found, reading_ahead(settings, Bundle.load(default_bundle()), "default bundle")]


def beside(settings: Settings) -> list[Row]:
    """Time the same beside the usual data set class, on one thread."""
    import torch

    from hilum.benchmark.bundles import shared_bundle

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = beside_rows(_films(settings), settings.few)
    finally:
        torch.set_num_threads(threads)
    _, bundle = shared_bundle(_NETWORK, settings.folder)
    return [*found, reading_ahead(settings, bundle, _NETWORK, target=_AHEAD)]


def beside_rows(films: Mapping[str, Sequence[Path]], rounds: int) -> list[Row]:
    """Return a row a kind of film.

    Args:
        films: Paths by kind; a kind begins with PNG or JPEG.
        rounds: Readings of each film.
    """
    theirs = _usual_reading()
    found = []
    for kind, paths in films.items():
        mine, other = _in_turn([ours, theirs], paths, rounds)
        ratio = statistics.median(b / a for a, b in zip(mine, other, strict=True))
        found.append(
            compared(
                f"read and prepare, {kind}", 1e3 * statistics.median(mine), _PEER,
                1e3 * statistics.median(other), ratio, unit="ms",
                target=WANTED["jpeg" if kind.startswith("JPEG") else "png"],
            )
        )  # fmt: skip
    return found


def _usual_reading() -> Read:
    """Return how the usual data set class reads a film."""
    from PIL import Image
    from torchvision import transforms
    from torchvision.transforms import functional

    look = transforms.Compose(
        [
            transforms.Resize(224),
            transforms.CenterCrop(224),
            transforms.Lambda(functional.equalize),
            transforms.ToTensor(),
            transforms.Normalize([0.5] * 3, [0.25] * 3),
        ]
    )

    def read(path: Path) -> object:
        with Image.open(path) as picture:
            return look(picture.convert("RGB"))

    return read


def reading_ahead(
    settings: Settings, bundle: Bundle, name: str, *, target: float | None = None
) -> Row:
    """Screen large films one after another, and with one read while another is at the network.

    Args:
        settings: How many films and rounds.
        bundle: Whose network looks at them.
        name: Of the network.
        target: How many times as fast it should be; 1.5 where both parts take about as long.
    """
    rng = np.random.default_rng(0)
    large = [enlarged(pixels, settings.large, rng) for pixels in drawn(1, settings.small)]
    paths = written(settings.folder / "ahead", large, "png") * max(2, 3 * settings.films)
    screener = Screener(bundle, threads=1, force=True)
    times = take_turns(
        {
            "ahead": lambda: list(screener.screen_many(paths, readers=1)),
            "after": lambda: [screener.screen(path) for path in paths],
        },
        rounds=settings.few,
    )
    each = 1e3 / len(paths)
    width, height = settings.large
    return compared(
        f"screen PNGs of {height} x {width} pixels, {name}, reading ahead on a second core",
        each * times.median("ahead"), "the same one after another", each * times.median("after"),
        times.ratio("after", "ahead"), unit="ms", target=target,
    )  # fmt: skip


CASES = (
    Case(
        claim="read and prepare films", alone=alone, beside=beside, peer=_PEER,
        needs=("torch", "torchvision", "safetensors", "onnxscript"),
        packages=("numpy", "pillow", "torch", "torchvision"),
    ),
)  # fmt: skip
