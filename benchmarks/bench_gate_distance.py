"""Which way to say that a film is far from those trained on finds wrong films best.

    python -m benchmarks.bench_gate_distance --bundle BUNDLE

Every way is fitted to the features of the same training films; its limit lets 99 % of the held-out
split `val` pass. Written to benchmarks/results/gate-distance.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.bench_gate import BUNDLE, MANIFEST
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import normalize, prepare
from hilum.data.reading import read_radiograph
from hilum.evaluation.ranking import auroc
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine
from hilum.screening.gate.distance import FeatureStatistics, fit_statistics
from hilum.screening.gate.fitting import features_of
from hilum.training.gate_strangers import SKETCHES, draw_stranger

RESULTS = Path(__file__).parent / "results" / "gate-distance.json"
Array = NDArray[np.float64]
Far = Callable[[Array], Array]
_EACH = 20


def _roots(x: Array) -> Array:
    found = np.sign(x) * np.sqrt(np.abs(x))
    return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True))


def _unit(x: Array) -> Array:
    return np.asarray(x / np.linalg.norm(x, axis=1, keepdims=True))


def _components(k: int, spread: Callable[[Array], Array], *, rest_only: bool = False) -> Any:
    def fit(train: Array, _labels: NDArray[np.str_]) -> Far:
        x = spread(train)
        mean = x.mean(0)
        _, singular, rows = np.linalg.svd(x - mean, full_matrices=False)
        variances = singular**2 / (len(x) - 1)
        left = variances[k:].sum() / (x.shape[1] - k)

        def far(features: Array) -> Array:
            centred = spread(features) - mean
            along = centred @ rows[:k].T
            rest = np.maximum((centred**2).sum(1) - (along**2).sum(1), 0)
            within = 0 if rest_only else (along**2 / np.maximum(variances[:k], left)).sum(1)
            return np.asarray(np.sqrt(within + rest / left))

        return far

    return fit


def _mahalanobis(train: Array, labels: NDArray[np.str_]) -> Far:
    means = [train[labels == label].mean(0) for label in np.unique(labels)]
    centred = np.concatenate(
        [
            train[labels == label] - mean
            for label, mean in zip(np.unique(labels), means, strict=True)
        ]
    )
    spread = centred.T @ centred / len(centred)
    inverse = np.linalg.inv(spread + 0.05 * np.trace(spread) / len(spread) * np.eye(len(spread)))

    def far(x: Array) -> Array:
        found = [np.einsum("ij,jk,ik->i", x - mean, inverse, x - mean) for mean in means]
        return np.asarray(np.sqrt(np.min(found, axis=0)))

    return far


def _relative(train: Array, labels: NDArray[np.str_]) -> Far:
    by_class = _mahalanobis(train, labels)
    alone = _mahalanobis(train, np.zeros(len(train), str))
    return lambda x: by_class(x) ** 2 - alone(x) ** 2


def _nearest(spread: Callable[[Array], Array]) -> Any:
    def fit(train: Array, _labels: NDArray[np.str_]) -> Far:
        known = spread(train)

        def far(features: Array) -> Array:
            x = spread(features)
            squares = (x**2).sum(1)[:, None] + (known**2).sum(1) - 2 * x @ known.T
            return np.asarray(np.sqrt(np.maximum(squares.min(1), 0)))

        return far

    return fit


def _as_is(x: Array) -> Array:
    return x


def _shipped(train: Array, _labels: NDArray[np.str_]) -> Far:
    return fit_statistics(train, train[:99]).distances


WAYS: dict[str, Any] = {
    "components of roots, 64 (hilum)": _shipped,
    "components of roots, 16": _components(16, _roots),
    "components of roots, 128": _components(128, _roots),
    "components of unit features, 64": _components(64, _unit),
    "components, 16": _components(16, _as_is),
    "components, 64": _components(64, _as_is),
    "components, 128": _components(128, _as_is),
    "residual beyond 64 components": _components(64, _as_is, rest_only=True),
    "Mahalanobis by class": _mahalanobis,
    "relative Mahalanobis": _relative,
    "nearest training film": _nearest(_as_is),
    "nearest training film, cosine": _nearest(_unit),
}


def _limit(distances: Array) -> float:
    """Return the limit that 99 % of these and of the next film stay below."""
    rank = min(int(np.ceil((len(distances) + 1) * 0.99)), len(distances))
    return float(np.sort(distances)[rank - 1])


def _wrong(films: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    side = films.shape[1]

    def enlarged(part: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(Image.fromarray(np.ascontiguousarray(part)).resize((side, side)))

    yield "turned by 90 degrees", np.rot90(films, 1, (1, 2))
    yield "turned by 180 degrees", np.rot90(films, 2, (1, 2))
    yield "inverted", 255 - films
    yield "left half", np.stack([enlarged(film[:, : side // 2]) for film in films])
    yield "lower half", np.stack([enlarged(film[side // 2 :]) for film in films])
    rng = np.random.default_rng(5)
    for kind in SKETCHES:
        drawn = [enlarged(draw_stranger(rng, kind)) for _ in range(_EACH)]
        yield f"{kind} (drawn)", np.stack(drawn)


def measure(folder: Path, manifest: Manifest) -> dict[str, Any]:
    """Return what each way finds."""
    bundle = Bundle.load(folder)
    engine, how = Engine(bundle, reference=True), bundle.record.preprocessing

    def seen(pictures: NDArray[np.uint8]) -> Array:
        batches = (normalize(pictures[at : at + 16], how) for at in range(0, len(pictures), 16))
        return features_of(engine, batches).astype(np.float64)

    pictures = np.stack(
        [prepare(read_radiograph(path, smallest_side=how.decode_side), how)
         for path in manifest.paths()]
    )  # fmt: skip
    frame = manifest.frame
    split, source, label = (
        np.array(frame[name].to_list()) for name in ("split", "source", "label")
    )
    real = seen(pictures)
    wrong = {name: seen(films) for name, films in _wrong(pictures[split == "test"][::4])}
    found = {}
    for name, fit in WAYS.items():
        far = fit(real[split == "train"], label[split == "train"])
        limit, test = _limit(far(real[split == "val"])), far(real[split == "test"])
        refused, areas = {}, {}
        for kind, features in wrong.items():
            distances = far(features)
            truth = np.repeat([False, True], [len(test), len(distances)])
            refused[kind] = round(float((distances > limit).mean()), 3)
            areas[kind] = round(auroc(truth, np.concatenate([test, distances])), 4)
        unseen = {}
        for place in sorted(set(source.tolist())):
            others = source != place
            far = fit(real[(split == "train") & others], label[(split == "train") & others])
            edge = _limit(far(real[(split == "val") & others]))
            unseen[place] = round(float((far(real[~others]) <= edge).mean()), 3)
        found[name] = {"test_accepted": round(float((test <= limit).mean()), 4),
                       "mean_refused": round(float(np.mean(list(refused.values()))), 4),
                       "mean_auroc": round(float(np.mean(list(areas.values()))), 4),
                       "refused": refused, "auroc": areas,
                       "accepted_of_a_source_left_out_of_the_statistics": unseen}  # fmt: skip
    known = FeatureStatistics.from_gate(bundle.record.gate)
    distances = np.zeros(len(real)) if known is None else known.distances(real)
    far = distances > (np.inf if known is None else known.limit)
    films = [
        {"film": row["path"], "split": row["split"], "distance": round(float(distance), 1)}
        for row, distance, out in zip(frame.iter_rows(named=True), distances, far, strict=True)
        if out
    ]
    return {"measured": datetime.now(UTC).isoformat(timespec="seconds"), "bundle": bundle.id,
            "network": bundle.record.architecture.name, "ways": found,
            "real_films_refused": films}  # fmt: skip


def main() -> None:
    """Compare the ways, write the result, print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    chosen = parser.parse_args()
    values = measure(chosen.bundle, Manifest.read(chosen.manifest))
    RESULTS.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    table = Table("way", "test accepted", "wrong refused", "AUROC", "source left out")
    for name, row in values["ways"].items():
        left = " ".join(
            str(v) for v in row["accepted_of_a_source_left_out_of_the_statistics"].values()
        )
        table.add_row(name, str(row["test_accepted"]), str(row["mean_refused"]),
                      str(row["mean_auroc"]), left)  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
