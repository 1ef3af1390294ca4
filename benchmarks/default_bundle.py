"""Which question can the real films answer? Every experiment behind the default bundle.

    python -m benchmarks.default_bundle ../shared/data/cxr/manifest.csv [NAME ...]
    python -m benchmarks.default_bundle --tables      # as in docs/default-bundle.md
    python -m benchmarks.default_bundle ../shared/data/cxr/manifest.csv --without-looking

Each is a recipe of recipes/default, cross-validated: by patient within one source for the question
"abnormal film", by source for the question "COVID-19". Results go to
benchmarks/results/default-bundle.json; runs are kept in runs/default, and a finished one is not
made again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from hilum.audit.strata import StratifiedAreas, estimated
from hilum.cli.train import prepared
from hilum.data.cache import PreparedCache
from hilum.data.manifest import Manifest
from hilum.data.preprocessing import normalize
from hilum.evaluation.record import Estimate
from hilum.screening.lungs import LungSegmenter
from hilum.screening.lungs_apply import Kind, apply_masks
from hilum.training import fit, load_recipe
from hilum.training.crossval import CrossValidation, cross_validate
from hilum.training.module import probabilities
from hilum.training.predict import load_trained

RECIPES = Path("recipes/default")
RUNS = Path("runs/default")
RESULTS = Path(__file__).parent / "results" / "default-bundle.json"
HOME = "nih"
ADULT = 18
FOLDS = 3
RESAMPLES = 1000
SPECIFICITY = 0.8
NEIGHBOURS = 500
"""Films are matched with films of patients whose numbers lie in the same 500."""


@dataclass(frozen=True)
class Experiment:
    """One row of the table.

    Args:
        recipe: File in recipes/default.
        pictures: What of each film is seen.
        everywhere: Whether films of every source are learned from, or of the home source alone.
    """

    recipe: str
    pictures: Kind | Literal["whole"] = "whole"
    everywhere: bool = False


EXPERIMENTS: dict[str, Experiment] = {
    "abnormal": Experiment("abnormal"),
    "abnormal-64": Experiment("abnormal-64"),
    "abnormal-224": Experiment("abnormal-224"),
    "abnormal-histogram": Experiment("abnormal-histogram"),
    "abnormal-clahe": Experiment("abnormal-clahe"),
    "abnormal-photometric": Experiment("abnormal-photometric"),
    "abnormal-geometric": Experiment("abnormal-geometric"),
    "abnormal-look": Experiment("abnormal-look"),
    "abnormal-crop": Experiment("abnormal", "crop"),
    "abnormal-lungs": Experiment("abnormal", "lungs"),
    "abnormal-outside": Experiment("abnormal", "outside"),
    "abnormal-everywhere": Experiment("abnormal-everywhere", everywhere=True),
    "abnormal-everywhere-balanced": Experiment("abnormal-everywhere-balanced", everywhere=True),
    "abnormal-domain": Experiment("abnormal-domain"),
    "abnormal-tuned": Experiment("abnormal-tuned"),
    "abnormal-tuned-look": Experiment("abnormal-tuned-look"),
    "abnormal-scratch": Experiment("abnormal-scratch"),
    "abnormal-224-look": Experiment("abnormal-224-look"),
    "abnormal-tuned-224": Experiment("abnormal-tuned-224"),
    "covid": Experiment("covid", everywhere=True),
    "covid-crop": Experiment("covid", "crop", everywhere=True),
    "covid-lungs": Experiment("covid", "lungs", everywhere=True),
    "covid-outside": Experiment("covid", "outside", everywhere=True),
    "covid-64": Experiment("covid-64", everywhere=True),
    "covid-histogram": Experiment("covid-histogram", everywhere=True),
    "covid-photometric": Experiment("covid-photometric", everywhere=True),
    "covid-look": Experiment("covid-look", everywhere=True),
    "covid-balanced": Experiment("covid-balanced", everywhere=True),
    "covid-tuned": Experiment("covid-tuned", everywhere=True),
    "covid-adversary": Experiment("covid-adversary", everywhere=True),
}


def main() -> None:
    """Run the experiments named, or all; write what they give after each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path, nargs="?")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(EXPERIMENTS))
    parser.add_argument("--tables", action="store_true", help="print what was found, and stop")
    parser.add_argument("--without-looking", action="store_true", help="what no picture is for")
    arguments = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    if arguments.tables:
        print("\n\n".join(tables(results)))
        return
    if arguments.manifest is None:
        parser.error("a manifest is needed")
    if arguments.without_looking:
        print(json.dumps(without_looking(arguments.manifest), indent=1))
        return
    for name in arguments.names or EXPERIMENTS:
        results[name] = run(name, EXPERIMENTS[name], arguments.manifest)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        print(name, json.dumps(results[name]["figures"]), flush=True)


def run(name: str, experiment: Experiment, manifest: Path) -> dict[str, Any]:
    """Cross-validate one experiment and return its figures."""
    films = _films(manifest, experiment.pictures)
    if experiment.recipe == "abnormal-domain":
        _pretrain(films)
    recipe = load_recipe(RECIPES / f"{experiment.recipe}.yaml")
    cache = prepared(films, recipe.preprocessing, None)
    covid = "covid" in (recipe.classes or ())
    chosen = films if experiment.everywhere else _at_home(films)
    found = cross_validate(
        recipe, chosen, cache, RUNS / name, folds=FOLDS, by="source" if covid else "patient",
        resamples=RESAMPLES,
    )  # fmt: skip
    scores = found.predictions.probabilities[:, 1]
    if covid:
        figures = _left_out(found)
    else:
        figures = _at_home_figures(found, films)
        figures |= _abroad(found, films, cache, seen=experiment.everywhere)
    return {
        "recipe": f"{RECIPES}/{experiment.recipe}.yaml", "pictures": experiment.pictures,
        "films": int(scores.size), "figures": figures,
    }  # fmt: skip


def without_looking(manifest: Path) -> dict[str, Any]:
    """Return how well the home source's abnormal films are told by their entries alone."""
    films = _at_home(_films(manifest, "whole")).frame
    number = films["patient_id"].str.extract(r"(\d+)").cast(pl.Int64)
    scores = {"patient number": number, "age": films["age"], "PA": films["view"] == "PA"}
    table = films.select(
        "source", "patient_id",
        label=pl.when(pl.col("label") == "normal").then(pl.lit("normal"))
        .otherwise(pl.lit("abnormal")),
    )  # fmt: skip
    found: dict[str, Any] = {
        name: _area(table.with_columns(score=values.cast(pl.Float64)))
        for name, values in scores.items()
    }
    normal = number.filter(films["label"] == "normal").to_numpy()
    found["numbers of normal films, 5th and 75th percentile"] = np.percentile(
        normal, (5, 75)
    ).tolist()
    return found


def tables(results: dict[str, Any]) -> list[str]:
    """Return the figures as two Markdown tables, one a question."""
    elsewhere = ("cohen", "covidcxnet", "hannover")
    first = [
        (
            "| experiment | AUROC, one hospital | the same, matched | called abnormal elsewhere | "
            "for the look alone |"
        ),
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    second = [
        "| experiment | cohen left out | covidcxnet left out | hannover left out |",
        "| --- | ---: | ---: | ---: |",
    ]
    for name in EXPERIMENTS:
        if name not in results:
            continue
        found = results[name]["figures"]
        if name.startswith("covid"):
            areas = " | ".join(_in_words(found[f"auroc {source}"]) for source in elsewhere)
            second.append(f"| {name} | {areas} |")
            continue
        called = [found.get(f"called abnormal {source}") for source in elsewhere]
        look = [found[f"called abnormal for the look of {source}"] for source in elsewhere]
        first.append(
            f"| {name} | {_in_words(found['auroc'])} | {_in_words(found['auroc matched'])} | "
            f"{_percent(called)} | {_percent(look)} |"
        )
    return ["\n".join(first), "\n".join(second)]


def _in_words(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"


def _percent(shares: list[float | None]) -> str:
    return ", ".join("trained on" if share is None else f"{share:.0%}" for share in shares)


def _films(manifest: Path, pictures: str) -> Manifest:
    """Return adults' films, whole or with part of each shown; no split of their own."""
    films = Manifest.read(manifest, leaks=True)
    if pictures != "whole":
        folder = RUNS / "films" / pictures
        if not (folder / "manifest.csv").exists():
            apply_masks(films, folder, LungSegmenter.load(), pictures)  # type: ignore[arg-type]
        films = Manifest.read(folder / "manifest.csv", leaks=True)
    frame = films.frame.filter(pl.col("age").is_null() | (pl.col("age") >= ADULT))
    return replace(films, frame=frame)


def _at_home(films: Manifest) -> Manifest:
    return replace(films, frame=films.frame.filter(pl.col("source") == HOME))


def _pretrain(films: Manifest) -> None:
    """Teach the trunk the films of the other sources, of which no label is used."""
    run = RUNS / "domain" / "run"
    if (run / "run.json").exists() and "finished" in json.loads((run / "run.json").read_text()):
        return
    recipe = load_recipe(RECIPES / "domain.yaml")
    others = films.frame.filter(pl.col("source") != HOME).with_columns(label=pl.col("source"))
    order = np.random.default_rng(0).permutation(others["patient_id"].unique(maintain_order=True))
    held = set(order[: len(order) // 5])
    split = pl.when(pl.col("patient_id").is_in(list(held))).then(pl.lit("val"))
    named = Manifest.from_frame(
        others.with_columns(split=split.otherwise(pl.lit("train"))), films.root
    )
    fit(recipe, named, prepared(named, recipe.preprocessing, None), run, resume=run.exists())


def _left_out(found: CrossValidation) -> dict[str, Any]:
    """Return the AUROC of each source that was left out, against home films not trained on."""
    figures = {}
    for fold in sorted(RUNS.glob(f"{found.folder.name}/fold-*")):
        table = pl.read_csv(fold / "predictions-test.csv", infer_schema_length=None)
        (source,) = set(table["source"].unique()) - {HOME}
        figures[f"auroc {source}"] = _area(table)
    return figures


def _area(table: pl.DataFrame, strata: NDArray[Any] | None = None) -> dict[str, Any]:
    positive = np.asarray(table["label"].is_in(["covid", "abnormal"]), dtype=np.int64)
    score = table[table.columns[-1]].to_numpy()
    people = (table["source"] + "/" + table["patient_id"].cast(pl.String)).to_numpy()
    patients = np.unique(people, return_inverse=True)[1]
    areas = StratifiedAreas(positive, np.stack([1 - score, score], 1), strata, patients)
    found = estimated(lambda weights: areas(weights)[:, -1], patients, resamples=RESAMPLES, seed=0)
    return _numbers(found)


def _numbers(found: Estimate) -> dict[str, Any]:
    return {
        key: None if value is None else round(value, 4)
        for key, value in (("value", found.estimate), ("low", found.low), ("high", found.high))
    }


def _at_home_figures(found: CrossValidation, films: Manifest) -> dict[str, Any]:
    """Return the AUROC within the home source, and matched by view and number of the patient."""
    table = _pooled(found).filter(pl.col("source") == HOME)
    facts = films.frame.select("path", "view", number=pl.col("patient_id").str.extract(r"(\d+)"))
    table = table.join(facts, left_on="image", right_on="path", how="left", maintain_order="left")
    number = table["number"].cast(pl.Int64).to_numpy() // NEIGHBOURS
    strata = np.array([f"{view} {n}" for view, n in zip(table["view"], number, strict=True)])
    table = table.drop("view", "number")
    return {"auroc": _area(table), "auroc matched": _area(table, strata)}


def _pooled(found: CrossValidation) -> pl.DataFrame:
    """Return the test predictions of all folds."""
    names = {"patient_id": pl.String}
    return pl.concat(
        [
            pl.read_csv(
                fold / "predictions-test.csv", infer_schema_length=None, schema_overrides=names
            )
            for fold in sorted(RUNS.glob(f"{found.folder.name}/fold-*"))
        ]
    )


def _abroad(
    found: CrossValidation, films: Manifest, cache: PreparedCache, *, seen: bool
) -> dict[str, Any]:
    """Return how many films the first fold's network calls abnormal elsewhere, and for their look.

    The threshold lets 80 % of the fold's normal home films pass. `look` is the share of those same
    normal films called abnormal once each wears the grey levels of a film from elsewhere.
    """
    run = RUNS / found.folder.name / "fold-0"
    table = pl.read_csv(run / "predictions-test.csv", infer_schema_length=None)
    normal = table.filter((pl.col("source") == HOME) & (pl.col("label") == "normal"))
    threshold = float(np.quantile(normal[normal.columns[-1]].to_numpy(), SPECIFICITY))
    own = films.frame.filter(pl.col("path").is_in(normal["image"].implode()))
    at_home = cache.images(cache.locate(Manifest.from_frame(own, films.root)))
    figures: dict[str, Any] = {}
    rng = np.random.default_rng(0)
    for source in sorted(set(films.frame["source"].unique()) - {HOME}):
        others = films.frame.filter(pl.col("source") == source)
        pictures = cache.images(cache.locate(Manifest.from_frame(others, films.root)))
        if not seen:
            figures[f"called abnormal {source}"] = _share(run, pictures, threshold)
        drawn = pictures[rng.integers(len(pictures), size=len(at_home))]
        dressed = np.stack([_dressed(a, b) for a, b in zip(at_home, drawn, strict=True)])
        figures[f"called abnormal for the look of {source}"] = _share(run, dressed, threshold)
    return figures


def _dressed(film: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Give a picture the grey levels of another: the same order of greys, the other's histogram."""
    counts = np.bincount(film.ravel(), minlength=256).cumsum() / film.size
    wanted = np.bincount(other.ravel(), minlength=256).cumsum() / other.size
    table = np.searchsorted(wanted, counts - 1e-9).clip(0, 255).astype(np.uint8)
    return np.asarray(table[film])


def _share(run: Path, pictures: NDArray[np.uint8], threshold: float) -> float:
    network, recipe, _ = load_trained(run)
    above = 0
    for first in range(0, len(pictures), 32):
        batch = np.ascontiguousarray(pictures[first : first + 32])
        with torch.inference_mode():
            images = torch.from_numpy(normalize(batch, recipe.preprocessing))
            above += int((probabilities(network(images))[:, 1] > threshold).sum())
    return round(above / len(pictures), 4)


if __name__ == "__main__":
    main()
