"""How well and how fast copies of a film are found, beside ImageHash and beside trying every pair.

Real films altered as people alter them are the positives; films of different NIH patients are the
negatives. With ../shared/data absent, only the speed of the search is measured.
"""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from benchmarks.rows import Row
from hilum.data.lint.copies import RADIUS, find_copies
from hilum.data.lint.fingerprint import PRINT, fingerprint
from hilum.data.lint.fingerprints import Fingerprints, take_fingerprints
from hilum.data.lint.neighbours import HammingIndex
from hilum.data.preprocessing import equalize

HASHES = 100_000
PLANTED = 1_000
LIMIT_S, LIMIT_MIB = 60.0, 2048.0
EVERY = 8
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data" / "cxr"

Alteration = Callable[[Image.Image], Image.Image]


def tone(picture: Image.Image, curve: Callable[[np.ndarray], np.ndarray]) -> Image.Image:
    levels = np.clip(curve(np.arange(256) / 255), 0, 1) * 255
    return picture.point(np.rint(levels).astype(int).tolist())


def crop(picture: Image.Image, left: float, top: float, right: float, bottom: float) -> Image.Image:
    width, height = picture.size
    edges = (width * left, height * top, width * (1 - right), height * (1 - bottom))
    return picture.crop(tuple(map(int, edges)))


def jpeg(picture: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("L")


def half(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    return picture.resize((width // 2, height // 2), Image.Resampling.BICUBIC)


def centre(picture: Image.Image) -> Image.Image:
    width, height = picture.size
    across, down = (1 - min(width, height) / side for side in (width, height))
    return crop(picture, across / 2, down / 2, across / 2, down / 2)


def padded(picture: Image.Image) -> Image.Image:
    side = max(picture.size)
    square = Image.new("L", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square


def equalized(picture: Image.Image) -> Image.Image:
    return Image.fromarray(equalize(np.asarray(picture)))


def deep(picture: Image.Image) -> Image.Image:
    return Image.fromarray(np.asarray(picture).astype(np.uint16) * 16)


def covid_net(picture: Image.Image) -> Image.Image:
    return equalized(crop(picture, 0, 0.08, 0, 0).resize((224, 224)))


ALTERATIONS: dict[str, Alteration] = {
    "JPEG quality 30": partial(jpeg, quality=30),
    "JPEG quality 95": partial(jpeg, quality=95),
    "half the size, JPEG 75": lambda picture: jpeg(half(picture), 75),
    "stretched to 224 x 224": lambda picture: picture.resize((224, 224)),
    "brighter": lambda picture: tone(picture, lambda x: 0.85 * x + 0.12),
    "more contrast": lambda picture: tone(picture, lambda x: 1.3 * (x - 0.5) + 0.5),
    "gamma 0.6": lambda picture: tone(picture, lambda x: x**0.6),
    "gamma 1.6": lambda picture: tone(picture, lambda x: x**1.6),
    "histogram equalised": equalized,
    "12 bits in a 16-bit PNG": deep,
    "2 % cropped all round": lambda picture: crop(picture, 0.02, 0.02, 0.02, 0.02),
    "5 % cropped all round": lambda picture: crop(picture, 0.05, 0.05, 0.05, 0.05),
    "5 % cropped at two sides": lambda picture: crop(picture, 0.05, 0, 0, 0.05),
    "10 % cropped all round": lambda picture: crop(picture, 0.1, 0.1, 0.1, 0.1),
    "8 % cropped at the top": lambda picture: crop(picture, 0, 0.08, 0, 0),
    "as COVID-Net, equalised": covid_net,
    "centre square": centre,
    "padded to a square": padded,
    "turned by 2 degrees": lambda picture: picture.rotate(2, Image.Resampling.BICUBIC),
    "mirrored": lambda picture: picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "negative": lambda picture: tone(picture, lambda x: 1 - x),
}


def saved(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def taken(files: Sequence[bytes]) -> Fingerprints:
    """Fingerprint files held in memory; each counts as different from the others."""
    records = np.concatenate([fingerprint(data) for data in files])
    return Fingerprints(records.astype(PRINT), [str(place) for place in range(len(files))], {})


def recalls(pictures: Sequence[Image.Image], radius: int) -> dict[str, tuple[float, float]]:
    """Return the share of copies found, by alteration: hilum's, and ImageHash's within a radius."""
    before = [saved(picture) for picture in pictures]
    hashes = [imagehash.phash(picture) for picture in pictures]
    found = {}
    for name, alter in ALTERATIONS.items():
        altered = [alter(picture) for picture in pictures]
        copies = find_copies(taken([*before, *map(saved, altered)]))
        pairs = {(pair.left, pair.right) for pair in copies.pairs if pair.certain}
        ours = sum((place, place + len(pictures)) in pairs for place in range(len(pictures)))
        theirs = sum(
            one - imagehash.phash(other) <= radius
            for one, other in zip(hashes, altered, strict=True)
        )
        found[name] = ours / len(pictures), theirs / len(pictures)
    return found


def nih_films() -> tuple[list[Path], np.ndarray]:
    """Return the NIH films and a number a patient."""
    with (SHARED / "manifest.csv").open(encoding="utf-8", newline="") as file:
        listed = [row for row in csv.DictReader(file) if row["source"] == "nih"]
    _, patient = np.unique([row["patient_id"] for row in listed], return_inverse=True)
    return [SHARED / row["path"] for row in listed], patient


def false_alarms(paths: Sequence[Path], patient: np.ndarray) -> tuple[int, int, int]:
    """Count pairs of two patients, those hilum calls copies, and the best radius for ImageHash.

    The radius is the largest at which ImageHash takes at most one pair in a million for copies.
    """
    copies = find_copies(take_fingerprints([str(path) for path in paths]))
    ours = sum(pair.certain and patient[pair.left] != patient[pair.right] for pair in copies.pairs)
    hashes = np.stack([imagehash.phash(Image.open(path)).hash.ravel() for path in paths])
    packed = np.packbits(hashes, axis=1).view(np.uint64)[:, 0]
    one, other = np.triu_indices(len(packed), 1)
    apart = patient[one] != patient[other]
    distance = np.bitwise_count(packed[one] ^ packed[other])[apart]
    counts = np.cumsum(np.bincount(distance, minlength=65))
    radius = int(np.flatnonzero(counts <= distance.size / 1e6).max(initial=0))
    return int(distance.size), int(ours), radius


def random_hashes(count: int, *, alike: float) -> np.ndarray:
    """Return hashes whose bits hang together as strongly as `alike` says, with copies planted."""
    rng = np.random.default_rng(7)
    common = rng.standard_normal((count, 6)) @ rng.standard_normal((6, 64))
    bits = alike * common + rng.standard_normal((count, 64)) > 0
    bits[:PLANTED] = bits[PLANTED : 2 * PLANTED]
    for row in range(PLANTED):
        bits[row, rng.choice(64, rng.integers(1, RADIUS + 1), replace=False)] ^= True
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def brute_force(hashes: np.ndarray, rows: int) -> float:
    """Return the seconds in which NumPy would compare all pairs, from the first `rows` of them."""
    start = time.perf_counter()
    for row in range(0, rows, 64):
        distance = np.bitwise_count(hashes[row : row + 64, None] ^ hashes[None])
        np.nonzero(distance <= RADIUS)
    return (time.perf_counter() - start) * hashes.size / rows / 2


def imagehash_search(hashes: np.ndarray, rows: int) -> float:
    """Return the seconds in which ImageHash would compare all pairs, from some of them."""
    bits = np.unpackbits(hashes[:rows].view(np.uint8)).reshape(-1, 8, 8).astype(bool)
    made = [imagehash.ImageHash(one) for one in bits]
    start = time.perf_counter()
    sum(one - other <= RADIUS for one in made for other in made)
    return (time.perf_counter() - start) / rows**2 * hashes.size**2 / 2


def measure(alike: float) -> None:
    """Search in this process; print seconds, peak memory in MiB and planted copies missed."""
    hashes = random_hashes(HASHES, alike=alike)
    start = time.perf_counter()
    planted = np.zeros(PLANTED, bool)
    for found in HammingIndex(hashes).pairs(RADIUS):
        mine = (found.query < PLANTED) & (found.row == found.query + PLANTED)
        planted[found.query[mine]] = True
    print(time.perf_counter() - start, _peak_mib(), int((~planted).sum()))


def _peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("/proc/self/status has no VmHWM; peak memory is measured on Linux only")


def search_rows() -> list[Row]:
    """Time the search among 100,000 hashes, spread evenly and unevenly."""
    found = []
    for name, alike in (("evenly spread", 0.0), ("alike", 0.6)):
        command = [sys.executable, "-m", "benchmarks.bench_duplicates", "--measure", str(alike)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        seconds, peak, missed = map(float, printed.split())
        hashes = random_hashes(HASHES, alike=alike)
        claim = f"all pairs within {RADIUS} bits of {HASHES:,} hashes, {name}"
        limit = f"under {LIMIT_S:.0f} s"
        beside = {"NumPy, every pair": brute_force(hashes, 1024)}
        if not alike:
            beside["ImageHash, every pair"] = imagehash_search(hashes, 300)
        for peer, theirs in beside.items():
            met = seconds < LIMIT_S
            found.append(row(claim, seconds, "s", theirs=theirs, peer=peer, wanted=limit, met=met))
        met = peak < LIMIT_MIB
        found.append(row(f"{claim}: memory", peak, "MiB", wanted="under 2 GiB", met=met))
        missed_claim = f"{claim}: planted copies missed"
        found.append(row(missed_claim, missed, "pairs", wanted="none", met=not missed))
    return found


def row(
    claim: str,
    ours: float,
    unit: str,
    *,
    wanted: str,
    met: bool,
    theirs: float | None = None,
    peer: str = "limit",
) -> Row:
    """Set a figure beside the peer's; a limit has none."""
    return Row(
        claim=claim,
        peer=peer,
        ours=ours,
        theirs=theirs,
        unit=unit,
        ratio=theirs / ours if theirs and ours else None,
        wanted=wanted,
        met=met,
    )


def film_rows() -> list[Row]:
    """Measure recall, false alarms and time a film on real ones."""
    paths, patient = nih_films()
    pairs, alarms, radius = false_alarms(paths, patient)
    pictures = [Image.open(path).convert("L") for path in paths[::EVERY]]
    claim = f"films called copies, {pairs:,} pairs of two NIH patients"
    found = [row(claim, alarms, "pairs", wanted="none", met=not alarms)]
    peer = f"ImageHash pHash within {radius} bits"
    for name, (ours, theirs) in recalls(pictures, radius).items():
        claim, met = f"copies found, {name}", ours >= theirs
        found.append(
            row(claim, ours, "share", theirs=theirs, peer=peer, wanted="no fewer", met=met)
        )
    return [*found, *time_rows(paths[::EVERY])]


def time_rows(paths: Sequence[Path]) -> list[Row]:
    """Time reading one film: all nine windows, two hashes each, and the signs of compression."""
    start = time.perf_counter()
    for path in paths:
        fingerprint(path.read_bytes())
    middle = time.perf_counter()
    for path in paths:
        imagehash.phash(Image.open(path))
    end = time.perf_counter()
    ours, theirs = ((middle - start) / len(paths) * 1e3, (end - middle) / len(paths) * 1e3)
    one = row(
        "a fingerprint, real film of 480 pixels",
        ours,
        "ms",
        theirs=theirs,
        peer="ImageHash, one pHash",
        wanted="under 20 ms",
        met=ours < 20,
    )
    with tempfile.TemporaryDirectory() as folder:
        names = [str(path) for path in paths]
        take_fingerprints(names, workers=1, cache=Path(folder))
        start = time.perf_counter()
        again = take_fingerprints(names, workers=1, cache=Path(folder))
        seconds = time.perf_counter() - start
    if again.reused != len(paths):
        raise RuntimeError(f"expected {len(paths)} fingerprints reused, got {again.reused}")
    kept_ms = seconds / len(paths) * 1e3
    kept = row(
        "a fingerprint kept from before",
        kept_ms,
        "ms",
        theirs=ours,
        peer="making it",
        wanted="under 1 ms",
        met=kept_ms < 1,
    )
    return [one, kept]


def rows() -> list[Row]:
    """Measure the search; with real films, recall and false alarms too."""
    return [*search_rows(), *(film_rows() if SHARED.is_dir() else [])]


def main() -> None:
    """Print one row a claim; write nothing."""
    for one in rows():
        theirs = "" if one.theirs is None else f", {one.peer}: {one.theirs:.3g}"
        met = "" if one.met else "  NOT MET"
        print(f"{one.claim}: {one.ours:.3g} {one.unit}{theirs} (wanted: {one.wanted}){met}")


if __name__ == "__main__":
    if "--measure" in sys.argv:
        measure(float(sys.argv[-1]))
    else:
        main()
