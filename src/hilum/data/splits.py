"""Parting images into train, validation and test so that no patient stands on both sides.

Patients are dealt, not images. Each counts under the rarest label among their images, and within a
label they are shuffled and dealt along a line whose lengths are image counts, so that every split
gets its share of every label. The result depends on the patients and the seed, never on the order
of rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from hilum.data.manifest import Manifest
from hilum.data.manifest_checks import leak_faults
from hilum.data.manifest_table import ROW
from hilum.errors import DataError, LeakageError

__all__ = ["DEFAULT_FRACTIONS", "check_no_leak", "patient_folds", "split_by_patient"]

DEFAULT_FRACTIONS: Mapping[str, float] = {"train": 0.7, "val": 0.15, "test": 0.15}

_PATIENT = ["source", "patient_id"]
_SHOWN = 5


def split_by_patient(
    manifest: Manifest, *, fractions: Mapping[str, float] = DEFAULT_FRACTIONS, seed: int = 0
) -> Manifest:
    """Put every image in a split, all images of a patient in the same one.

    Args:
        manifest: Its split column, if it has one, is replaced.
        fractions: Share of the images for each split; each above 0, together 1. Met for each
            label to within about one patient's images at each border between splits.
        seed: Of the shuffling.

    Raises:
        DataError: If there are fewer patients than splits.
        ValueError: If the fractions are not shares that sum to 1.
    """
    shares = np.array([*fractions.values()], dtype=np.float64)
    if shares.size == 0 or not np.all(shares > 0) or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(f"fractions must be above 0 and sum to 1, got {dict(fractions)}")
    part = _deal(manifest, shares, seed, "splits")
    names = pl.Series([*fractions], dtype=pl.String)
    frame = manifest.frame.with_columns(split=names.gather(part))
    return replace(manifest, frame=frame)


def patient_folds(manifest: Manifest, *, folds: int = 5, seed: int = 0) -> NDArray[np.int64]:
    """Return the fold of each image for cross-validation by patient, shape (n,), in [0, folds).

    Args:
        manifest: The images to part; its split column is not looked at.
        folds: At least 2.
        seed: Of the shuffling.

    Raises:
        DataError: If there are fewer patients than folds.
        ValueError: If `folds` < 2.
    """
    if folds < 2:
        raise ValueError(f"folds must be at least 2, got {folds}")
    return _deal(manifest, np.full(folds, 1 / folds), seed, "folds")


def check_no_leak(manifest: Manifest) -> None:
    """Refuse a manifest in which a patient stands in more than one split.

    Raises:
        LeakageError: With the patients and where they stand; rows count from 1.
    """
    faults = leak_faults(manifest.frame.with_row_index(ROW, offset=1))
    if faults.count:
        shown = "\n".join(f"  - {line}" for line in faults.lines[:_SHOWN])
        raise LeakageError(
            f"{faults.count} patient(s) stand in more than one split. "
            f"Split by patient, not by image.\n{shown}"
        )


def _deal(
    manifest: Manifest, shares: NDArray[np.float64], seed: int, what: str
) -> NDArray[np.int64]:
    """Return the part of each image, shape (n,), in [0, len(shares))."""
    patients = _patients(manifest)
    if patients.height < shares.size:
        raise DataError(
            f"Expected at least as many patients as {what}, "
            f"got {patients.height} patient(s) for {shares.size} {what}"
        )
    rng = np.random.default_rng(seed)
    images = patients["images"].to_numpy()
    part = np.empty(patients.height, np.int64)
    for members in _strata(patients["rarity"].to_numpy(), shares.size):
        shuffled = rng.permutation(members)
        part[shuffled] = _deal_along(images[shuffled], shares)
    dealt = patients.select(*_PATIENT, part=pl.Series(part))
    rows = manifest.frame.select(_PATIENT).join(dealt, on=_PATIENT, maintain_order="left")
    return np.asarray(rows["part"], dtype=np.int64)


def _patients(manifest: Manifest) -> pl.DataFrame:
    """List patients in a fixed order with their number of images and their rarest label's rank."""
    labels = manifest.frame["label"].value_counts().sort("count", "label").with_row_index("rarity")
    return (
        manifest.frame.lazy()
        .select(*_PATIENT, "label")
        .join(labels.lazy().select("label", "rarity"), on="label")
        .group_by(_PATIENT)
        .agg(images=pl.len().cast(pl.Int64), rarity=pl.col("rarity").min())
        .sort(_PATIENT)
        .collect()
    )


def _strata(rarity: NDArray[np.uint32], parts: int) -> list[NDArray[np.intp]]:
    """Group patients by label; labels with fewer patients than parts are dealt together."""
    groups = [np.flatnonzero(rarity == rank) for rank in np.unique(rarity)]
    large = [group for group in groups if group.size >= parts]
    small = [group for group in groups if group.size < parts]
    if not small:
        return large
    pooled = np.sort(np.concatenate(small))
    if pooled.size >= parts or not large:
        return [pooled, *large]
    # Too few even together: they join the rarest label that can be dealt.
    return [np.sort(np.concatenate([pooled, large[0]])), *large[1:]]


def _deal_along(images: NDArray[np.int64], shares: NDArray[np.float64]) -> NDArray[np.int64]:
    """Deal shuffled patients, in order, to parts whose lengths are shares of all images.

    A patient goes where the middle of their images falls. Then every part left empty takes one
    patient from the part with the most patients.
    """
    middle = (np.cumsum(images) - images / 2) / images.sum()
    part: NDArray[np.int64] = np.searchsorted(np.cumsum(shares)[:-1], middle, side="right")
    part = part.astype(np.int64)
    counts = np.bincount(part, minlength=shares.size)
    for empty in np.flatnonzero(counts == 0):
        giver = int(counts.argmax())
        given = np.flatnonzero(part == giver)[-1]
        part[given] = empty
        counts[giver] -= 1
        counts[empty] += 1
    return part
