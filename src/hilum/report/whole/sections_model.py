"""How a model came about and what it is: training runs, bundles, and films it answered."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hilum.report.svg import Curve, Drawing, line_chart
from hilum.report.whole.blocks import Block, Facts, Film, Films, Grid, Prose, Section
from hilum.report.whole.gather import Piece
from hilum.report.whole.sections_audit import film
from hilum.report.whole.sheet import Sheet

__all__ = ["bundle_section", "run_section", "screening_sections"]

_FILM_SIDE = 480
_MOST_FILMS = 60
_PANELS = (
    ("Loss by epoch", "loss", ("train_loss", "val_loss")),
    ("Learning rate by epoch", "learning rate", ("learning_rate", "lr")),
)


def run_section(run: Piece, ident: str) -> Section:
    """Return how one model was trained."""
    return Section(ident, f"Training: {run['name']}", list(_run(run)))


def _run(run: Piece) -> Iterator[Block]:
    about, result = run.get("trained_on", {}), run.get("result", {})
    counts = run["counts"]
    trained = sum(n for name, n in counts.items() if name.startswith("train/"))
    words = f"Fitted to {trained:,} films"
    if sources := about.get("sources") or (run.get("manifest") or {}).get("sources"):
        words += f"; the manifest's sources are {', '.join(sources)}"
    if result:
        words += (
            f"; {result.get('epochs')} epochs, weights of epoch {result.get('best_epoch')} kept"
        )
        words += f"; {result.get('seconds', 0):,.0f} s"
    yield Prose([f"{words}."])
    if not run.get("finished"):
        yield Prose(["This run is not finished."], "warning")
    figures = list(_curves(run.folder / "metrics.csv"))
    if figures:
        n = {split: sum(v for k, v in counts.items() if k.startswith(f"{split}/"))
             for split in ("train", "val")}  # fmt: skip
        told = (
            f"n {n['train']:,} films in train, {n['val']:,} in val. Single values without limits: "
        )
        yield Prose([f"{told}they steer the training and prove nothing."], "soft")
        yield Grid([(figure, "") for figure in figures])
    rows = [[*_split(name), count] for name, count in counts.items()]
    yield Sheet("Films by split and class", ("split", "class", "films"), rows)


def _split(name: str) -> tuple[str, str]:
    split, _, label = name.partition("/")
    return split, label


def _curves(path: Path) -> Iterator[Drawing]:
    columns = _columns(path)
    epochs = columns.pop("epoch", [])
    scores = tuple(n for n in columns if n.startswith("val_") and n != "val_loss")
    panels = [
        _PANELS[0],
        ("Validation by epoch", "score", tuple(n for n in scores if "recall_" not in n)),
        ("Recall of each class by epoch", "recall", tuple(n for n in scores if "recall_" in n)),
        _PANELS[1],
    ]
    for title, y, names in panels:
        curves = [_curve(name, epochs, columns[name]) for name in names if name in columns]
        curves = [curve for curve in curves if curve.points]
        if curves:
            yield line_chart(title, curves, x="epoch", y=y, height=180)


def _curve(name: str, epochs: Sequence[float], values: Sequence[float]) -> Curve:
    label = name.removeprefix("val_") if name != "val_loss" else name
    pairs = zip(epochs, values, strict=True)
    points = [(e, v, None, None) for e, v in pairs if math.isfinite(e) and math.isfinite(v)]
    return Curve(label.replace("_", " "), points)


def _columns(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows or "epoch" not in rows[0]:
        return {}
    return {name: [_number(row[name]) for row in rows] for name in rows[0] if name}


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def bundle_section(bundle: Piece, ident: str) -> Section:
    """Return what a bundle is: network, preprocessing, thresholds, how far its export agrees."""
    return Section(ident, f"The model: {bundle['name']}", list(_bundle(bundle)))


def _bundle(bundle: Piece) -> Iterator[Block]:
    prepared = bundle.get("preprocessing", {})
    pairs = [
        ("Network", str(bundle["architecture"].get("name", "not said"))),
        ("Classes", ", ".join(bundle["classes"])),
        ("Pictures", ", ".join(f"{name} {value}" for name, value in prepared.items())),
        ("Temperature", f"{bundle.get('temperature', 1.0):.4g}"),
        ("Decides by", str(bundle.get("default_threshold", "not said"))),
        ("Licence", str(bundle.get("licence", "not said"))),
        ("Input gate", "has statistics of the training films" if bundle.get("gate") else
         "none: any picture gets an answer"),
    ]  # fmt: skip
    yield Facts(pairs)
    if use := bundle.get("intended_use"):
        yield Prose([use], "warning")
    parity = bundle.get("measured", {}).get("parity")
    if isinstance(parity, Mapping) and "largest_logit_difference" in parity:
        yield Prose(
            [
                (
                    "The exported network differs from the trained one by at most "
                    f"{parity['largest_logit_difference']:.1e} in logits on n "
                    f"{parity.get('images')} {parity.get('drawn_from', 'pictures')}; a largest "
                    "difference has no interval."
                )
            ],
            "soft",
        )
    thresholds = bundle.get("thresholds", {})
    if thresholds:
        names = sorted({key for rule in thresholds.values() for key in rule})
        rows = [
            [name, *(_plain(rule.get(key)) for key in names)] for name, rule in thresholds.items()
        ]
        yield Sheet("Thresholds in the bundle", ("name", *names), rows)


def _plain(value: Any) -> str | int | float | None:
    return value if value is None or isinstance(value, str | int | float) else str(value)


def screening_sections(films: Sequence[Piece], prefix: str) -> Iterator[Section]:
    """Return what a model said of single films, with its maps."""
    for number, one in enumerate(films[:_MOST_FILMS], start=1):
        name = Path(str(one.get("path", "film"))).name
        yield Section(f"{prefix}-{number}", name, list(_screening(one, name)), level=4)
    left = len(films) - _MOST_FILMS
    if left > 0:
        told = f"{left:,} more films were screened; screenings.json has them."
        yield Section(f"{prefix}-more", "More films", [Prose([told])], level=4)


def _screening(one: Piece, name: str) -> Iterator[Block]:
    if one.get("error"):
        yield Prose([f"No answer: {one['error']}"])
    elif one.get("accepted") is False:
        yield Prose([f"Refused by the input gate: {' '.join(one.get('reasons', []))}"])
    if said := one.get("probabilities"):
        rows = [
            [f"{label} (decision)" if label == one.get("decision") else label, float(value)]
            for label, value in said.items()
        ]
        yield Sheet(
            f"What is said of {name}",
            ("class", "probability"),
            rows,
            notes=("An answer about n 1 film; it has no interval.",),
            forms={"probability": ".3f"},
        )
    films = list(_overlays(one, name))
    if films:
        yield Films(films)


def _overlays(one: Piece, name: str) -> Iterator[Film]:
    """Return the maps, wherever they can still be found."""
    for label, place in one.get("heatmaps", {}).items():
        for candidate in (Path(place), one.folder / Path(place).name):
            if candidate.is_file():
                yield film(candidate, f"{name}: what speaks for {label}", _FILM_SIDE)
                break
