"""One run of `hilum screen`: many films in, one plain record a film out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hilum.errors import HilumError
from hilum.screening.record import BundleRecord
from hilum.screening.result import Screening
from hilum.screening.screener import Screener

__all__ = ["screen_films"]

Progress = Callable[[int, int], None]
"""Called with (done, total)."""


def screen_films(
    films: Sequence[Path],
    bundle: str | Path,
    *,
    heatmaps: Path | None = None,
    threshold: str | None = None,
    force: bool = False,
    threads: int | None = None,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Screen films and write their heatmaps.

    Args:
        films: Files, as `find_films` lists them.
        bundle: The bundle's folder.
        heatmaps: Folder for one picture a class and film; None writes none.
        threshold: Which of the bundle's thresholds decides; None for its default.
        force: Give probabilities also where the gate refuses.
        threads: Threads of one inference; None for one a physical core.
        progress: Called with (done, total) after each film.

    Returns:
        One record a film, in order: `Screening.to_dict()` with `heatmap`, the picture of the class
        decided for, and `heatmaps`, those of all classes. What went wrong stands in `error`.

    Raises:
        BundleError: If the bundle cannot be used.
        ConfigError: If the bundle has no such threshold.
    """
    screener = Screener(
        bundle,
        threads=threads,
        threshold=threshold,
        force=force,
        keep_film=heatmaps is not None,
        wait=False,
        expected=len(films),
    )
    answers = []
    for screening in screener.screen_many(films):
        answers.append(_answer(screening, screener.bundle.record, heatmaps))
        if progress is not None:
            progress(len(answers), len(films))
    return answers


def _answer(screening: Screening, record: BundleRecord, folder: Path | None) -> dict[str, Any]:
    answer = {**screening.to_dict(), "heatmap": None, "heatmaps": None}
    if folder is None or screening.cams is None:
        return answer
    from hilum.screening.overlay import write_overlays

    try:
        paths = write_overlays(screening, record, folder)
    except (HilumError, OSError) as error:
        return {**answer, "error": f"its heatmaps could not be written: {error}"}
    answer["heatmaps"] = {label: str(path) for label, path in paths.items()}
    answer["heatmap"] = answer["heatmaps"][screening.decision]
    return answer
