"""One HTML file with what was done: it opens anywhere, needs no network, and prints.

The page is gathered from folders that other commands left behind: a run (run.json), an evaluation
(evaluation.json), a bundle (bundle.json) and answers of screening (screenings.json). Pictures are
embedded. Whatever is not there is left out, not made up.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image

from hilum import __version__
from hilum.data.atomic import replacing
from hilum.errors import DataError
from hilum.report.shell import environment, jpeg_uri

__all__ = ["write_page"]

_DEPTH = 3
_THUMBNAIL = 720
_HEADLINE = ("accuracy", "balanced_accuracy", "macro_auroc")
_PER_CLASS = ("recall", "specificity", "precision", "npv", "f1", "auroc", "average_precision")
_PICTURES = {
    "roc.png": "Receiver operating characteristic, each class against the rest",
    "precision-recall.png": "Precision and recall, each class against the rest",
    "confusion.png": "True classes by decisions",
    "reliability.png": "How often what was said with a confidence was right",
    "decision-curve.png": "Net benefit of acting on the answer, beside acting always and never",
    "reliability-before-after.png": "Confidence and outcome, before and after calibration",
}


@dataclass(slots=True)
class _Found:
    """What the folders hold, in the order it was found."""

    runs: list[dict[str, Any]] = field(default_factory=list)
    evaluations: list[dict[str, Any]] = field(default_factory=list)
    bundles: list[dict[str, Any]] = field(default_factory=list)
    screenings: list[dict[str, Any]] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.runs or self.evaluations or self.bundles or self.screenings)


def write_page(folders: Iterable[str | Path], out: str | Path, *, title: str = "hilum") -> Path:
    """Write one page about everything in `folders`.

    Args:
        folders: Each is searched three levels deep.
        out: The HTML file.
        title: Its heading.

    Returns:
        The file.

    Raises:
        DataError: If a folder is missing, or none holds anything to report.
    """
    found = _Found()
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise DataError(f"{folder} is not a folder. Name what `hilum train` or others wrote.")
        _gather(folder, found)
    if not found:
        raise DataError(
            "There is nothing to report: no run.json, evaluation.json, bundle.json or "
            f"screenings.json in {', '.join(map(str, folders))}."
        )
    text = (
        environment({"estimate": _estimate})
        .get_template("page.html")
        .render(
            title=title,
            version=__version__,
            found=found,
            headline=_HEADLINE,
            per_class=_PER_CLASS,
        )
    )
    target = Path(out)
    target.parent.mkdir(parents=True, exist_ok=True)
    with replacing(target) as file:
        file.write(text.encode())
    return target


def _gather(folder: Path, found: _Found) -> None:
    for path in sorted(folder.rglob("*.json")):
        if len(path.relative_to(folder).parts) > _DEPTH:
            continue
        if path.name == "run.json":
            found.runs.append(_run(path))
        elif path.name == "evaluation.json":
            found.evaluations.append(_evaluation(path))
        elif path.name == "bundle.json":
            found.bundles.append({"folder": str(path.parent), **_read(path)})
        elif path.name == "screenings.json":
            found.screenings.extend(_screening(path, answer) for answer in _read_list(path))


def _run(path: Path) -> dict[str, Any]:
    recipe = path.parent / "recipe.yaml"
    return {
        "folder": str(path.parent),
        "recipe": recipe.read_text(encoding="utf-8") if recipe.exists() else "",
        "curves": _embedded(path.parent / "curves.png"),
        "finished": None,
        "result": {},
        **_read(path),
    }


def _evaluation(path: Path) -> dict[str, Any]:
    pictures = [
        {"source": source, "caption": caption, "wide": _is_wide(path.parent / name)}
        for name, caption in _PICTURES.items()
        if (source := _embedded(path.parent / name))
    ]
    return {"folder": str(path.parent), "pictures": pictures, **_read(path)}


def _screening(path: Path, answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer with its overlays embedded, wherever they can still be found."""
    overlays = answer.get("heatmaps") or {}
    embedded = {}
    for label, place in overlays.items():
        for candidate in (Path(place), path.parent / Path(place).name):
            if candidate.is_file():
                embedded[label] = _thumbnail(candidate)
                break
    return {**answer, "overlays": embedded, "name": Path(answer["path"]).name}


def _read(path: Path) -> dict[str, Any]:
    values = _parsed(path)
    if not isinstance(values, dict):
        raise DataError(f"{path} must hold an object, got {type(values).__name__}.")
    return values


def _read_list(path: Path) -> list[dict[str, Any]]:
    values = _parsed(path)
    if not isinstance(values, list):
        raise DataError(f"{path} must hold what `hilum screen --json` prints.")
    return values


def _parsed(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}") from error


def _embedded(path: Path) -> str | None:
    if not path.is_file():
        return None
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _is_wide(path: Path) -> bool:
    """Say whether a picture needs the whole width of the page to be read."""
    with Image.open(path, formats=["PNG"]) as picture:
        return picture.width > 2 * picture.height


def _thumbnail(path: Path) -> str:
    """Return a picture small enough for a page with many of them; the file itself stays beside."""
    with Image.open(path, formats=["PNG"]) as picture:
        small = picture.convert("RGB")
    small.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    return jpeg_uri(small, quality=88)


def _estimate(value: Mapping[str, Any] | None) -> str:
    """Return a number with its limits, or why there is none."""
    if value is None:
        return "-"
    if value["estimate"] is None:
        return f"undefined ({value['reason']})" if value.get("reason") else "undefined"
    if value["low"] is None or value["high"] is None:
        return f"{value['estimate']:.3f}"
    return f"{value['estimate']:.3f} ({value['low']:.3f} to {value['high']:.3f})"
