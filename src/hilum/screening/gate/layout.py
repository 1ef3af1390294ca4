"""How the film lies: a small network looks at the whole of it, 96 pixels square.

It tells a chest from something else, upright from turned, as taken from mirrored, and whole films
from halves. What it learnt from and what it was measured to do stands in `gate_network/gate.json`;
that file also holds the network's hash and where its limits were set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.preprocessing import equalize
from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError, HilumError
from hilum.screening.engines.onnx_runtime import Failures, SessionError, open_session
from hilum.screening.fields import canonical
from hilum.screening.gate.limits import Limits
from hilum.screening.gate.thinned import thinned

__all__ = ["FORMAT", "LIMITS", "SHIPPED", "Layout", "LayoutNetwork", "shipped", "square"]

SHIPPED = Path(__file__).parent.parent / "gate_network"
"""The network that comes with hilum."""

FORMAT = "hilum-gate"
LIMITS = ("chest", "turned", "mirrored", "negative", "piece")
"""Names of the limits that belong to a network."""

_SIDE = 96
_POSES = 8
_EVEN = 0.5
_NEED = (
    "Each copy of hilum brings it; if it was changed or lost, install hilum again: "
    "pip install --force-reinstall hilum"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """What the network says of a film; probabilities in [0, 1].

    Args:
        chest: That it is a chest film, whole or in part.
        turned: That it lies turned by 0, 90, 180 and 270 degrees anticlockwise; adds up to 1.
        mirrored: That left and right are exchanged.
        negative: That the grey scale is inverted.
        piece: That only a part of the chest is shown.
    """

    chest: float
    turned: tuple[float, float, float, float]
    mirrored: float
    negative: float
    piece: float

    @property
    def score(self) -> float:
        """How much it looks like a whole chest film that lies right, in [0, 1]."""
        return self.chest * self.turned[0] * (1 - self.negative) * (1 - self.piece)

    def reasons(self, limits: Mapping[str, float]) -> list[str]:
        """Say what speaks against the film, and what to do; the first is enough for a stranger."""
        if self.chest < limits["chest"]:
            sentence = (
                f"The picture does not look like a frontal chest radiograph (probability "
                f"{_percent(self.chest)}, at least {_percent(limits['chest'])} is asked for). "
                "Check that the right image was sent."
            )
            return [sentence]
        found = []
        if self.way > limits["turned"]:
            found.append(_TURNED[self.turned.index(self.way) - 1].format(_percent(self.way)))
        if self.negative > limits["negative"]:
            found.append(
                "The grey scale looks inverted: bright lungs, dark bones (probability "
                f"{_percent(self.negative)}). Invert the film; if it is DICOM, the tag "
                "PhotometricInterpretation is probably wrong."
            )
        if self.piece > limits["piece"]:
            found.append(
                "Only a part of the chest seems to be shown (probability "
                f"{_percent(self.piece)}). Give the whole film, not a half or a detail of it."
            )
        return found

    def warnings(self, limits: Mapping[str, float]) -> list[str]:
        """Say what looks doubtful but has innocent causes, too, or is not sure enough."""
        found = []
        if self.negative > _EVEN:
            found.append(
                f"The grey scale may be inverted (probability {_percent(self.negative)}): lungs "
                "should be dark and bones bright."
            )
        if self.piece > _EVEN:
            found.append(
                f"Perhaps not the whole chest is shown (probability {_percent(self.piece)}): both "
                "lungs should be, from the tips to the diaphragm."
            )
        if self.mirrored > limits["mirrored"]:
            found.append(self._about_sides())
        return found

    def _about_sides(self) -> str:
        return (
            f"Left and right look exchanged (probability {_percent(self.mirrored)}): compare the "
            "side marker. A heart on the right side by nature (dextrocardia), a shift of the heart "
            "or a white lung can look the same."
        )

    @property
    def way(self) -> float:
        """Probability of the likeliest wrong way it may lie."""
        return max(self.turned[1:])

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "chest": round(self.chest, 4),
            "turned": [round(value, 4) for value in self.turned],
            "mirrored": round(self.mirrored, 4),
            "negative": round(self.negative, 4),
            "piece": round(self.piece, 4),
        }


_TURNED = (
    "The film lies on its side (probability {}): turn it clockwise by 90 degrees.",
    "The film is upside down (probability {}): turn it by 180 degrees.",
    "The film lies on its side (probability {}): turn it anticlockwise by 90 degrees.",
)


def _percent(share: float) -> str:
    """Return a share for a reader, never rounded to certainty."""
    if 0.001 < share < 0.999:
        return f"{100 * share:.0f} %" if 0.01 <= share <= 0.99 else f"{100 * share:.1f} %"
    return "above 99.9 %" if share > 0.5 else "below 0.1 %"


def square(radiograph: Radiograph, side: int = _SIDE) -> NDArray[np.uint8]:
    """Return the whole film as a square of grey levels, before equalisation.

    Its proportions are not kept: what counts is where in the film something lies. Of large films
    pixels are left out before the rest is averaged.

    Args:
        radiograph: As `read_radiograph` returned it.
        side: In pixels.
    """
    step = max(1, min(radiograph.shape) // (2 * side))
    grey = Image.fromarray(thinned(radiograph, step))
    return np.asarray(grey.resize((side, side), Image.Resampling.BOX))


class LayoutNetwork:
    """Tell how films lie. Safe to use from several threads.

    Args:
        folder: Holds `gate.json` and `model.onnx`.

    Raises:
        BundleError: If either is missing or changed, or is not what it should be.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        self.record = _read_record(self.folder)
        model = _read_model(self.folder, self.record)
        self.limits = _read_limits(self.folder, self.record)
        self._session, self._failures = _open(self.folder, model)

    @property
    def id(self) -> str:
        """SHA-256 over the record, hexadecimal: the name of exactly this network."""
        return str(self.record["id"])

    def limits_of(self, limits: Limits) -> dict[str, float]:
        """Return this network's limits, where a bundle has not moved them."""
        moved = {name: getattr(limits, name) for name in LIMITS}
        return {
            name: own if moved[name] is None else moved[name] for name, own in self.limits.items()
        }

    def look(self, radiograph: Radiograph) -> Layout:
        """Say how a film lies.

        Args:
            radiograph: As `read_radiograph` returned it.

        Raises:
            BundleError: If the network fails.
        """
        return self.look_at(square(radiograph)[None])[0]

    def look_at(self, squares: NDArray[np.uint8]) -> list[Layout]:
        """Do the same for squares that `square` made, shape (n, 96, 96).

        Raises:
            BundleError: If the network fails or gives something that is no probability.
        """
        equal = np.stack([equalize(one) for one in squares])
        images = equal[:, None].astype(np.float32) * np.float32(1 / 255)
        try:
            plain, poses = self._session.run(["plain", "poses"], {"images": images})
        except self._failures as error:
            raise BundleError(f"The gate's network failed: {error}") from error
        expected = ((len(images), 3), (len(images), _POSES))
        if (plain.shape, poses.shape) != expected or not np.all((plain >= 0) & (plain <= 1)):
            raise BundleError(
                f"The gate's network gave no probabilities: expected shapes {expected}, got "
                f"{plain.shape} and {poses.shape}."
            )
        return [_layout(one, pose) for one, pose in zip(plain, poses, strict=True)]


def _layout(plain: NDArray[np.float32], pose: NDArray[np.float32]) -> Layout:
    turned = pose[:4] + pose[4:]
    return Layout(
        chest=float(plain[0]),
        turned=(float(turned[0]), float(turned[1]), float(turned[2]), float(turned[3])),
        # Of a film that lies wrong, whether it is mirrored, too, is asked as much.
        mirrored=float(pose[4:].sum()),
        negative=float(plain[1]),
        piece=float(plain[2]),
    )


def _read_record(folder: Path) -> dict[str, Any]:
    path = folder / "gate.json"
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BundleError(f"The gate's record {path} cannot be read: {error}. {_NEED}") from error
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise BundleError(f"{path} is not the record of a gate's network. {_NEED}")
    if record.get("format_version") != 1:
        raise BundleError(
            f"{path} has format version {record.get('format_version')!r}; this hilum reads 1. "
            "Upgrade hilum: pip install --upgrade hilum"
        )
    rest = {key: value for key, value in record.items() if key != "id"}
    if record.get("id") != hashlib.sha256(canonical(rest).encode()).hexdigest():
        raise BundleError(f"{path} was changed after it was written. {_NEED}")
    return record


def _read_model(folder: Path, record: Mapping[str, Any]) -> bytes:
    path = folder / "model.onnx"
    try:
        model = path.read_bytes()
    except OSError as error:
        raise BundleError(f"The gate's network {path} cannot be read: {error}. {_NEED}") from error
    if hashlib.sha256(model).hexdigest() != record["files"]["model.onnx"]["sha256"]:
        raise BundleError(f"{path} is not the network that its record was written for. {_NEED}")
    return model


def _read_limits(folder: Path, record: Mapping[str, Any]) -> dict[str, float]:
    values = record["limits"]
    if {*values} != {*LIMITS}:
        raise BundleError(
            f"{folder / 'gate.json'} must have the limits {', '.join(LIMITS)}, got {sorted(values)}"
        )
    return {name: float(values[name]) for name in LIMITS}


def _open(folder: Path, model: bytes) -> tuple[Any, Failures]:
    try:
        session, failures = open_session(model, threads=1)
    except SessionError as error:
        raise BundleError(f"{folder / 'model.onnx'} cannot be opened: {error}") from error
    except HilumError as error:
        raise BundleError(str(error)) from error
    given = [(entry.name, entry.shape[1:]) for entry in session.get_inputs()]
    gives = [(entry.name, entry.shape[1:]) for entry in session.get_outputs()]
    if given != [("images", [1, _SIDE, _SIDE])] or gives != [("plain", [3]), ("poses", [_POSES])]:
        raise BundleError(
            f"{folder / 'model.onnx'} is not a gate's network: expected images (n, 1, {_SIDE}, "
            f"{_SIDE}) to plain (n, 3) and poses (n, {_POSES}), got {given} and {gives}."
        )
    return session, failures


@cache
def shipped() -> LayoutNetwork:
    """Return the network that comes with hilum, opened once.

    Raises:
        BundleError: If this installation's copy is missing or changed.
    """
    return LayoutNetwork(SHIPPED)
