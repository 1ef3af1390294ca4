"""Real pictures that are no chest radiograph, from what packages ship; none is kept here.

    pydicom, scikit-image, scikit-learn, matplotlib     as the development extras bring them
    nilearn, deid-data                                  pip install, for more of some kinds
    invesalius-examples, gnome-backgrounds, mate-backgrounds     Debian packages

What is not installed is left out, and the benchmark says how many pictures each kind had. A kind
ends in " (drawn)" where nothing real was to be had.
"""

from __future__ import annotations

import gzip
import io
import plistlib
import tarfile
import textwrap
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import ImageReadError

__all__ = ["KINDS", "pictures", "radiograph"]

Picture = NDArray[np.uint8]
_SHARE = Path("/usr/share")
_UNREADABLE = (AttributeError, OSError, RuntimeError, ValueError, NotImplementedError)
_PHOTOS = ("astronaut", "camera", "chelsea", "coffee", "rocket", "motorcycle_left", "horse",
           "clock_motion", "color")  # fmt: skip
_TEXTURES = ("brick", "grass", "gravel", "coins", "cell", "ihc", "microaneurysms", "moon",
             "hubble_deep_field", "retina")  # fmt: skip


def radiograph(grey: NDArray[np.generic], **changes: object) -> Radiograph:
    """Return grey levels as if a file had held them, stretched to 8 bits where they are deeper."""
    if grey.dtype != np.uint8:
        low, high = np.percentile(grey, (0.5, 99.5))
        span = max(float(high - low), 1e-9)
        grey = np.rint(np.clip((grey - low) / span, 0, 1) * 255).astype(np.uint8)
    values = {
        "pixels": np.ascontiguousarray(grey),
        "white": 255,
        "format": "png",
        "sha256": "",
        "full_shape": grey.shape,
    }
    return Radiograph(**{**values, **changes})


def _folder(package: str) -> Path | None:
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return Path(next(iter(places))) if places else None


def _files(package: str, *patterns: str) -> list[Path]:
    place = _folder(package)
    return sorted(p for pattern in patterns for p in place.glob(pattern)) if place else []


def _read(paths: list[Path]) -> Iterator[Radiograph]:
    """Yield pictures as hilum reads them, and once more turned grey, as a careless export would."""
    for path in paths:
        try:
            film = read_radiograph(path, smallest_side=224)
        except ImageReadError:
            continue
        yield film
        if film.facts.get("colourfulness", "0.0") != "0.0":
            yield radiograph(np.asarray(Image.open(path).convert("L").resize(film.shape[::-1])))


def _dicom(modalities: tuple[str, ...]) -> Iterator[Radiograph]:
    """Yield slices of DICOM files as a careless export to PNG would show them.

    The files themselves are refused as they are read, by their modality; this asks what the
    gate does when that tag is lost. Below 64 pixels nothing can be seen and none is taken.
    """
    from pydicom import dcmread
    from pydicom.data import get_testdata_files
    from pydicom.errors import InvalidDicomError

    paths = [Path(name) for name in get_testdata_files()]
    paths += _files("deid_data", "data/humans/*.dcm", "data/ultrasounds/*.dcm")
    for path in sorted(paths):
        try:
            data = dcmread(path)
            if data.get("Modality") not in modalities or "PixelData" not in data:
                continue
            pixels = data.pixel_array
        except (*_UNREADABLE, InvalidDicomError):
            continue
        for frame in _frames(pixels, data.get("SamplesPerPixel", 1)):
            if min(frame.shape) >= 64 and np.unique(frame).size > 32:
                yield radiograph(_enlarged(frame))


def _frames(pixels: NDArray[np.generic], samples: int) -> list[NDArray[np.generic]]:
    if samples == 3:
        pixels = pixels.astype(np.float64).mean(-1)
    return list(pixels[:: max(1, len(pixels) // 4)]) if pixels.ndim == 3 else [pixels]


def _enlarged(grey: NDArray[np.generic]) -> NDArray[np.generic]:
    """Enlarge small pictures, so that their size alone does not give them away."""
    if min(grey.shape) >= 200:
        return grey
    times = -(-200 // min(grey.shape))
    low, span = float(grey.min()), max(float(np.ptp(grey)), 1e-9)
    small = np.rint((grey - low) / span * 255).astype(np.uint8)
    size = (grey.shape[1] * times, grey.shape[0] * times)
    return np.asarray(Image.fromarray(small).resize(size, Image.Resampling.BICUBIC))


def _volume() -> NDArray[np.int16] | None:
    """Return a CT volume of one head, (slices, rows, columns), head to foot."""
    path = _SHARE / "doc/invesalius-examples/examples/Cranium.inv3"
    if not path.exists():
        return None
    with gzip.open(path) as stream, tarfile.open(fileobj=io.BytesIO(stream.read())) as box:
        names = {Path(name).name: name for name in box.getnames()}
        about = plistlib.loads(_member(box, names["main.plist"]))
        shape = tuple(int(side) for side in about["matrix"]["shape"])
        return np.frombuffer(_member(box, names["matrix.dat"]), "<i2").reshape(shape)


def _member(box: tarfile.TarFile, name: str) -> bytes:
    file = box.extractfile(name)
    return b"" if file is None else file.read()


def _ct() -> Iterator[Radiograph]:
    yield from _dicom(("CT",))
    volume = _volume()
    if volume is not None:
        for plane in volume[:: max(1, len(volume) // 20)]:
            yield radiograph(np.clip(plane, -1000, 800).astype(np.float64))


def _mr() -> Iterator[Radiograph]:
    yield from _dicom(("MR",))
    for path in _files("matplotlib", "mpl-data/sample_data/s1045.ima.gz"):
        with gzip.open(path) as stream:
            raw = np.frombuffer(stream.read(), np.uint16)
        yield radiograph(raw.astype(np.uint16).reshape(256, 256).astype(np.float64))
    for path in _files("nilearn", "datasets/data/mni_icbm152_t1*.nii.gz"):
        with gzip.open(path) as stream:
            raw = stream.read()
        shape = tuple(int(n) for n in np.frombuffer(raw, "<i2", 3, 42))
        kind = {2: "u1", 4: "<i2", 16: "<f4", 64: "<f8"}[int(np.frombuffer(raw, "<i2", 1, 70)[0])]
        start = int(np.frombuffer(raw, "<f4", 1, 108)[0])
        brain = np.frombuffer(raw[start:], kind).reshape(shape, order="F").astype(np.float64)
        for axis in range(3):
            for at in np.linspace(0.25, 0.75, 5):
                plane = np.take(brain, int(at * brain.shape[axis]), axis)
                yield radiograph(_enlarged(np.rot90(plane)))


def _skulls() -> Iterator[Radiograph]:
    """Project the CT volume of a head as X-rays would, from all sides: one head only."""
    volume = _volume()
    if volume is None:
        return
    tissue = np.clip(volume.astype(np.float32) + 1000, 0, None) / 1000
    # Bone stops more of the rays than its density says. The volume is stored from foot to head.
    thick = (tissue + 2 * np.clip(tissue - 1.2, 0, None))[::-1]
    for degrees in range(0, 180, 15):
        planes = [
            np.asarray(Image.fromarray(plane).rotate(degrees, Image.Resampling.BILINEAR)).sum(0)
            for plane in thick
        ]
        depth = np.stack(planes)
        # Slices lie farther apart than pixels; a head is about as high as it is long.
        tall = Image.fromarray(depth).resize((depth.shape[1], depth.shape[1]))
        yield radiograph(np.asarray(tall, np.float64))


def _photographs() -> Iterator[Radiograph]:
    paths = _files("skimage", *(f"data/{name}.*" for name in _PHOTOS))
    paths += _files("sklearn", "datasets/images/*.jpg")
    paths += _files("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")
    paths += sorted((_SHARE / "backgrounds/mate/nature").glob("*.jpg"))
    paths += sorted((_SHARE / "backgrounds/mate/abstract").glob("Ele*x*.jpg"))
    yield from _read(paths)
    cookies = _files("deid_data", "data/dicom-cookies/*.dcm", "data/animals/*.dcm")
    for path in cookies:
        from pydicom import dcmread

        pixels = dcmread(path).pixel_array
        grey = pixels.mean(-1) if pixels.ndim == 3 else pixels
        yield radiograph(_enlarged(np.rint(grey).astype(np.uint8)))


def _faces() -> Iterator[Radiograph]:
    """Portraits of 25 pixels, enlarged: scikit-image's part of Labeled Faces in the Wild."""
    for path in _files("skimage", "data/lfw_subset.npy"):
        for face in np.load(path)[:100]:
            yield radiograph(_enlarged(face.astype(np.float64)))


def _textures() -> Iterator[Radiograph]:
    yield from _read(_files("skimage", *(f"data/{name}.*" for name in _TEXTURES)))
    yield from _read(sorted((_SHARE / "backgrounds/gnome").glob("*.webp")))
    yield from _read(sorted((_SHARE / "backgrounds/mate/abstract").glob("*.png")))


def _documents() -> Iterator[Radiograph]:
    yield from _read(_files("skimage", "data/page.png", "data/text.png"))


def _printed() -> Iterator[Radiograph]:
    """Pages set from this project's own documents."""
    rng = np.random.default_rng(3)
    for path in sorted((Path(__file__).parent.parent / "docs").glob("*.md")):
        for size in (10, 16):
            page = Image.new("L", (620, 877), 245)
            text = "\n".join(textwrap.wrap(path.read_text("utf-8"), 1150 // size))
            ImageDraw.Draw(page).text((40, 40), text, fill=20, font_size=size)
            grey = np.asarray(page, np.float64) + rng.normal(0, 4, (877, 620))
            yield radiograph(np.clip(grey, 0, 255).astype(np.uint8))


def _sketched(*kinds: str) -> Callable[[], Iterator[Radiograph]]:
    def draw() -> Iterator[Radiograph]:
        from hilum.training.gate_strangers import draw_stranger

        rng = np.random.default_rng(77)
        for kind in kinds:
            for _ in range(50):
                picture = Image.fromarray(draw_stranger(rng, kind))
                yield radiograph(np.asarray(picture.resize((384, 384), Image.Resampling.BICUBIC)))

    return draw


def _noise() -> Iterator[Radiograph]:
    rng = np.random.default_rng(9)
    for _ in range(60):
        side = int(np.exp(rng.uniform(np.log(3), np.log(400))))
        coarse = Image.fromarray(rng.integers(0, 256, (side, side), dtype=np.uint8))
        yield radiograph(np.asarray(coarse.resize((400, 400), Image.Resampling.BICUBIC)))


KINDS: dict[str, Callable[[], Iterator[Radiograph]]] = {
    "CT slices": _ct,
    "MR slices": _mr,
    "ultrasound": lambda: _dicom(("US",)),
    "bone scan": lambda: _dicom(("NM",)),
    "skulls projected from one CT": _skulls,
    "photographs": _photographs,
    "faces": _faces,
    "textures and wallpapers": _textures,
    "documents": _documents,
    "pages of print (rendered)": _printed,
    "noise (drawn)": _noise,
    "hands (drawn)": _sketched("hand"),
    "legs (drawn)": _sketched("limb"),
    "skulls (drawn)": _sketched("skull"),
    "laterals (drawn)": _sketched("lateral"),
    "abdomens (drawn)": _sketched("abdomen"),
}
"""Name to what gives its pictures."""


def pictures(kind: str) -> list[Radiograph]:
    """Return the pictures of a kind, each once; none where no package ships any."""
    found = {film.pixels.tobytes(): film for film in KINDS[kind]()}
    return list(found.values())
