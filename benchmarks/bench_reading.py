"""From a file to network input on one core: hilum beside Pillow to RGB and torchvision.

Both make a 224-pixel equalised picture, scaled and normalised. What hilum does besides (hashing the
file, looking for colour and emptiness) is in its time. Real films are used where ../shared/data
lies beside the checkout, else phantoms; films of 2500 x 2048 pixels are those enlarged, with
the noise of a detector, because no public set at hand has originals of that size.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torchvision import transforms
from torchvision.transforms import functional

from benchmarks.bundles import random_bundle
from benchmarks.rows import Row, in_turn
from hilum.data.phantom import draw_phantom
from hilum.data.preprocessing import Preprocessing, normalize, prepare
from hilum.data.reading import read_radiograph
from hilum.screening.screener import Screener

ROUNDS = 7
FILMS = 6
RECORD = Preprocessing(size=224, equalization="histogram")
ORIGINALS = Path(__file__).resolve().parents[2] / "shared" / "data" / "originals"
WANTED = {"png": 1.5, "jpeg": 4.5}
_LOOK = transforms.Compose(
    [
        transforms.Resize(224),
        transforms.CenterCrop(224),
        transforms.Lambda(functional.equalize),
        transforms.ToTensor(),
        transforms.Normalize([0.5] * 3, [0.25] * 3),
    ]
)


def ours(path: Path) -> NDArray[np.float32]:
    """Read and prepare as training and screening do."""
    film = read_radiograph(path, smallest_side=RECORD.decode_side)
    return normalize(prepare(film, RECORD)[None], RECORD)


def theirs(path: Path) -> torch.Tensor:
    """Read and prepare as the usual data set class does."""
    with Image.open(path) as picture:
        tensor: torch.Tensor = _LOOK(picture.convert("RGB"))
    return tensor


def films(folder: Path) -> dict[str, list[Path]]:
    """Write the films of every case to a folder, or name real ones; by what they are."""
    real = sorted(ORIGINALS.rglob("nih/**/*.png"))
    grey = [path for path in real if Image.open(path).mode == "L"][:FILMS]
    published = {
        "PNG of 1024 pixels, as published": grey,
        "RGBA PNG of 1024 pixels, as published": [
            path for path in real if Image.open(path).mode == "RGBA"
        ],
    }
    rng = np.random.default_rng(0)
    if grey:
        small = [np.asarray(Image.open(path)) for path in grey]
    else:
        published = {}
        small = [draw_phantom(rng, size=1024).pixels for _ in range(FILMS)]
    large = [_enlarged(pixels, rng) for pixels in small]
    drawn = {
        "PNG of 1024 pixels": _written(folder / "small", small, "png"),
        "JPEG of 1024 pixels": _written(folder / "small", small, "jpeg"),
        "PNG of 2500 x 2048 pixels": _written(folder / "large", large, "png"),
        "JPEG of 2500 x 2048 pixels": _written(folder / "large", large, "jpeg"),
    }
    return {**published, **drawn}


def _enlarged(pixels: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    large = Image.fromarray(pixels).resize((2048, 2500), Image.Resampling.BICUBIC)
    noisy = np.asarray(large) + rng.normal(0, 1, (2500, 2048))
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _written(folder: Path, pictures: Sequence[NDArray[np.uint8]], kind: str) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{number}.{kind}" for number in range(len(pictures))]
    for path, pixels in zip(paths, pictures, strict=True):
        Image.fromarray(pixels).save(path, **({"quality": 90} if kind == "jpeg" else {}))
    return paths


def _seconds(function: Callable[[Path], object], path: Path) -> float:
    """Return the processor time of one call: other programs at work do not count in it."""
    start = time.process_time()
    function(path)
    return time.process_time() - start


def compare(paths: Sequence[Path]) -> tuple[float, float, float]:
    """Read the films in turn; return the median seconds of each, and of theirs / ours."""
    pairs = []
    for number in range(ROUNDS + 1):
        for path in paths:
            pair = _seconds(ours, path), _seconds(theirs, path)
            if number:  # the first round warms both up
                pairs.append(pair)
    mine, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return mine, other, statistics.median(b / a for a, b in pairs)


def overlap(paths: Sequence[Path], folder: Path) -> Row:
    """Screen films one after another, and with reading ahead; both parts take about as long."""
    _, bundle = random_bundle("resnet18", folder / "bundle")
    screener = Screener(bundle, threads=1, force=True)
    mine, other, ratio = in_turn(
        lambda: list(screener.screen_many(paths, readers=1)),
        lambda: [screener.screen(path) for path in paths],
        rounds=ROUNDS,
    )
    return Row(
        claim="screen films of 2500 x 2048 pixels, reading ahead, a core to each part",
        peer="the same one after another",
        ours=mine / len(paths) * 1e3,
        theirs=other / len(paths) * 1e3,
        unit="ms",
        ratio=ratio,
        wanted="at least 1.5 times",
        met=ratio >= 1.5,
    )


def rows() -> list[Row]:
    """Time every case on one thread, and reading beside inference on two."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    found = []
    with tempfile.TemporaryDirectory() as name:
        cases = films(Path(name))
        for what, paths in cases.items():
            mine, other, ratio = compare(paths)
            wanted = WANTED["jpeg" if "JPEG" in what else "png"]
            found.append(
                Row(
                    claim=f"read and prepare, {what}",
                    peer="Pillow to RGB + torchvision",
                    ours=mine * 1e3,
                    theirs=other * 1e3,
                    unit="ms",
                    ratio=ratio,
                    wanted=f"at least {wanted:g} times",
                    met=ratio >= wanted,
                )
            )
        found.append(overlap(cases["PNG of 2500 x 2048 pixels"] * 3, Path(name)))
    torch.set_num_threads(threads)
    return found
