"""How often do 95 % intervals hold the truth? Each method, each figure, each size, by simulation.

Two readers of known skill score films of known truth; every interval is made as `hilum evaluate`
and `hilum compare` make it, and counted when the true value lies inside. Run it alone:
`python -m benchmarks coverage`; it prints one row a figure, design and method and writes
benchmarks/results/coverage.json.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from benchmarks.rows import Row
from hilum.evaluation.bca import bca_interval, leave_out_patients
from hilum.evaluation.delong import Areas, auroc_covariance, auroc_interval
from hilum.evaluation.intervals import percentile_interval, resample_patients
from hilum.evaluation.paired import paired_difference
from hilum.evaluation.prevalence import predictive_values
from hilum.evaluation.wilson import student_quantile, wilson_interval, wilson_interval_of_patients

Array = NDArray[np.float64]

RESULTS = Path(__file__).parent / "results" / "coverage.json"
SIZES = {100: 2_000, 400: 2_000, 2_000: 1_000}
"""Films in a test set, and how many such sets are drawn."""

RESAMPLES, LEVEL, WANTED = 1_000, 0.95, (0.93, 0.97)
PREVALENCE, SENSITIVITY, SPECIFICITY = 0.3, 0.85, 0.90
SHARED, SAME_LABEL, MOST_FILMS = 0.6, 0.8, 10
"""Of a patient with several films: correlation of their scores, chance that one label holds for
all, and the most films."""

_Z = NormalDist()
CUT = _Z.inv_cdf(SPECIFICITY)
SHIFT = CUT + _Z.inv_cdf(SENSITIVITY)
SHIFT_B, TIED = SHIFT - 0.25, 0.7
"""The second reader: a little less skilled, scores correlated with the first one's."""

PPV_AT = 0.05


def truths() -> dict[str, float]:
    """Return the true value of every figure."""
    second = _Z.cdf(SHIFT_B - CUT)
    accuracy = [PREVALENCE * s + (1 - PREVALENCE) * SPECIFICITY for s in (SENSITIVITY, second)]
    area = [_Z.cdf(shift / 2**0.5) for shift in (SHIFT, SHIFT_B)]
    found = PPV_AT * SENSITIVITY
    return {
        "accuracy": accuracy[0],
        "sensitivity": SENSITIVITY,
        "AUROC": area[0],
        "PPV at 5 %": found / (found + (1 - PPV_AT) * (1 - SPECIFICITY)),
        "difference in accuracy": accuracy[0] - accuracy[1],
        "difference in AUROC": area[0] - area[1],
    }


@dataclass(frozen=True)
class Films:
    """One simulated test set: truth, patient and two readers' scores of each film."""

    labels: NDArray[np.bool_]
    patients: NDArray[np.int64]
    scores: Array
    """Shape (2, n)."""


def draw(n: int, several: bool, rng: np.random.Generator) -> Films:
    """Draw `n` films; with `several`, patients have 1 to 10 of them, 3 on average."""
    sizes = np.minimum(rng.geometric(1 / 3, n), MOST_FILMS) if several else np.ones(n, int)
    patients = np.repeat(np.arange(n), sizes)[:n]
    own = rng.random(n) < PREVALENCE
    same = (rng.random(n) < SAME_LABEL)[patients]
    labels = np.where(same, own[patients], rng.random(n) < PREVALENCE)
    by_patient, by_film = rng.normal(size=(3, n))[:, patients], rng.normal(size=(3, n))
    noise = np.sqrt(SHARED) * by_patient + np.sqrt(1 - SHARED) * by_film
    second = TIED * noise[0] + np.sqrt(1 - TIED**2) * noise[1]
    return Films(labels, patients, np.stack([noise[0] + SHIFT * labels, second + SHIFT_B * labels]))


Interval = tuple[float, float] | None


def by_formula(films: Films) -> Iterator[tuple[str, str, Interval]]:
    """Yield figure, method and limits of every method that needs no resampling."""
    y, who, called = films.labels, films.patients, films.scores > CUT
    right = called == y
    for figure, hit, rows in (
        ("accuracy", right[0], np.ones_like(y)),
        ("sensitivity", called[0], y),
    ):
        hits, of = hit[rows], who[rows]
        yield figure, "Wilson, films as patients", wilson_interval(hits.mean(), hits.size)
        yield figure, "Wilson, patients", wilson_interval_of_patients(hits, of)[:2]
    limits = [wilson_interval_of_patients(right[0][side], who[side])[:2] for side in (y, ~y)]
    shares = [float(right[0][side].mean()) for side in (y, ~y)]
    ppv = predictive_values(*((s, *limit) for s, limit in zip(shares, limits, strict=True)), PPV_AT)
    yield "PPV at 5 %", "MOVER of Wilson, patients", ppv[0][1:]
    plain = auroc_covariance(y, films.scores[0])
    yield "AUROC", "DeLong, films as patients", _logit(plain)
    areas = auroc_covariance(y, films.scores, who)
    cov = areas.covariance
    yield "AUROC", "DeLong, patients", _logit(areas)
    half = student_quantile(LEVEL, areas.freedom) * np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    gap = areas.values[0] - areas.values[1]
    yield "difference in AUROC", "DeLong, patients", (gap - half, gap + half)
    yield "difference in accuracy", "t, patients", paired_difference(*right, who, LEVEL)


def _logit(areas: Areas) -> Interval:
    return auroc_interval(
        float(areas.values[0]), float(areas.covariance[0, 0]), areas.freedom, LEVEL
    )


def by_resampling(films: Films, rng: np.random.Generator) -> Iterator[tuple[str, str, Interval]]:
    """Yield figure, method and limits of the two bootstraps, patients resampled."""
    _, patients = np.unique(films.patients, return_inverse=True)
    size = int(patients.max()) + 1
    y, right = films.labels, (films.scores > CUT) == films.labels
    columns = np.stack([np.ones(y.size), right[0], right[1], y, right[0] & y, ~y, right[0] & ~y])
    sums = np.stack([np.bincount(patients, weights=c, minlength=size) for c in columns], axis=1)
    with_positives, with_negatives = np.unique(patients[y]), np.unique(patients[~y])
    pairs = [
        pair_sums(y, s, patients, size)[np.ix_(with_positives, with_negatives)]
        for s in films.scores
    ]

    def figures(weights: Array) -> dict[str, Array]:
        n, a, b, m, found, others, left = (weights @ sums).T
        with np.errstate(invalid="ignore", divide="ignore"):
            sensitivity, false = found / m, 1 - left / others
            ppv = PPV_AT * sensitivity / (PPV_AT * sensitivity + (1 - PPV_AT) * false)
            ill, well = weights[:, with_positives], weights[:, with_negatives]
            areas = [np.einsum("bi,bi->b", ill @ p, well) / (m * others) for p in pairs]
        values = (a / n, sensitivity, areas[0], ppv, (a - b) / n, areas[0] - areas[1])
        return dict(zip(truths(), values, strict=True))

    point = figures(np.ones((1, size)))
    resampled = [figures(w) for w in resample_patients(size, RESAMPLES, rng, images=y.size)]
    without = [figures(w) for w in leave_out_patients(size, rng, images=y.size)]
    for name in point:
        samples = np.concatenate([part[name] for part in resampled])
        left_out = np.concatenate([part[name] for part in without])
        yield name, "percentiles, patients", percentile_interval(samples, LEVEL)[:2]
        estimate = float(point[name][0])
        yield name, "BCa, patients", bca_interval(samples, estimate, left_out, LEVEL)[:2]


def pair_sums(
    positive: NDArray[np.bool_], scores: Array, patients: NDArray[np.int64], size: int
) -> Array:
    """Return how many pairs of a patient's positives and another's negatives are in order.

    Ties half; w @ pairs @ w over w @ positives times w @ negatives is the AUROC under weights w,
    which one matrix product gives for a thousand resamples.
    """
    a, b = scores[positive], scores[~positive]
    order = (a[:, None] > b) + 0.5 * (a[:, None] == b)
    rows = np.zeros((size, b.size))
    np.add.at(rows, patients[positive], order)
    found = np.zeros((size, size))
    np.add.at(found.T, patients[~positive], rows.T)
    return found


Key = tuple[str, str]


def _block(job: tuple[int, bool, int, int]) -> tuple[Counter[Key], Counter[Key], dict[Key, float]]:
    """Draw some test sets; return hits and sets with an interval, and the sum of the widths."""
    n, several, sets, seed = job
    rng, true = np.random.default_rng([n, several, seed]), truths()
    hits: Counter[Key] = Counter()
    given: Counter[Key] = Counter()
    width: dict[Key, float] = {}
    for _ in range(sets):
        films = draw(n, several, rng)
        for figure, method, limits in (*by_formula(films), *by_resampling(films, rng)):
            key = (figure, method)
            if limits is None or not np.isfinite(limits).all():
                continue
            given[key] += 1
            hits[key] += bool(limits[0] <= true[figure] <= limits[1])
            width[key] = width.get(key, 0.0) + limits[1] - limits[0]
    return hits, given, width


def measure(n: int, several: bool, pool: ProcessPoolExecutor) -> list[dict[str, object]]:
    """Return one entry a figure and method."""
    sets, parts = SIZES[n], 20
    blocks = list(pool.map(_block, [(n, several, sets // parts, i) for i in range(parts)]))
    hits = sum((b[0] for b in blocks), Counter())
    given = sum((b[1] for b in blocks), Counter())
    entries: list[dict[str, object]] = []
    for key in sorted(given, key=lambda k: (list(truths()).index(k[0]), k[1])):
        coverage = hits[key] / given[key]
        entries.append(
            {
                "figure": key[0],
                "films": n,
                "films_of_a_patient": "1 to 10" if several else "1",
                "method": key[1],
                "coverage": round(coverage, 4),
                "standard_error": round((coverage * (1 - coverage) / given[key]) ** 0.5, 4),
                "mean_width": round(sum(b[2].get(key, 0.0) for b in blocks) / given[key], 4),
                "sets": sets,
                "sets_without_interval": sets - given[key],
                "met": WANTED[0] <= coverage <= WANTED[1],
            }
        )
    return entries


def rows() -> list[Row]:
    """Measure every design, print the table, write the file; one row a figure and method."""
    start = time.perf_counter()
    found: list[dict[str, object]] = []
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # one core a process is faster than all for each
    cores = min(2, os.cpu_count() or 1)
    with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
        for several in (False, True):
            for n in SIZES:
                found += measure(n, several, pool)
    _write(found, time.perf_counter() - start)
    _print(found)
    return [_row(found, figure, method) for figure, method in dict.fromkeys(map(_key, found))]


def _key(entry: dict[str, object]) -> Key:
    return str(entry["figure"]), str(entry["method"])


def _row(found: list[dict[str, object]], figure: str, method: str) -> Row:
    """Return the coverage farthest from 95 % over all designs."""
    of = [float(str(e["coverage"])) for e in found if _key(e) == (figure, method)]
    worst = max(of, key=lambda c: abs(c - LEVEL))
    return Row(
        claim=f"{figure}: {method}; worst of {len(of)} designs", peer="", ours=worst, theirs=None,
        unit="covered", ratio=None, wanted="0.93 to 0.97", met=WANTED[0] <= worst <= WANTED[1],
    )  # fmt: skip


def _print(found: list[dict[str, object]]) -> None:
    designs = [(n, films) for films in ("1", "1 to 10") for n in SIZES]
    print("| figure | method | " + " | ".join(f"{n:,} films, {f} a patient" for n, f in designs))
    for figure, method in dict.fromkeys(map(_key, found)):
        of = {
            (e["films"], e["films_of_a_patient"]): e for e in found if _key(e) == (figure, method)
        }
        cells = [f"{float(str(of[d]['coverage'])):.1%}" if d in of else "" for d in designs]
        print(f"| {figure} | {method} | " + " | ".join(cells) + " |")


def _write(found: list[dict[str, object]], seconds: float) -> None:
    values = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": "python -m benchmarks coverage",
        "seconds": round(seconds, 1),
        "level": LEVEL,
        "wanted": list(WANTED),
        "resamples": RESAMPLES,
        "design": {
            "prevalence": PREVALENCE,
            "correlation_of_a_patients_scores": SHARED,
            "chance_that_one_label_holds_for_all_films_of_a_patient": SAME_LABEL,
            "correlation_of_the_two_readers": TIED,
        },
        "truth": {name: round(value, 6) for name, value in truths().items()},
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("hilum", "numpy")},
        },
        "coverage": found,
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
