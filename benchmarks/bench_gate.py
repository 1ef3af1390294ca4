"""What the gate takes and what it refuses: real films, films made wrong, and other pictures.

    python -m benchmarks.bench_gate --bundle BUNDLE [--manifest MANIFEST] [--originals FOLDER]

BUNDLE is one whose gate has feature statistics (`hilum gate fit`); MANIFEST is that of the films it
and the gate's network were trained on, whose split `test` neither has seen. Writes
benchmarks/results/gate.json and docs/images/gate.svg.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from benchmarks.gate_pictures import KINDS, pictures, radiograph
from benchmarks.rows import Row
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import normalize, prepare, to_uint8
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.evaluation.ranking import auroc
from hilum.evaluation.wilson import wilson_interval, wilson_interval_of_patients
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine
from hilum.screening.gate import Gate
from hilum.screening.gate.distance import FeatureStatistics
from hilum.screening.gate.layout import Layout, shipped

RESULTS = Path(__file__).parent / "results" / "gate.json"
CHART = Path(__file__).parent.parent / "docs" / "images" / "gate.svg"
MANIFEST = Path("../shared/data/cxr/manifest.csv")
ORIGINALS = Path("../shared/data/originals")
BUNDLE = Path("runs/first-bundle-gate")
_MODULES = {"scikit-image": "skimage", "scikit-learn": "sklearn", "deid-data": "deid_data"}
_EVERY = 4
"""Of the test films every fourth is made wrong, in each way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What each layer said of one picture."""

    by_rules: bool
    refused: bool
    far: bool
    warned_mirrored: bool
    layout: Layout
    distance: float
    reasons: tuple[str, ...]

    def score(self, limit: float) -> float:
        """How acceptable it is, of both networks: higher is better."""
        return self.layout.score - self.distance / limit


class Judge:
    """The three layers of one bundle's gate, asked one by one."""

    def __init__(self, folder: Path) -> None:
        bundle = Bundle.load(folder)
        self.bundle, self.engine = bundle, Engine(bundle, reference=True)
        statistics = FeatureStatistics.from_gate(bundle.record.gate)
        if statistics is None:
            raise SystemExit(f"{folder} has no feature statistics: hilum gate fit {folder} ...")
        self.statistics = statistics
        self.gate = Gate.from_record(bundle.record.gate)
        self.rules = replace(self.gate, layout=None)

    def look(self, film: Radiograph, *, far: bool = True) -> Looked:
        """Ask all layers about a picture; without `far`, not about its distance."""
        verdict, layout = self.gate.check(film), shipped().look(film)
        distance = 0.0
        if far:
            how = self.bundle.record.preprocessing
            images = normalize(prepare(film, how)[None], how)
            features = self.engine.run_with_features(images)[2]
            if features is None:
                raise SystemExit("the bundle gives no features")
            distance = float(self.statistics.distances(features)[0])
        reason = self.statistics.reason(distance)
        return Looked(
            by_rules=not self.rules.check(film).accepted,
            refused=not verdict.accepted,
            far=reason is not None,
            warned_mirrored=any("exchanged" in text for text in verdict.warnings),
            layout=layout,
            distance=distance,
            reasons=(*verdict.reasons, *([reason] if reason else [])),
        )


def _cut(top: float, bottom: float, left: float, right: float) -> Any:
    def cut(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = grey.shape
        return grey[
            int(top * height) : int(bottom * height), int(left * width) : int(right * width)
        ]

    return cut


WRONG: dict[str, Any] = {
    "turned by 90 degrees": lambda grey: np.rot90(grey, 1),
    "turned by 180 degrees": lambda grey: np.rot90(grey, 2),
    "turned by 270 degrees": lambda grey: np.rot90(grey, 3),
    "flipped top to bottom": lambda grey: grey[::-1],
    "inverted": lambda grey: 255 - grey,
    "left half": _cut(0, 1, 0, 0.5),
    "right half": _cut(0, 1, 0.5, 1),
    "upper half": _cut(0, 0.5, 0, 1),
    "lower half": _cut(0.5, 1, 0, 1),
    "corner": _cut(0.45, 1, 0.45, 1),
    "mirrored": lambda grey: grey[:, ::-1],
}
"""Name to what is done to a film; a mirrored one is warned about and not refused."""


def _share(hits: Sequence[bool], people: NDArray[np.int64] | None = None) -> dict[str, Any]:
    hit = np.array(hits, bool)
    if people is None:
        low, high = wilson_interval(float(hit.mean()), hit.size)
    else:
        _, who = np.unique(people, return_inverse=True)
        low, high, _ = wilson_interval_of_patients(hit, who)
    return {"n": int(hit.size), "hits": int(hit.sum()), "low": round(low, 4),
            "high": round(high, 4)}  # fmt: skip


def _areas(right: Sequence[Looked], wrong: Sequence[Looked], limit: float) -> dict[str, float]:
    truth = np.repeat([False, True], [len(right), len(wrong)])
    both = [*right, *wrong]
    return {
        "layout": round(auroc(truth, np.array([-one.layout.score for one in both])), 4),
        "distance": round(auroc(truth, np.array([one.distance for one in both])), 4),
        "both": round(auroc(truth, np.array([-one.score(limit) for one in both])), 4),
    }


def _row(right: Sequence[Looked], wrong: Sequence[Looked], limit: float) -> dict[str, Any]:
    return {
        **_share([one.refused or one.far for one in wrong]),
        "by_rules": sum(one.by_rules for one in wrong),
        "by_rules_and_layout": sum(one.refused for one in wrong),
        "by_distance": sum(one.far for one in wrong),
        "auroc": _areas(right, wrong, limit),
    }


def measure(judge: Judge, manifest: Manifest, originals: Path) -> dict[str, Any]:
    """Return everything measured, as plain values."""
    found: dict[str, Any] = {}
    frame = manifest.frame
    every = [
        (row, read_radiograph(manifest.root / row["path"], smallest_side=224))
        for row in frame.iter_rows(named=True)
        if row["split"] == "test"
    ]
    right = [judge.look(film) for _, film in every]
    sources = np.array([row["source"] for row, _ in every])
    names = [f"{row['source']} {row['patient_id']}" for row, _ in every]
    people = np.unique(names, return_inverse=True)[1].astype(np.int64)
    taken = np.array([not (one.refused or one.far) for one in right])
    found["accepted"] = {"all": _share(taken, people)}
    for source in sorted(set(sources.tolist())):
        chosen = sources == source
        found["accepted"][source] = _share(taken[chosen], people[chosen])
    found["accepted_without_distance"] = _share([not one.refused for one in right], people)
    found["warned_mirrored"] = _share([one.warned_mirrored for one in right], people)
    ages = np.array([float(row["age"]) if row.get("age") else np.nan for row, _ in every])
    child = ages < 18
    if child.any():
        found["children"] = {
            "note": "test films of under 18 by the manifest; the pixels alone are judged, as these "
            "files have no tags. With a DICOM tag every one is refused.",
            "refused": _share(~taken[child]),
        }
    limit = judge.statistics.limit
    some = [film for _, film in every][::_EVERY]
    found["made_wrong"] = {}
    for name, make in WRONG.items():
        wrong = [judge.look(radiograph(make(to_uint8(film)))) for film in some]
        found["made_wrong"][name] = _row(right, wrong, limit)
        if name == "mirrored":
            row = found["made_wrong"][name]
            row["warned"] = sum(one.warned_mirrored for one in wrong)
            truth = np.repeat([False, True], [len(right), len(wrong)])
            scores = [one.layout.mirrored for one in (*right, *wrong)]
            row["auroc"]["mirrored"] = round(auroc(truth, np.array(scores)), 4)
    found["other_pictures"] = {}
    for kind in KINDS:
        wrong = [judge.look(film) for film in pictures(kind)]
        found["other_pictures"][kind] = _row(right, wrong, limit) if wrong else {"n": 0}
    found["false_refusals"] = list(_false(judge, _every_film(manifest, originals)))
    found["films_asked_by_rules_and_layout"] = frame.height + len(_originals(originals))
    found["seconds"] = _cost(judge, [film for _, film in every][:40])
    return found


def _originals(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*") if path.is_file())


def _every_film(manifest: Manifest, originals: Path) -> Iterable[Path]:
    yield from manifest.paths()
    yield from _originals(originals)


def _false(judge: Judge, paths: Iterable[Path]) -> Iterable[dict[str, Any]]:
    """Name every real film that rules or layout refuse, of all splits."""
    for path in paths:
        verdict = judge.gate.check(read_radiograph(path, smallest_side=224))
        if verdict.reasons:
            yield {"film": f"{path.parent.name}/{path.name}", "reasons": list(verdict.reasons)}


def _cost(judge: Judge, films: Sequence[Radiograph]) -> dict[str, Any]:
    """Return milliseconds a film, of small and of large films, beyond reading them."""
    rng = np.random.default_rng(1)
    large = [
        radiograph(rng.integers(0, 4096, (2500, 2048), dtype=np.uint16).astype(np.uint16) // 16)
        for _ in range(3)
    ]
    deep = [replace(film, pixels=film.pixels.astype(np.uint16) * 16, white=4095) for film in large]
    features = rng.random((1, judge.statistics.mean.size)).astype(np.float32)
    return {
        "unit": "milliseconds, median",
        "480 pixels, 8 bits": _median(
            lambda: [judge.gate.check(film) for film in films], len(films)
        ),
        "2500 x 2048, 16 bits": _median(
            lambda: [judge.gate.check(film) for film in deep], len(deep)
        ),
        "rules alone, 480 pixels": _median(
            lambda: [judge.rules.check(film) for film in films], len(films)
        ),
        "distance": _median(lambda: judge.statistics.distances(features), 1),
    }


def _median(work: Any, count: int, rounds: int = 9) -> float:
    work()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        seconds.append((time.perf_counter() - start) / count)
    return round(1000 * float(np.median(seconds)), 3)


def rows() -> list[Row]:
    """Measure, write the result, and return the claims."""
    found = run(BUNDLE, MANIFEST, ORIGINALS)
    taken = found["accepted"]["all"]
    cost = found["seconds"]["480 pixels, 8 bits"]
    return [
        Row(
            claim="held-out real films that the whole gate accepts", peer="",
            ours=taken["hits"] / taken["n"], theirs=None, unit="of all", ratio=None,
            wanted="0.98", met=taken["hits"] / taken["n"] >= 0.98,
        ),
        Row(
            claim="cost of the gate a film, beyond reading it", peer="", ours=cost, theirs=None,
            unit="ms", ratio=None, wanted="at most 5", met=cost <= 5,
        ),
    ]  # fmt: skip


def run(folder: Path, manifest: Path, originals: Path) -> dict[str, Any]:
    """Measure, write result and chart, and print the table."""
    judge = Judge(folder)
    found = measure(judge, Manifest.read(manifest, labelled=False), originals)
    values = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "bundle": {"name": judge.bundle.record.name, "id": judge.bundle.id,
                   "network": judge.bundle.record.architecture.name,
                   "limit": judge.statistics.limit},
        "layout_network": shipped().id,
        "pictures_from": {name: _version(name) for name in (
            "pydicom", "scikit-image", "scikit-learn", "matplotlib", "nilearn", "deid-data")},
        **found,
    }  # fmt: skip
    RESULTS.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    Console().print(table(values))
    draw(values)
    return values


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "its files, not installed" if find_spec(_MODULES.get(name, name)) else "none"


def table(values: dict[str, Any]) -> Table:
    """Return the result as a table: one row a kind."""
    found = Table("pictures", "n", "refused", "95 %", "rules", "+ layout", "distance", "AUROC")
    for name, row in {**values["made_wrong"], **values["other_pictures"]}.items():
        if not row["n"]:
            found.add_row(name, "0")
            continue
        areas = row["auroc"]
        found.add_row(
            name, str(row["n"]), f"{row['hits'] / row['n']:.1%}",
            f"{row['low']:.1%} to {row['high']:.1%}", str(row["by_rules"]),
            str(row["by_rules_and_layout"]), str(row["by_distance"]),
            f"{areas['layout']:.3f} {areas['distance']:.3f} {areas['both']:.3f}",
        )  # fmt: skip
    for name, row in values["accepted"].items():
        found.add_row(f"accepted: {name}", str(row["n"]), f"{row['hits'] / row['n']:.1%}",
                      f"{row['low']:.1%} to {row['high']:.1%}")  # fmt: skip
    return found


def draw(values: dict[str, Any]) -> None:
    """Draw the shares refused, with their intervals."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    kinds = {**values["made_wrong"], **values["other_pictures"]}
    kinds = {name: row for name, row in kinds.items() if row["n"] and name != "mirrored"}
    accepted = {f"real: {name}": row for name, row in values["accepted"].items()}
    labels, shares, spans, colours = [], [], [], []
    for name, row in accepted.items():
        labels.append(f"{name} (n = {row['n']})")
        shares.append(1 - row["hits"] / row["n"])
        spans.append((1 - row["high"], 1 - row["low"]))
        colours.append("#00796b")
    for name, row in kinds.items():
        labels.append(f"{name} (n = {row['n']})")
        shares.append(row["hits"] / row["n"])
        spans.append((row["low"], row["high"]))
        colours.append("#c62828")
    figure, axes = plt.subplots(figsize=(8, 0.27 * len(labels) + 0.9))
    places = np.arange(len(labels))[::-1]
    low = [max(0.0, 100 * (s - span[0])) for s, span in zip(shares, spans, strict=True)]
    high = [max(0.0, 100 * (span[1] - s)) for s, span in zip(shares, spans, strict=True)]
    for place, share, below, above, colour in zip(places, shares, low, high, colours, strict=True):
        axes.errorbar(100 * share, place, xerr=[[below], [above]], fmt="o", color=colour,
                      markersize=5, capsize=2)  # fmt: skip
    axes.set_yticks(places, labels, fontsize=8)
    axes.set_xlim(-2, 102)
    axes.set_xlabel("refused, % (95 % limits)")
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    CHART.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(CHART, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Measure the gate of the bundle named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, default=BUNDLE)
    parser.add_argument("--manifest", type=Path, default=MANIFEST)
    parser.add_argument("--originals", type=Path, default=ORIGINALS)
    chosen = parser.parse_args()
    run(chosen.bundle, chosen.manifest, chosen.originals)


if __name__ == "__main__":
    main()
