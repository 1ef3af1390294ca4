"""Drawing one phantom: subject, pose, finding, beam, film."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.phantom.bones import bones
from hilum.data.phantom.canvas import Canvas, Plane, blur, noise, ramp
from hilum.data.phantom.film import SOFT_TISSUE, expose
from hilum.data.phantom.hospital import Hospital, find_hospital
from hilum.data.phantom.lesions import Scene, lesions
from hilum.data.phantom.stamps import add_marks
from hilum.data.phantom.subject import Pose, Subject, View
from hilum.data.phantom.thorax import Thorax
from hilum.data.phantom.vessels import vessels
from hilum.errors import ConfigError
from hilum.registry import suggestion

__all__ = ["Phantom", "draw_phantom"]

_MARGIN = 0.06
"""What is drawn round the film and cut off once it is turned, as a share of its longer side."""

_LUNG_DENSITY = 0.26
"""Of aerated lung against soft tissue."""

_TOP_MM = -46.0
"""Where the upper edge of a film lies, below the top of the lungs, mm."""
_SEEN = 0.3
"""A lesion's outline runs where it has this share of its greatest thickness..."""

_SEEN_MM = 1.5
"""...but never where it is thinner than this, mm..."""

_OUTLINE_MM = 3.0
"""...both after a blur of this width, since nobody outlines the holes of a mottled shadow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Phantom:
    """A drawn chest radiograph and the truth about it.

    Args:
        pixels: Grey values, uint8 of shape (h, w), brighter = denser.
        lung_mask: The lungs as a reader would outline them, bool (h, w).
        lung_field: The lungs with what of them lies behind heart and great vessels, bool (h, w).
        lesion_mask: Where the finding is, within the lungs, bool (h, w); empty if normal.
        label: "normal", "consolidation", "ground_glass" or "nodule".
        hospital: Name of the hospital.
        view: "PA" or "AP".
        sex: "F" or "M".
        age: Years.
        severity: Of the finding, in [0, 1]; 0 if normal.
        subject: Who it is; hand it back to draw another film of the same subject.
    """

    pixels: NDArray[np.uint8]
    lung_mask: NDArray[np.bool_]
    lung_field: NDArray[np.bool_]
    lesion_mask: NDArray[np.bool_]
    label: str
    hospital: str
    view: View
    sex: str
    age: int
    severity: float
    subject: Subject


def draw_phantom(
    rng: np.random.Generator,
    *,
    label: str = "normal",
    hospital: str | Hospital = "hospital-a",
    size: int = 512,
    subject: Subject | None = None,
    severity: float | None = None,
    view: View | None = None,
) -> Phantom:
    """Draw a chest radiograph of a subject who does not exist.

    The same state of `rng` gives the same subject, pose and noise whatever the label is.

    Args:
        rng: Draws everything that is not given.
        label: The finding: "normal", "consolidation", "ground_glass" or "nodule".
        hospital: Whose film it is; its shape and look.
        size: Shorter side in pixels, in [64, 2048].
        subject: Who; default a new one.
        severity: Of the finding, in [0, 1]; default drawn.
        view: "PA" or "AP"; default drawn by the hospital's habits.

    Raises:
        ConfigError: If the label or the hospital is not known, or a number is out of range.

    >>> phantom = draw_phantom(np.random.default_rng(0), label="nodule", size=96)
    >>> phantom.pixels.shape, bool(phantom.lesion_mask.any())
    ((96, 96), True)
    """
    where = find_hospital(hospital) if isinstance(hospital, str) else hospital
    _check(label, size, severity)
    draws = rng.spawn(5)
    subject = subject or Subject.draw(draws[0])
    drawn: View = "AP" if draws[1].random() < where.bedside else "PA"
    pose = Pose.draw(draws[2], view or drawn)
    grade = float(draws[3].beta(1.3, 1.3)) if severity is None else severity
    thorax, canvas = Thorax(subject, pose), _canvas(where, size, pose)
    depth, lungs, lesion = _tissue(thorax, canvas, where, label, grade)
    field = thorax.lung_field(canvas, thorax.cavity(canvas)).astype(np.float32)
    shape = _film_shape(where, size)
    turned = (_turned(depth, pose.roll, shape), _turned(lungs, pose.roll, shape))
    grey = expose(turned[0], where, canvas.pixel_mm, draws[4])
    grey = add_marks(grey, where, pose.view, draws[4])
    return Phantom(
        pixels=np.rint(grey * 255).astype(np.uint8),
        lung_mask=turned[1] > 0.5,
        lung_field=(turned[1] > 0.5) | (_turned(field, pose.roll, shape) > 0.5),
        lesion_mask=(_turned(lesion, pose.roll, shape) > 0.5) & (turned[1] > 0.5),
        label=label,
        hospital=where.name,
        view=pose.view,
        sex=subject.sex,
        age=subject.age,
        severity=0.0 if label == "normal" else grade,
        subject=subject,
    )


def _check(label: str, size: int, severity: float | None) -> None:
    problems = []
    if label not in lesions:
        problems.append(f"no finding called {label!r}. {suggestion(label, [*lesions])}")
    if not 64 <= size <= 2048:
        problems.append(f"size must be in [64, 2048] pixels, got {size}")
    if severity is not None and not 0 <= severity <= 1:
        problems.append(f"severity must be in [0, 1], got {severity}")
    if problems:
        raise ConfigError("This phantom cannot be drawn:", problems)


def _film_shape(hospital: Hospital, size: int) -> tuple[int, int]:
    if hospital.aspect < 1:
        return round(size / hospital.aspect), size
    return size, round(size * hospital.aspect)


def _canvas(hospital: Hospital, size: int, pose: Pose) -> Canvas:
    """Lay the grid over the body, with a margin from which the picture is turned."""
    height, width = _film_shape(hospital, size)
    pixel = hospital.field_mm / size / pose.zoom
    margin = int(np.ceil(_MARGIN * max(height, width)))
    return Canvas(
        shape=(height + 2 * margin, width + 2 * margin),
        pixel_mm=pixel,
        left_mm=pose.shift[0] - pixel * ((width - 1) / 2 + margin),
        top_mm=pose.shift[1] + _TOP_MM - pixel * margin,
    )


def _tissue(
    thorax: Thorax, canvas: Canvas, hospital: Hospital, label: str, severity: float
) -> tuple[Plane, Plane, Plane]:
    """Return the exponent of the attenuation, and masks of lungs and lesion as 0 and 1."""
    cavity = thorax.cavity(canvas)
    air = thorax.air(canvas, cavity)
    mask = thorax.lung_mask(canvas, cavity, air)
    rng = np.random.default_rng([thorax.subject.seed, 4])
    scene = Scene(thorax=thorax, canvas=canvas, air=air, mask=mask, severity=severity, rng=rng)
    soft_mask = blur(mask.astype(np.float32), 2.5 / canvas.pixel_mm)
    solid = lesions.create(label, scene) * ramp(soft_mask, 0.35, 0.95)
    whole = blur(solid, _OUTLINE_MM / canvas.pixel_mm)
    lesion = (whole > max(_SEEN * float(whole.max()), _SEEN_MM)) & mask
    aerated = air - solid
    soft = (
        thorax.body(canvas) * (1 + 0.018 * noise(rng, canvas, 45))
        + thorax.breasts(canvas)
        - thorax.gas(canvas)
    )
    soft += _markings(thorax, canvas, aerated) - (1 - _LUNG_DENSITY) * aerated
    depth = SOFT_TISSUE * np.maximum(soft, 0) + hospital.bone_contrast * bones(thorax, canvas)
    return depth, mask.astype(np.float32), lesion.astype(np.float32)


def _markings(thorax: Thorax, canvas: Canvas, air: Plane) -> Plane:
    """Return what vessels and the fine web of the lung add in aerated lung, mm."""
    rng = np.random.default_rng([thorax.subject.seed, 5])
    blood = vessels(thorax, canvas)
    web = 0.008 * noise(rng, canvas, 10) + 0.009 * noise(rng, canvas, 4.5)
    web = web + 0.009 * noise(rng, canvas, 2.2)
    shown = 1.6 * blood / (1 + blood / 30) * np.clip(air / 70, 0, 1)
    return np.asarray(shown + air * web, np.float32)


def _turned(plane: Plane, degrees: float, shape: tuple[int, int]) -> Plane:
    """Turn a plane about its centre and keep the middle of the given shape."""
    turn = np.deg2rad(degrees)
    cosine, sine = float(np.cos(turn)), float(np.sin(turn))
    (height, width), (rows, columns) = shape, plane.shape
    right = (columns - cosine * width + sine * height) / 2
    down = (rows - sine * width - cosine * height) / 2
    picture = Image.fromarray(plane).transform(
        (width, height),
        Image.Transform.AFFINE,
        (cosine, -sine, right, sine, cosine, down),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(picture, np.float32)
