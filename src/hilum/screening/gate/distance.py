"""How far a film is from those a bundle's network was trained on, in its own features.

The network's trunk turns a film into c numbers, which come with every answer at no further cost.
Their square roots, scaled to length 1, are compared: so a few loud numbers do not drown the others.
Training films fill a thin slice of that space. Along the k directions in which they vary most, a
film's distance is counted in their standard deviations; what is left over is counted in theirs,
too:

    g = sqrt(f) / |sqrt(f)|
    distance^2 = sum_j ((g - mean) . u_j)^2 / variance_j  +  |rest|^2 / variance_of_rest

Chosen by measurement from a dozen ways to say "far" (docs/gate.md).

The statistics and the limit stand in the bundle's record, `gate.features`; bundles without them
are not judged by distance.

References:
    Lee et al., "A Simple Unified Framework for Detecting Out-of-Distribution Samples and
    Adversarial Attacks", NeurIPS 2018.
    Tipping and Bishop, "Probabilistic Principal Component Analysis", J. R. Stat. Soc. B 61, 1999.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.errors import BundleError

__all__ = ["KIND", "FeatureStatistics", "fit_statistics"]

KIND = "principal-components-of-roots"
_MOST_BYTES = 220_000
_MOST_COMPONENTS = 64
_LEAST_FILMS = 20

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureStatistics:
    """Where training films lie among a network's features, and how far is too far.

    Args:
        mean: Shape (c,).
        components: Orthogonal directions, shape (k, c).
        variances: Along them, shape (k,), above 0.
        rest: Variance of one feature in the directions left over, above 0.
        limit: Distance above which a film is unlike those trained on.
        about: What it was fitted on and how the limit was set; for the reader.
    """

    mean: NDArray[np.float32]
    components: NDArray[np.float32]
    variances: NDArray[np.float32]
    rest: float
    limit: float
    about: Mapping[str, Any]

    def distances(self, features: NDArray[np.floating[Any]]) -> Array:
        """Return the distance of each row of `features` (n, c); inf where one is not finite."""
        centred = _roots(features) - self.mean
        along = centred @ self.components.T
        rest = np.maximum((centred**2).sum(1) - (along**2).sum(1), 0)
        found = np.sqrt((along**2 / self.variances).sum(1) + rest / self.rest, dtype=np.float64)
        return np.where(np.isfinite(found), found, np.inf)

    def reason(self, distance: float) -> str | None:
        """Say that a film is too far off; None if it is not."""
        if distance <= self.limit:
            return None
        return (
            "The film is unlike those that this model was trained on: distance "
            f"{distance:.1f}, limit {self.limit:.1f}. Look whether it is an ordinary frontal film; "
            "if it is, this model does not know its kind and should not answer."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return what `gate.features` of a record holds."""
        return {
            "kind": KIND,
            "limit": self.limit,
            "rest": self.rest,
            "components": len(self.components),
            "features": int(self.mean.size),
            "mean": _encoded(self.mean, "<f4"),
            "variances": _encoded(self.variances, "<f4"),
            "directions": _encoded(self.components, "<f2"),
            **self.about,
        }

    @classmethod
    def from_gate(cls, gate: Mapping[str, Any]) -> FeatureStatistics | None:
        """Read `gate.features`; None if the bundle has none.

        Raises:
            BundleError: If it is there and cannot be used.
        """
        values = gate.get("features")
        if values is None:
            return None
        if not isinstance(values, Mapping) or values.get("kind") != KIND:
            raise BundleError(
                f"gate.features must be statistics of kind {KIND!r}, got {values!r:.80}. Fit them "
                "again with `hilum gate fit`, or upgrade hilum."
            )
        known = ("kind", "limit", "rest", "components", "features", "mean", "variances",
                 "directions")  # fmt: skip
        try:
            k, c = int(values["components"]), int(values["features"])
            statistics = cls(
                mean=_decoded(values["mean"], "<f4", (c,)),
                components=_decoded(values["directions"], "<f2", (k, c)),
                variances=_decoded(values["variances"], "<f4", (k,)),
                rest=float(values["rest"]),
                limit=float(values["limit"]),
                about={key: value for key, value in values.items() if key not in known},
            )
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise BundleError(
                f"gate.features cannot be used: {error}. Fit them again with `hilum gate fit`."
            ) from error
        if not (statistics.rest > 0 and statistics.limit > 0 and np.all(statistics.variances > 0)):
            raise BundleError("gate.features must have a limit and variances above 0.")
        return statistics


def _roots(features: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Return square roots, signs kept, of length 1 a row, shape (n, c)."""
    values = np.asarray(features, np.float32)
    roots = np.sign(values) * np.sqrt(np.abs(values))
    length = np.sqrt((roots**2).sum(1, keepdims=True))
    return np.asarray(roots / np.where(length > 0, length, 1), np.float32)


def _encoded(values: NDArray[Any], kind: str) -> str:
    return base64.b64encode(np.ascontiguousarray(values, dtype=kind).tobytes()).decode()


def _decoded(text: Any, kind: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    values = np.frombuffer(base64.b64decode(text, validate=True), kind).astype(np.float32)
    return values.reshape(shape)


def fit_statistics(
    train: NDArray[np.floating[Any]],
    held_out: NDArray[np.floating[Any]],
    *,
    accepted: float = 0.99,
    about: Mapping[str, Any] | None = None,
) -> FeatureStatistics:
    """Fit the statistics to training films, and set the limit on films that were held out.

    The limit is the distance that the share `accepted` of held-out films stays below, counted so
    that it also holds for the next film: of n distances that of rank ceil((n + 1) accepted).

    Args:
        train: Features of films the network was trained on, shape (n, c).
        held_out: Of films of other patients, shape (m, c).
        accepted: Share of held-out films to accept, in (0, 1).
        about: What to say of them in the bundle.

    Raises:
        ValueError: If there are fewer than 20 films on either side, or a feature is not finite.

    References:
        Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005, chapter 2.
    """
    if min(len(train), len(held_out)) < _LEAST_FILMS or not 0 < accepted < 1:
        raise ValueError(
            f"Expected at least {_LEAST_FILMS} films on either side and a share in (0, 1), got "
            f"{len(train)}, {len(held_out)} and {accepted}"
        )
    if not (np.isfinite(train).all() and np.isfinite(held_out).all()):
        raise ValueError("features must be finite numbers")
    x = _roots(train).astype(np.float64)
    mean = x.mean(0)
    _, singular, directions = np.linalg.svd(x - mean, full_matrices=False)
    variances = singular**2 / (len(x) - 1)
    k = _how_many(variances, x.shape[1])
    left = max(float(variances[k:].sum()) / (x.shape[1] - k), 1e-12)
    free = FeatureStatistics(
        mean=mean.astype(np.float32),
        # As they will be stored, so that the limit holds for what is read back.
        components=directions[:k].astype("<f2").astype(np.float32),
        variances=np.maximum(variances[:k], left).astype(np.float32),
        rest=left,
        limit=np.inf,
        about={},
    )
    distances = np.sort(free.distances(held_out))
    rank = min(int(np.ceil((len(distances) + 1) * accepted)), len(distances))
    said = {"films": len(train), "limit_set_on": len(held_out), "accepted": accepted}
    return replace(free, limit=float(distances[rank - 1]), about={**said, **(about or {})})


def _how_many(variances: Array, features: int) -> int:
    """Return how many directions to keep: up to 64, as far as they hold any variance and fit."""
    room = _MOST_BYTES // (2 * features)
    some = int((variances > 1e-6 * variances[0]).sum())
    return max(1, min(_MOST_COMPONENTS, room, some, features - 1))
