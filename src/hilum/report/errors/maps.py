"""The films called wrongly, and where the evidence for the wrong and for the right class lies.

Both maps of a film share one scale, that of the stronger: a class for which there is next to no
evidence then looks it, where a map scaled by its own maximum would look as convinced as the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hilum.data.reading import read_radiograph
from hilum.errors import ImageReadError
from hilum.report.heated import SIDE, Grey, heated, shown
from hilum.screening.bundle import Bundle
from hilum.screening.heatmap import Heatmap, heatmaps
from hilum.screening.record import BundleRecord
from hilum.screening.result import Screening
from hilum.screening.screener import Screener

__all__ = ["Evidence", "Seen", "see_films"]

DIFFERENT = 0.02
"""How far the bundle's probability may be from the table's before the page says so."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the bundle looked at.

    Args:
        called: The film with the evidence for the class called, RGB (h, w, 3); what the network
            did not see is darker.
        true: The same for the true class.
        called_peak: The greatest evidence for the class called, in logits a map cell.
        true_peak: The same for the true class.
        probability_called: What the bundle says now of the class called.
        differs: Whether that is not what the table of predictions says.
        accepted: Whether the input gate takes the film for a frontal chest radiograph.
        doubts: Why not, and what else looks doubtful.
    """

    called: Grey
    true: Grey
    called_peak: float
    true_peak: float
    probability_called: float
    differs: bool
    accepted: bool
    doubts: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One film called wrongly.

    Args:
        about: As `Gathered.film` gives it.
        film: Grey levels, its longer side 400 pixels; None if it could not be read.
        evidence: Where a bundle was given.
        failure: Why the film could not be read.
    """

    about: dict[str, Any]
    film: Grey | None
    evidence: Evidence | None = None
    failure: str | None = None


def see_films(
    abouts: Sequence[dict[str, Any]],
    paths: Sequence[str],
    bundle: Bundle | None,
    progress: Progress | None = None,
) -> list[Seen]:
    """Read films, and explain them where a bundle is given.

    Args:
        abouts: As `Gathered.film` gives them.
        paths: Absolute, of the same films.
        bundle: Its classes must be those called.
        progress: Called with (done, total).

    Raises:
        BundleError: If the bundle cannot be used.
    """
    found = []
    seen = _plain(abouts, paths) if bundle is None else _explained(abouts, paths, bundle)
    for film in seen:
        found.append(film)
        if progress is not None:
            progress(len(found), len(abouts))
    return found


def _plain(abouts: Sequence[dict[str, Any]], paths: Sequence[str]) -> Iterator[Seen]:
    for about, path in zip(abouts, paths, strict=True):
        try:
            film = read_radiograph(path, smallest_side=SIDE)
        except ImageReadError as error:
            yield Seen(about, None, failure=error.reason)
        else:
            yield Seen(about, shown(film))


def _explained(
    abouts: Sequence[dict[str, Any]], paths: Sequence[str], bundle: Bundle
) -> Iterator[Seen]:
    screener = Screener(bundle, force=True, keep_film=True)
    answers = screener.screen_many([Path(path) for path in paths])
    for about, answer in zip(abouts, answers, strict=True):
        if answer.film is None or answer.cams is None:
            film = None if answer.film is None else shown(answer.film)
            yield Seen(about, film, failure=answer.error or "the bundle gave no answer")
        else:
            grey = shown(answer.film)
            yield Seen(about, grey, _evidence(about, grey, answer, bundle.record))


def _evidence(
    about: dict[str, Any], grey: Grey, answer: Screening, record: BundleRecord
) -> Evidence:
    if answer.cams is None or answer.probabilities is None:
        raise ValueError("evidence needs an answer; this film was refused or failed")
    found = heatmaps(answer.cams, record.preprocessing, grey.shape)
    maps = dict(zip(record.classes, found, strict=True))
    called, true = maps[about["called"]], maps[about["true"]]
    strongest = max(called.peak, true.peak)
    said = answer.probabilities[about["called"]]
    return Evidence(
        called=heated(grey, called, _share(called, strongest)),
        true=heated(grey, true, _share(true, strongest)),
        called_peak=called.peak,
        true_peak=true.peak,
        probability_called=said,
        differs=abs(said - about["probability_called"]) > DIFFERENT,
        accepted=answer.accepted,
        doubts=(*answer.reasons, *answer.warnings),
    )


def _share(heat: Heatmap, strongest: float) -> float:
    return heat.peak / strongest if strongest > 0 else 0.0
