"""The errors in a folder: the page, its pictures, every number as JSON, every error as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hilum import __version__
from hilum.data.atomic import replacing
from hilum.data.manifest import Manifest
from hilum.errors import BundleError
from hilum.evaluation.matching import Matched
from hilum.evaluation.record import RESEARCH_USE
from hilum.report.destination import made_folder
from hilum.report.drawing import can_draw, marks
from hilum.report.errors.collect import Gathered, gather, numbers
from hilum.report.errors.figures import draw_error_sheet
from hilum.report.errors.maps import Seen, see_films
from hilum.report.errors.page import page
from hilum.screening.bundle import Bundle

__all__ = ["SHEET", "Written", "errors_csv", "write_errors"]

Progress = Callable[[int, int], None]

SHEET = "films.png"
"""The films shown as one picture, to pass on."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Args:
        page: The HTML file.
        record: Every number, as errors.json holds it.
        failed: (path, reason) of films that could not be shown.
    """

    page: Path
    record: dict[str, Any]
    failed: tuple[tuple[str, str], ...]


def write_errors(
    matched: Matched,
    manifest: Manifest,
    out: str | Path,
    *,
    bundle: Bundle | None = None,
    threshold: float | None = None,
    count: int = 24,
    seed: int = 0,
    shuffles: int = 2000,
    title: str = "Films called wrongly",
    about: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Written:
    """Write index.html, errors.csv and errors.json into a folder; with matplotlib films.png, too.

    Args:
        matched: Predictions that agree with the manifest.
        manifest: As they were matched with.
        out: Made if it does not exist; other files in it are left alone.
        bundle: Explains the films with its maps.
        threshold: Of two classes, the second is called from this probability on; by default the
            most probable class is.
        count: Films to show, the most confidently wrong.
        seed: Of the shuffles.
        shuffles: Of patients between groups, for each test.
        title: The page's heading.
        about: scored, split, command: plain values for the foot of the page.
        progress: Called with (done, total) while films are read.

    Raises:
        BundleError: If the bundle cannot be used or has other classes.
        DataError: If the folder cannot be made.
        ValueError: If `count` is below 0, or a threshold is given for other than two classes.
    """
    if count < 0:
        raise ValueError(f"count must be at least 0, got {count}")
    _check_classes(matched, bundle)
    gathered = _gathered(matched, manifest, threshold)
    folder = made_folder(Path(out))
    shown = range(min(count, len(gathered.errors)))
    paths = [gathered.paths[int(gathered.errors.rows[place])] for place in shown]
    films = see_films([gathered.film(place) for place in shown], paths, bundle, progress)
    record = {
        "title": title,
        "use": RESEARCH_USE,
        "scored": "",
        "split": None,
        "command": "",
        **(about or {}),
        "decision": _decision(gathered, threshold),
        "manifest": {"name": (about or {}).get("manifest", ""), "sha256": manifest.sha256},
        "bundle": None if bundle is None else {"name": bundle.record.name, "id": bundle.id},
        "notes": [*matched.notes],
        **numbers(gathered, seed=seed, shuffles=shuffles),
        "films": [_film(seen) for seen in films],
        "version": __version__,
        "date": datetime.now(UTC).date().isoformat(),
    }
    _draw_sheet(record, films, folder)
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    _store(folder / "errors.csv", errors_csv(gathered))
    _store(folder / "errors.json", f"{text}\n")
    _store(folder / "index.html", page(record, films))
    failed = [(path, seen.failure) for path, seen in zip(paths, films, strict=True) if seen.failure]
    return Written(folder / "index.html", record, tuple(failed))


def _check_classes(matched: Matched, bundle: Bundle | None) -> None:
    if bundle is None:
        return
    absent = [name for name in matched.predictions.classes if name not in bundle.record.classes]
    if absent:
        raise BundleError(
            f"The predictions have classes that the bundle {bundle.record.name} does not know: "
            f"{', '.join(absent)}. Its classes are {', '.join(bundle.record.classes)}; name the "
            "bundle that made the predictions."
        )


def _gathered(matched: Matched, manifest: Manifest, threshold: float | None) -> Gathered:
    called = None
    if threshold is not None:
        k = len(matched.predictions.classes)
        if k != 2:
            raise ValueError(f"a threshold needs two classes, got {k}")
        called = (matched.predictions.probabilities[:, 1] >= threshold).astype("int64")
    return gather(matched.predictions, manifest, called=called, baseline=matched.baseline)


def _decision(gathered: Gathered, threshold: float | None) -> str:
    if threshold is None:
        return "what is most probable"
    first, second = gathered.predictions.classes
    return f"{second} from a probability of {threshold:g} on, else {first}"


def _store(path: Path, text: str) -> None:
    with replacing(path) as file:
        file.write(text.encode())


def _film(seen: Seen) -> dict[str, Any]:
    evidence = seen.evidence
    explained = None
    if evidence is not None:
        explained = {
            "probability_called": evidence.probability_called,
            "differs_from_table": evidence.differs,
            "evidence_called": evidence.called_peak,
            "evidence_true": evidence.true_peak,
            "gate_accepts": evidence.accepted,
            "doubts": list(evidence.doubts),
        }
    return {**seen.about, "bundle_says": explained, "failure": seen.failure}


def _draw_sheet(record: dict[str, Any], films: Sequence[Seen], folder: Path) -> None:
    """Draw the contact sheet, if a film was read and there is what to draw with."""
    if can_draw() and any(seen.film is not None for seen in films):
        total = record["errors"]["wrong"]
        title = f"{len(films)} of {total:,} films called wrongly, the most confident first"
        draw_error_sheet(films, title, marks(tuple(record["classes"])), folder / SHEET)


def errors_csv(gathered: Gathered) -> str:
    """Return every error as a row of CSV text, the most confident first.

    Args:
        gathered: What was scored.
    """
    first = ("rank", "image", "patient_id", "true", "called", "margin", "usual_of_source")
    classes = [f"p_{name}" for name in gathered.predictions.classes]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*first, *classes, *gathered.groups])
    for place in range(len(gathered.errors)):
        film = gathered.film(place)
        known = ["" if value is None else value for value in (film[name] for name in first)]
        writer.writerow([*known, *film["probabilities"].values(), *film["known"].values()])
    return file.getvalue()
