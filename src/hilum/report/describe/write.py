"""A description in a folder: the page, its pictures, and every number as JSON.

The order is: count the manifest, look which files are there, measure sizes, read some films, draw,
write. describe.json and the page come last, so that where they are, the pictures are.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from hilum import __version__
from hilum.data.atomic import replacing
from hilum.data.manifest import Manifest
from hilum.evaluation.record import RESEARCH_USE
from hilum.report.describe.collect import Facts, collect, working_frame
from hilum.report.describe.confounding import confounding
from hilum.report.describe.figures_films import grey_spread
from hilum.report.describe.films import Look, Progress, Reading, choose, look, read_films
from hilum.report.describe.page import page
from hilum.report.describe.pictures import Gathered, draw_all, in_words, left_unseen, statement
from hilum.report.describe.sizes import measure_sizes
from hilum.report.destination import made_folder
from hilum.report.drawing import marks, require_drawing
from hilum.report.shell import Picture

__all__ = ["Description", "write_description"]


@dataclass(frozen=True, slots=True)
class Description:
    """What was written.

    Args:
        page: The HTML file.
        record: Every number, as describe.json holds it.
        failed: (path, reason) of files that could not be read.
    """

    page: Path
    record: dict[str, Any]
    failed: tuple[tuple[str, str], ...]


def write_description(
    manifest: Manifest,
    out: str | Path,
    *,
    name: str = "manifest",
    title: str | None = None,
    examples: int = 3,
    seed: int = 0,
    command: str = "",
    progress: Progress | None = None,
) -> Description:
    """Describe a data set in a folder: index.html, PNGs, describe.json.

    Args:
        manifest: Its images need not exist; what can be said without them is.
        out: Made if it does not exist; other files in it are left alone.
        name: What the manifest is called on the page.
        title: The page's heading; default its name.
        examples: Example films of each class.
        seed: Draws the films; the same seed draws the same.
        command: What was typed, for the foot of the page.
        progress: Called with (done, total) while films are read.

    Raises:
        DataError: If the folder cannot be made.
        MissingExtraError: If matplotlib is not installed.
        ValueError: If `examples` is below 0.
    """
    require_drawing()
    if examples < 0:
        raise ValueError(f"examples must be at least 0, got {examples}")
    folder = made_folder(Path(out))
    seen, gathered = _gather(manifest, examples=examples, seed=seed, progress=progress)
    pictures = draw_all(gathered, marks(gathered.facts.classes), folder)
    about = {
        "title": title or f"What is in {name}",
        "use": RESEARCH_USE,
        "manifest": {"name": name, "sha256": manifest.sha256, "notes": [*manifest.notes]},
        "seed": seed,
        "command": command,
        "version": __version__,
        "date": datetime.now(UTC).date().isoformat(),
    }
    record = {**about, **_record(gathered, seen, pictures)}
    text = json.dumps(record, indent=2, ensure_ascii=False, allow_nan=False)
    with replacing(folder / "describe.json") as file:
        file.write(f"{text}\n".encode())
    with replacing(folder / "index.html") as file:
        file.write(page(record, gathered, pictures, folder).encode())
    failed = dict([*gathered.reading.failed, *_headers_failed(gathered)])
    return Description(folder / "index.html", record, tuple(sorted(failed.items())))


def _gather(
    manifest: Manifest, *, examples: int, seed: int, progress: Progress | None
) -> tuple[Look, Gathered]:
    frame = working_frame(manifest)
    facts = collect(frame)
    seen = look(manifest.absolute_paths(), np.random.default_rng(seed))
    choice = choose(
        frame, seen.files, sources=facts.sources, classes=facts.classes, examples=examples
    )
    sizes = measure_sizes(frame, seen.files, facts.sources)
    reading = read_films(frame, seen.files, choice, progress)
    greys = [
        grey_spread(source, films)
        for source in choice.sheets
        if (films := _of_source(reading, source))
    ]
    measured = confounding(frame, facts.crosses["source by label"])
    return seen, Gathered(facts, measured, sizes, choice, reading, tuple(greys))


def _of_source(reading: Reading, source: str) -> list[Any]:
    return [film for film in reading.films.values() if film.source == source]


def _headers_failed(gathered: Gathered) -> list[tuple[str, str]]:
    reason = "its header could not be read"
    known = {path for path, _ in gathered.reading.failed}
    return [(path, reason) for path in gathered.sizes.unreadable if path not in known]


def _record(gathered: Gathered, seen: Look, pictures: dict[str, list[Picture]]) -> dict[str, Any]:
    films = gathered.reading.films
    doubts = Counter(text for film in films.values() for text in film.warnings)
    failed = [*gathered.reading.failed, *_headers_failed(gathered)]
    return {
        "statement": statement(gathered.confounding),
        **_facts(gathered.facts),
        "source_and_label": [
            {**asdict(part), "in_words": in_words(part)} for part in gathered.confounding
        ],
        "sizes": asdict(gathered.sizes),
        "files": {
            "looked_for": seen.looked_for,
            "found": len(seen.files),
            "read": len(films),
            "formats": dict(Counter(film.format for film in films.values())),
            "unreadable": [{"path": path, "reason": reason} for path, reason in failed],
            "doubts": dict(doubts.most_common()),
            "not_shown": left_unseen(gathered.facts),
        },
        "greys": [asdict(spread) for spread in gathered.greys],
        "examples": _paths(gathered.choice.examples, gathered.reading),
        "contact_sheets": _paths(gathered.choice.sheets, gathered.reading),
        "pictures": [picture.file for group in pictures.values() for picture in group],
    }


def _facts(facts: Facts) -> dict[str, Any]:
    values = asdict(facts)
    known = values.pop("known")
    values["known"] = {
        source: {"images": images, **dict(zip(known["columns"], row, strict=True))}
        for source, images, row in zip(
            known["sources"], known["images"], known["known"], strict=True
        )
    }
    return values


def _paths(groups: dict[str, tuple[int, ...]], reading: Reading) -> dict[str, list[str]]:
    return {
        name: [reading.films[row].path for row in rows if row in reading.films]
        for name, rows in groups.items()
    }
