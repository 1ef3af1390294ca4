"""From outlined films to a lung segmenter on disk: fit, export, find limits, measure, write.

Train films fit the network; val films and phantoms of other subjects say which masks count as
good; test films and yet other phantoms are only measured. The three share no patient: a manifest
in which they do is refused when it is read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from hilum import __version__
from hilum.data.phantom import HOSPITALS
from hilum.data.preprocessing import Preprocessing, normalize, prepare
from hilum.errors import BundleError, DataError
from hilum.models.export import to_onnx
from hilum.models.unet import WIDTHS, UNet
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.lungs import CLASSES, LungSegmenter, describe_drawn
from hilum.screening.lungs_card import segmenter_card
from hilum.screening.lungs_measure import EVERY, score_films, summarise
from hilum.screening.lungs_quality import MaskLimits, find_limits, overlap
from hilum.screening.lungs_truth import DrawnLungs, films_with_masks
from hilum.screening.record import Architecture, BundleRecord
from hilum.training.run_folder import package_versions
from hilum.training.segment import SegmentSettings, fit_unet
from hilum.training.segment_films import draw_phantoms, prepare_films
from hilum.training.segment_strangers import STRANGERS

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["GOOD_DICE", "export_unet", "train_segmenter"]

GOOD_DICE = 0.8
"""Held-out masks at least this close to the drawn ones say what a good mask looks like."""

_PARITY = 1e-4
_PHANTOM_SIZE = 256
_HELD_OUT = 50
_NO_LIMITS = MaskLimits(least={}, most={})
_NOTE = "masks found on validation films and phantoms that came close to the drawn ones"


@dataclass(frozen=True, slots=True)
class _Films:
    """Everything that is learnt from or measured on."""

    train: list[DrawnLungs]
    val: list[DrawnLungs]
    test: list[DrawnLungs]


def train_segmenter(
    manifest: Manifest,
    out: str | Path,
    settings: SegmentSettings,
    *,
    name: str = "lungs",
    licence: str = "not stated",
    command: Sequence[str] = (),
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Bundle:
    """Fit a lung segmenter to the outlined films of a manifest, measure it, and write its bundle.

    Args:
        manifest: With columns lung_mask and split; films without a mask are passed over.
        out: The bundle's folder; must not exist unless `overwrite`.
        settings: How it is fitted.
        name: What to call it.
        licence: Terms under which the weights may be used.
        command: How it was asked for; recorded.
        overwrite: Replace a bundle that is already there.
        progress: Called with (epochs done, epochs in all).

    Raises:
        DataError: If train, val or test has no outlined film, or no held-out mask came out well.
        ImageReadError: If a film or a mask cannot be read, or they do not fit each other.
        BundleError: If `out` is taken, or the exported network differs from torch.
    """
    if Path(out).exists() and not overwrite:
        raise BundleError(f"There is already something at {out}. Choose another folder.")
    films = _Films(*(list(films_with_masks(manifest, split)) for split in ("train", "val", "test")))
    how = settings.preprocessing
    phantoms = list(_phantoms(settings.phantoms, settings.seed, 1))
    network = fit_unet(
        prepare_films(films.train, how),
        prepare_films(phantoms, how) if phantoms else None,
        settings,
        progress,
    )
    onnx, apart = export_unet(network, how, films.val)
    record = BundleRecord(
        name=name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        hilum_version=__version__,
        task="segmentation",
        classes=CLASSES,
        architecture=Architecture(
            name="unet", channels=1, outputs=1, options={"widths": list(WIDTHS)}
        ),
        preprocessing=how,
        gate={"mask_limits": _NO_LIMITS.to_dict()},
        training=_trained_on(films, manifest, settings, command),
        versions=package_versions(),
        licence=licence,
    )
    weights = _weights(network)
    with tempfile.TemporaryDirectory() as folder:
        draft = write_bundle(Path(folder) / "draft", record, model_onnx=onnx, weights=weights)
        record = _measured(draft, films, settings.seed, apart)
    return write_bundle(
        out,
        record,
        model_onnx=onnx,
        weights=weights,
        card=segmenter_card(record),
        overwrite=overwrite,
    )


def _phantoms(count: int, seed: int, part: int) -> Iterator[DrawnLungs]:
    """Draw phantoms of other subjects for each part: 1 to train, 2 for limits, 3 to measure."""
    return draw_phantoms(count, _PHANTOM_SIZE, np.random.default_rng([seed, part]))


def _trained_on(
    films: _Films, manifest: Manifest, settings: SegmentSettings, command: Sequence[str]
) -> dict[str, Any]:
    return {
        "manifest_sha256": manifest.sha256,
        "n_images": len(films.train),
        "n_patients": len({drawn.patient for drawn in films.train}),
        "sources": sorted({drawn.source for drawn in films.train}),
        "n_phantoms": settings.phantoms,
        "size": settings.size,
        "epochs": settings.epochs,
        "films_per_epoch": settings.films_per_epoch,
        "batch_size": settings.batch_size,
        "learning_rate": settings.learning_rate,
        "seed": settings.seed,
        "command": [*command],
    }


def _measured(draft: Bundle, films: _Films, seed: int, apart: float) -> BundleRecord:
    """Return the record with limits found on held-out films, and figures measured on others."""
    free = LungSegmenter(draft)
    limits, used = _limits(free, films, list(_phantoms(_HELD_OUT, seed, 2)))
    record = replace(
        draft.record,
        gate={
            "mask_limits": limits.to_dict(),
            "from": f"{used} {_NOTE} (Dice {GOOD_DICE} or more), and drawn masks",
        },
    )
    judged = LungSegmenter(replace(draft, record=record))
    unseen = [*films.test, *_phantoms(2 * _HELD_OUT, seed, 3)]
    return replace(
        record,
        measured={
            "dice_by_source": _figures(judged, unseen),
            "called_poor": _strangers_refused(judged, films.test, seed),
            "parity": {"images": len(films.val), "largest_difference": apart},
        },
    )


def _limits(
    segmenter: LungSegmenter, films: _Films, phantoms: Sequence[DrawnLungs]
) -> tuple[MaskLimits, int]:
    """Return limits, and on how many held-out masks they rest besides the drawn ones."""
    held_out = [*films.val, *phantoms]
    found = [(segmenter.mask(drawn.film), drawn.mask) for drawn in held_out]
    good = [one.quality for one, truth in found if overlap(one.mask, truth)[0] >= GOOD_DICE]
    if not good:
        raise DataError(
            f"No mask of {len(held_out)} held-out films came within Dice {GOOD_DICE} of the drawn "
            "one, so there is nothing to know a good mask by. Train longer, or on more films."
        )
    shapes = [describe_drawn(drawn.mask) for drawn in (*films.train, *held_out)]
    return find_limits(good, shapes), len(good)


def _figures(segmenter: LungSegmenter, films: Sequence[DrawnLungs]) -> dict[str, Any]:
    """Return Dice and IoU by source; films of people who drew masks, and phantoms."""
    rows = summarise(score_films(segmenter, films))
    phantoms = {hospital.name for hospital in HOSPITALS}
    return {
        row.source: {
            "films": row.films,
            "subjects" if row.source in phantoms else "patients": row.patients,
            "dice": _interval(row.dice.estimate, row.dice.low, row.dice.high),
            "iou": _interval(row.iou.estimate, row.iou.low, row.iou.high),
            "least_dice": row.least_dice,
            "called_poor": row.called_poor,
        }
        for row in rows
        if row.source != EVERY
    }


def _interval(value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {"value": value, "low": low, "high": high, "level": 0.95}


def _strangers_refused(
    segmenter: LungSegmenter, test: Sequence[DrawnLungs], seed: int
) -> dict[str, str]:
    """Count the pictures without two upright lungs whose mask is called poor."""
    rng = np.random.default_rng([seed, 4])
    phantoms = list(_phantoms(_HELD_OUT, seed, 5))
    films = [*(drawn.film for drawn in test), *(drawn.film for drawn in phantoms)]
    found: dict[str, str] = {}
    for name, make in STRANGERS.items():
        pictures = [make(film, rng) for film in films]
        poor = sum(not segmenter.mask(picture).good for picture in pictures)
        found[name] = f"{poor} of {len(pictures)}"
    return found


class _Lung(nn.Module):
    def __init__(self, network: UNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return torch.sigmoid(self.network(images))


def export_unet(
    network: UNet, how: Preprocessing, films: Sequence[DrawnLungs]
) -> tuple[bytes, float]:
    """Return the network as ONNX, `images` to the probability `lung`, compared with torch.

    Args:
        network: In evaluation mode.
        how: What it is shown.
        films: To compare on.

    Returns:
        The file, and the largest difference in probability.

    Raises:
        BundleError: If that is above 1e-4.
    """
    wrapped = _Lung(network).eval()
    onnx = to_onnx(wrapped, torch.zeros(2, 1, how.size, how.size), outputs=("lung",))
    images = normalize(np.stack([prepare(drawn.film, how) for drawn in films]), how)
    import onnxruntime

    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    ours: NDArray[np.float32] = session.run(["lung"], {"images": images})[0]
    with torch.inference_mode():
        apart = float(np.abs(ours - wrapped(torch.from_numpy(images)).numpy()).max())
    if not apart <= _PARITY:
        raise BundleError(
            f"The exported network differs from torch by {apart:.2g}; at most {_PARITY:g} is "
            "allowed. It was not written."
        )
    return onnx, apart


def _weights(network: UNet) -> bytes:
    from safetensors.torch import save

    tensors: Mapping[str, Tensor] = network.state_dict()
    return save({name: tensor.contiguous() for name, tensor in tensors.items()})
