"""Explanations in a folder: index.html, one file that needs nothing else, and explanations.json."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from hilum import __version__
from hilum.audit.agreement import FAR_APART, UNRELATED
from hilum.audit.explained import NAMES, Explained
from hilum.data.atomic import replacing
from hilum.evaluation.record import RESEARCH_USE
from hilum.report.destination import made_folder
from hilum.report.explain.page import page, picture_row
from hilum.screening.bundle import Bundle

__all__ = ["Written", "write_explanations"]


@dataclass(frozen=True, slots=True)
class Written:
    """What was written.

    Args:
        page: The HTML file.
        record: Everything, as explanations.json holds it.
    """

    page: Path
    record: dict[str, Any]

    @property
    def failed(self) -> int:
        """Films without an answer because something went wrong."""
        return sum(film["error"] is not None for film in self.record["films"])


def write_explanations(
    films: Iterable[Explained],
    bundle: Bundle,
    out: str | Path,
    *,
    about: Mapping[str, Any] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Written:
    """Write the page and the numbers.

    Films are drawn as they come and not kept, so that memory stays flat.

    Args:
        films: Explained one after the other.
        bundle: What answered.
        out: Folder, made if it does not exist.
        about: What else the record says: the command, the threads, the settings.
        progress: Called with the number of films done.

    Raises:
        DataError: If the folder cannot be made.
    """
    folder = made_folder(out)
    found, rows = [], []
    for film in films:
        found.append(film.to_dict())
        rows.append(picture_row(film, bundle.record.preprocessing))
        if progress is not None:
            progress(len(found))
    record = {
        "use": RESEARCH_USE,
        "bundle": {"name": bundle.record.name, "id": bundle.id},
        "methods": _methods(found),
        "disagree_when": {
            "peaks_apart_at_least": FAR_APART,
            "rank_correlation_at_most": UNRELATED,
        },
        **(about or {}),
        "films": found,
        "version": __version__,
        "date": datetime.now(UTC).date().isoformat(),
    }
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    for name, content in (("explanations.json", f"{text}\n"), ("index.html", page(record, rows))):
        with replacing(folder / name) as file:
            file.write(content.encode())
    return Written(folder / "index.html", record)


def _methods(films: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return each method with the median of the seconds it took a film."""
    taken: dict[str, list[float]] = {}
    for film in films:
        for name, seconds in film["method_seconds"].items():
            taken.setdefault(name, []).append(seconds)
    return [
        {"method": name, "called": NAMES[name], "median_seconds": median(seconds)}
        for name, seconds in taken.items()
    ]
