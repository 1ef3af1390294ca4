"""What the lung segmenter learns from: films with their masks, prepared once and kept in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.data.phantom import HOSPITALS, draw_phantom
from hilum.data.preprocessing import Preprocessing, prepare
from hilum.data.radiograph import Radiograph
from hilum.screening.lungs_truth import DrawnLungs

__all__ = ["LungFilms", "draw_phantoms", "prepare_films"]

_FINDINGS = ("normal", "consolidation", "ground_glass", "nodule")


@dataclass(frozen=True, slots=True, kw_only=True)
class LungFilms:
    """Films and masks as squares.

    Args:
        pictures: Grey levels before equalisation, uint8 of shape (n, size, size).
        masks: Share of each pixel that is lung, uint8 (255 = all) of shape (n, size, size).
        patients: (source, patient_id) of each film.
    """

    pictures: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    patients: tuple[tuple[str, str], ...]

    def __len__(self) -> int:
        return len(self.patients)


def prepare_films(films: Iterable[DrawnLungs], preprocessing: Preprocessing) -> LungFilms:
    """Make squares of films and their masks, as screening will but for the equalisation.

    Equalisation comes after augmentation, so that it sees what it would see on another film.

    Args:
        films: At least one.
        preprocessing: What screening will do.

    Raises:
        ValueError: If there is no film.
    """
    plain = replace(preprocessing, equalization="none")
    pictures, masks, patients = [], [], []
    for drawn in films:
        pictures.append(prepare(drawn.film, plain))
        masks.append(_square_mask(drawn.mask, plain))
        patients.append(drawn.patient)
    if not patients:
        raise ValueError("films must not be empty")
    return LungFilms(pictures=np.stack(pictures), masks=np.stack(masks), patients=tuple(patients))


def _square_mask(mask: NDArray[np.bool_], preprocessing: Preprocessing) -> NDArray[np.uint8]:
    """Return the mask where its film went; softer at the edge, where a pixel is partly lung."""
    top, left, height, width = preprocessing.region((mask.shape[0], mask.shape[1]))
    side = preprocessing.size
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    canvas = picture.crop((left, top, left + width, top + height))
    return np.asarray(canvas.resize((side, side), Image.Resampling.BOX))


def draw_phantoms(count: int, size: int, rng: np.random.Generator) -> Iterator[DrawnLungs]:
    """Draw phantoms in turn from every hospital, with each finding.

    Their mask is the lung field: like the people who drew the published masks, it takes in the
    lung behind the heart.

    Args:
        count: How many.
        size: Shorter side in pixels.
        rng: Where they come from.
    """
    for number in range(count):
        hospital = HOSPITALS[number % len(HOSPITALS)]
        label = _FINDINGS[number // len(HOSPITALS) % len(_FINDINGS)]
        phantom = draw_phantom(rng.spawn(1)[0], label=label, hospital=hospital, size=size)
        yield DrawnLungs(
            film=Radiograph(
                pixels=phantom.pixels,
                white=255,
                format="png",
                sha256="",
                full_shape=(phantom.pixels.shape[0], phantom.pixels.shape[1]),
            ),
            mask=phantom.lung_field,
            source=hospital.name,
            patient=(hospital.name, f"phantom-{number}"),
            path=Path(f"{hospital.name}-{number}.png"),
        )
