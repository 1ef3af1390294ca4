"""Give a bundle the statistics of its own features, so that its gate can judge by distance.

Nothing of the network changes: the films it was trained on are shown to it once more, and what its
trunk makes of them is summed up in the record. Separate from `distance`, which every screening
reads, because this reads manifests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hilum.data.preprocessing import Preprocessing, normalize, prepare
from hilum.data.reading import read_radiograph
from hilum.errors import BundleError, DataError, ImageReadError
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.engine import Engine
from hilum.screening.gate.distance import FeatureStatistics, fit_statistics

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["MOST_FILMS", "Fitted", "features_of", "fit_gate_of_bundle"]

MOST_FILMS = 3000
"""Films of a split that are looked at; more would not change the statistics."""

_BATCH = 16
_NO_FEATURES = (
    "The bundle does not give out what its head sees. Export it again with this version: "
    "hilum export RUN --out BUNDLE."
)

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """The new bundle, and what its limit does to the films it was set on."""

    bundle: Bundle
    statistics: FeatureStatistics
    accepted: int
    held_out: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "use": self.bundle.record.intended_use,
            "bundle": str(self.bundle.folder),
            "id": self.bundle.id,
            "limit": self.statistics.limit,
            "components": len(self.statistics.components),
            "films": self.statistics.about["films"],
            "held_out": self.held_out,
            "held_out_accepted": self.accepted,
        }


def features_of(engine: Engine, batches: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Return what the trunk makes of network input, averaged over the grid, shape (n, c).

    Args:
        engine: The network.
        batches: Each of shape (n, channels, size, size).

    Raises:
        BundleError: If the network gives no features, or there is no picture.
    """
    found = []
    for images in batches:
        features = engine.run_with_features(images)[2]
        if features is None:
            raise BundleError(_NO_FEATURES)
        found.append(features)
    if not found:
        raise BundleError("No picture was given to learn the features of.")
    return np.concatenate(found)


def fit_gate_of_bundle(
    bundle: Bundle,
    manifest: Manifest,
    out: str | Path,
    *,
    train: str = "train",
    held_out: str = "val",
    accepted: float = 0.99,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Fitted:
    """Write a bundle again with the statistics of its features over training films.

    Args:
        bundle: The bundle; it is left as it is.
        manifest: The films it was trained on, with a column split.
        out: The new bundle's folder.
        train: Split whose films it was trained on.
        held_out: Split of other patients' films, on which the limit is set.
        accepted: Share of these to accept.
        overwrite: Replace a bundle that is already there.
        progress: Called with (films done, films in all).

    Raises:
        DataError: If a split has too few films, or films cannot be read; all are named.
        BundleError: If the network gives no features, or `out` is taken.
    """
    engine = Engine(bundle, reference=True)
    if not engine.has_features:
        raise BundleError(_NO_FEATURES)
    paths = {name: _paths(manifest, name) for name in (train, held_out)}
    total, done = sum(map(len, paths.values())), 0

    def count(films: int) -> None:
        nonlocal done
        done += films
        if progress is not None:
            progress(done, total)

    how = bundle.record.preprocessing
    features = {name: features_of(engine, _read(some, how, count)) for name, some in paths.items()}
    now = datetime.now(UTC).isoformat(timespec="seconds")
    try:
        statistics = fit_statistics(
            features[train],
            features[held_out],
            accepted=accepted,
            about={"from": f"manifest {manifest.sha256[:12]}, limit set on split {held_out}"},
        )
    except ValueError as error:
        raise DataError(f"No statistics can be fitted: {error}.") from error
    gate = {**bundle.record.gate, "features": statistics.to_dict()}
    record = replace(bundle.record, created=now, gate=gate, files={}, id="")
    written = write_bundle(
        out, record, model_onnx=bundle.model_path, weights=bundle.weights_path(),
        overwrite=overwrite,
    )  # fmt: skip
    inside = int((statistics.distances(features[held_out]) <= statistics.limit).sum())
    return Fitted(bundle=written, statistics=statistics, accepted=inside,
                  held_out=len(features[held_out]))  # fmt: skip


def _paths(manifest: Manifest, split: str) -> list[Path]:
    """Return the films of a split, evenly chosen where there are very many."""
    found = manifest.select(split=split).paths()
    step = max(1, -(-len(found) // MOST_FILMS))
    return found[::step]


def _read(
    paths: list[Path], how: Preprocessing, count: Callable[[int], None]
) -> Iterator[NDArray[np.float32]]:
    """Yield network input of films, in batches."""
    problems = []
    for start in range(0, len(paths), _BATCH):
        pictures = []
        for path in paths[start : start + _BATCH]:
            try:
                film = read_radiograph(path, smallest_side=how.decode_side)
            except ImageReadError as error:
                problems.append(str(error))
            else:
                pictures.append(prepare(film, how))
        count(len(paths[start : start + _BATCH]))
        if pictures and not problems:
            yield normalize(np.stack(pictures), how)
    if problems:
        raise DataError("Some films cannot be read:\n" + "\n".join(problems))
