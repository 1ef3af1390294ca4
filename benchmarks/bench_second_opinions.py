"""How much of each map lies on the opacity, and whether disagreement warns of maps that miss it.

    hilum phantoms PHANTOMS --patients 120 --seed 99 --size 384
    python -m benchmarks.bench_second_opinions --bundle BUNDLE --manifest PHANTOMS/manifest.csv

Phantoms know where their opacity is. The true class of every phantom that has one is explained by
every method and setting; maps are judged on the network's own grid, all alike. Written to
benchmarks/results/second-opinions.json.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from hilum.audit.agreement import FAR_APART, UNRELATED, MethodMap, compare_maps, on_grid
from hilum.audit.maps import cover, mean_over_patients, share_inside
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing, normalize, prepare
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.evaluation.record import Estimate
from hilum.models.grad_cam_plus import GradCamPlusPlus
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine
from hilum.screening.occlusion import FILLS, Occluder

RESULTS = Path(__file__).parent / "results" / "second-opinions.json"
PATCHES = (1.0, 2.0, 3.0)
DEFAULT = "occlusion, mean, 2 cells"
BANDS = (-1.0, 0.0, 0.15, 0.3, 0.45, 0.6, 1.0001)
DISTANCES = (0.0, 0.1, 0.2, 0.25, 0.3, 0.4, 2.0)
SEED, RESAMPLES = 0, 1000
Maps = Mapping[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Seen:
    """One phantom: its maps for the true class, and where the opacity is."""

    patient: str
    right: bool
    maps: Maps
    """On the network's grid, so that all are judged alike."""

    cells: NDArray[np.float64]
    """Share of each cell of the network's grid that the opacity covers."""


def explainers(
    bundle: Bundle, engine: Engine, grid: tuple[int, int], *, every: bool
) -> dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float32]]]:
    """Return every method and setting by name."""
    cell = bundle.record.preprocessing.size / grid[0]
    made: dict[str, Any] = {"Grad-CAM++": GradCamPlusPlus(bundle, engine)}
    for fill in FILLS if every else ("mean",):
        for patch in PATCHES if every else (2.0,):
            covers = Occluder(engine, bundle.record, patch=round(patch * cell),
                              stride=round(cell / 2), fill=fill)  # fmt: skip
            made[f"occlusion, {fill}, {patch:g} cells"] = lambda picture, covers=covers: (
                covers(picture).evidence
            )
    return made


def see(bundle: Bundle, manifest: Manifest, *, every: bool) -> Iterator[Seen]:
    """Explain every phantom with an opacity."""
    engine, how = Engine(bundle, reference=True), bundle.record.preprocessing
    methods: dict[str, Any] | None = None
    for row in manifest.frame.iter_rows(named=True):
        if not row["lesion_mask"] or row["label"] not in bundle.record.classes:
            continue
        film = read_radiograph(manifest.root / row["path"], smallest_side=how.decode_side)
        picture, index = prepare(film, how), bundle.record.classes.index(row["label"])
        logits, cams = engine.run(normalize(picture[None], how))
        grid = cams.shape[2], cams.shape[3]
        methods = methods or explainers(bundle, engine, grid, every=every)
        maps = {"Grad-CAM": cams[0, index]}
        maps |= {name: on_grid(method(picture)[index], grid) for name, method in methods.items()}
        cells = cover(_square(manifest.root / row["lesion_mask"], film, how), grid)
        yield Seen(row["patient_id"], int(logits[0].argmax()) == index, maps, cells)


def _square(path: Path, film: Radiograph, how: Preprocessing) -> NDArray[np.bool_]:
    mask = read_radiograph(path, smallest_side=how.decode_side)
    if mask.shape != film.shape:
        raise ValueError(f"{path} has shape {mask.shape}, its film {film.shape}")
    plain = Preprocessing(top=how.top, square=how.square, size=how.size)
    return prepare(mask, plain) > 127


def hit(one: Seen, name: str) -> bool:
    """Say whether the strongest cell lies on the opacity, at least in part."""
    return bool(one.cells.ravel()[one.maps[name].argmax()] > 0)


def _mean(values: list[float], films: list[Seen], over: list[float] | None = None) -> Estimate:
    return mean_over_patients(
        np.array(values), [one.patient for one in films], resamples=RESAMPLES, seed=SEED,
        over=None if over is None else np.array(over),
    )  # fmt: skip


def method_rows(films: list[Seen]) -> list[dict[str, Any]]:
    """Return what each method reaches, on the films on which no method's map is empty."""
    shown = [one for one in films if all(value.max() > 0 for value in one.maps.values())]
    even = [float(one.cells.mean()) for one in shown]
    found = []
    for name in shown[0].maps:
        share = [share_inside(one.maps[name], one.cells) for one in shown]
        agree = [_compared(one, "Grad-CAM", name) for one in shown]
        found.append(
            {
                "method": name,
                "films": len(shown),
                "share": _mean(share, shown).to_dict(),
                "times_even": _mean(share, shown, even).to_dict(),
                "pointing": _mean([float(hit(one, name)) for one in shown], shown).to_dict(),
                "pointing_by_chance": float(np.mean([(one.cells > 0).mean() for one in shown])),
                "median_rank_correlation": float(np.nanmedian([value for value, _ in agree])),
                "median_peaks_apart": float(np.nanmedian([value for _, value in agree])),
            }
        )
    return found


def _compared(one: Seen, first: str, second: str) -> tuple[float, float]:
    grid = one.cells.shape[0], one.cells.shape[1]
    pair = (first, second)
    maps = [MethodMap(method=name, label="", values=one.maps[name], grid=grid) for name in pair]
    (found,) = compare_maps(maps)
    known = (found.rank_correlation, found.peaks_apart)
    return tuple(float("nan") if value is None else value for value in known)  # type: ignore[return-value]


def bands(films: list[Seen], second: str) -> list[dict[str, Any]]:
    """Return how often Grad-CAM points to the opacity, by how far the second opinion agrees."""
    known = [(one, _compared(one, "Grad-CAM", second)) for one in films]
    known = [(one, said) for one, said in known if not np.isnan(said[0])]
    found = []
    for what, place, edges in (("rank correlation", 0, BANDS), ("peaks apart", 1, DISTANCES)):
        for low, high in itertools.pairwise(edges):
            some = [one for one, said in known if low <= said[place] < high]
            hits = [float(hit(one, "Grad-CAM")) for one in some]
            share = [share_inside(one.maps["Grad-CAM"], one.cells) for one in some]
            found.append(
                {
                    "by": what, "low": low, "high": high, "films": len(some),
                    "pointing": _mean(hits, some).to_dict(),
                    "times_even": _mean(share, some, [float(one.cells.mean()) for one in some]
                                        ).to_dict() if some else None,
                }
            )  # fmt: skip
    return found


def at_limits(films: list[Seen], second: str) -> dict[str, Any]:
    """Return how often Grad-CAM misses the opacity where the shipped limits warn, and elsewhere."""
    groups: dict[str, list[Seen]] = {"warned of": [], "not warned of": []}
    for one in films:
        rank, apart = _compared(one, "Grad-CAM", second)
        if not np.isnan(rank):
            warned = rank <= UNRELATED or apart >= FAR_APART
            groups["warned of" if warned else "not warned of"].append(one)
    return {
        name: {
            "films": len(some),
            "missed": _mean([float(not hit(one, "Grad-CAM")) for one in some], some).to_dict(),
        }
        for name, some in groups.items()
    }


def strangers(films: list[Seen], name: str) -> dict[str, float]:
    """Return how far maps of the first and the second method of DIFFERENT films agree: chance."""
    values = [
        _compared(Seen("", True, {"Grad-CAM": a.maps["Grad-CAM"], name: b.maps[name]}, a.cells),
                  "Grad-CAM", name)
        for a, b in zip(films, [*films[7:], *films[:7]], strict=True)
    ]  # fmt: skip
    ranks = np.array([value for value, _ in values])
    ranks = ranks[~np.isnan(ranks)]
    apart = np.array([value for _, value in values])
    return {
        "median": float(np.median(ranks)),
        "95th percentile": float(np.percentile(ranks, 95)),
        "median peaks apart": float(np.nanmedian(apart)),
        "5th percentile peaks apart": float(np.nanpercentile(apart, 5)),
    }


def _text(value: Mapping[str, Any], *, percent: bool = True) -> str:
    if value["estimate"] is None:
        return "-"
    scale, digits = (100, 0) if percent else (1, 2)
    if value["low"] is None:
        return f"{scale * value['estimate']:.{digits}f}"
    ends = f"{scale * value['low']:.{digits}f} to {scale * value['high']:.{digits}f}"
    return f"{scale * value['estimate']:.{digits}f} ({ends})"


def _show(found: Mapping[str, Any]) -> None:
    table = Table(
        "method", "films", "share %", "times even", "pointing %", "chance %", "rho", "apart"
    )
    for row in found["methods"]:
        table.add_row(
            row["method"], str(row["films"]), _text(row["share"]),
            _text(row["times_even"], percent=False), _text(row["pointing"]),
            f"{100 * row['pointing_by_chance']:.0f}", f"{row['median_rank_correlation']:.2f}",
            f"{row['median_peaks_apart']:.2f}",
        )  # fmt: skip
    Console(width=140).print(table)
    for second, rows in found["bands"].items():
        table = Table(f"Grad-CAM against {second}", "low", "high", "films", "pointing %", "times")
        for row in rows:
            times = "-" if row["times_even"] is None else _text(row["times_even"], percent=False)
            table.add_row(row["by"], f"{row['low']:.2f}", f"{row['high']:.2f}", str(row["films"]),
                          _text(row["pointing"]), times)  # fmt: skip
        Console(width=140).print(table)
    Console(width=140).print(found["different_films"], found["films"], found["right"], found["at"])


def main() -> None:
    """Measure, print and keep."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--defaults", action="store_true", help="Only the default settings.")
    given = parser.parse_args()
    bundle = Bundle.load(given.bundle)
    films = list(see(bundle, Manifest.read(given.manifest), every=not given.defaults))
    seconds = ("Grad-CAM++", DEFAULT)
    found = {
        "bundle": {"name": bundle.record.name, "id": bundle.id,
                   "network": bundle.record.architecture.name},
        "films": len(films),
        "right": sum(one.right for one in films),
        "methods": method_rows(films),
        "bands": {name: bands(films, name) for name in seconds},
        "at": {name: at_limits(films, name) for name in seconds},
        "different_films": {name: strangers(films, name) for name in seconds},
    }  # fmt: skip
    given.out.parent.mkdir(exist_ok=True)
    given.out.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    _show(found)


if __name__ == "__main__":
    main()
