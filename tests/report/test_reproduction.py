"""The picture of a reproduction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.report.reproduction import reproduction_picture


def value(estimate: float | None, low: float | None = None, high: float | None = None) -> Any:
    return {"estimate": estimate, "low": low, "high": high, "n": 40}


def shown(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as image:
        return np.asarray(image)


def found(**printed: str) -> dict[str, Any]:
    metrics = {
        "accuracy": value(0.8, 0.7, 0.9),
        "recall_covid": value(0.9),
        "macro_auroc": value(None),
    }
    about = {"pixels": 64, "epochs": 4}
    rows = [
        {"network": name, "row": row, "variant": variant, "metrics": metrics, "about": about,
         "printed": printed}
        for name, row, variant in (("a", "Network A", "published"), ("a", "Network A", "repaired"),
                                   ("b", "", "repaired"), ("b", "", "some-fault"))
    ]  # fmt: skip
    return {"title": "A paper", "baseline": {"metrics": metrics}, "rows": rows}


def test_it_grows_with_the_networks_and_takes_missing_figures(tmp_path: Path) -> None:
    one = {**found(), "rows": found()["rows"][:2]}
    reproduction_picture(one, tmp_path / "one.png")
    reproduction_picture(found(), tmp_path / "two.png")
    small, large = (shown(tmp_path / f"{name}.png") for name in ("one", "two"))
    assert small.shape[1] == large.shape[1]
    assert large.shape[0] > small.shape[0]


def test_what_was_printed_changes_the_picture(tmp_path: Path) -> None:
    reproduction_picture(found(), tmp_path / "without.png")
    reproduction_picture(found(accuracy="95.3 % ± 0.02"), tmp_path / "with.png")
    without, printed = (shown(tmp_path / f"{name}.png") for name in ("without", "with"))
    assert without.shape == printed.shape
    assert (without != printed).any()
