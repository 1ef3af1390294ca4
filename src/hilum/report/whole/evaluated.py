"""Evaluations to report: those found, and those worked out here from a run's own predictions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from hilum.errors import PredictionsError
from hilum.evaluation.evidence import gather_evidence
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.scoring import evaluate
from hilum.report.whole.gather import Found, Piece

__all__ = ["Evaluated", "evaluated"]

_RESAMPLES = 1000
_CHOSEN = (
    "The weights kept are those that did best on this split: its figures look better than those of "
    "films that had no part in it."
)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One evaluation: figures, and what was scored if it lies beside them.

    Args:
        name: What was scored and on what, for headings.
        values: As `Evaluation.to_dict` gives them, with where they come from.
        predictions: None where they are not there.
        missing: Why they are not.
        folder: Where the figures lie.
    """

    name: str
    values: Mapping[str, Any]
    predictions: Predictions | None
    missing: str
    folder: Path

    @property
    def headline(self) -> tuple[str, str]:
        """The main figure's key and name."""
        return "macro_auroc", "AUROC" if len(self.values["classes"]) == 2 else "mean AUROC"

    @property
    def baseline(self) -> Mapping[str, Any]:
        """The rule that never looks and did better: by source where sources are known."""
        found = self.values["baselines"]
        first = found.get("source_majority") or {}
        if first.get("available"):
            return dict(first)
        return dict(
            found.get("overall_majority") or {"available": False, "title": "", "metrics": {}}
        )


def evaluated(found: Found) -> Iterator[Evaluated]:
    """Return every evaluation, those of runs that nobody evaluated last.

    Args:
        found: What folders hold; what cannot be used is added to its notes.
    """
    for piece in found.evaluations:
        predictions, missing = _beside(piece)
        yield Evaluated(_name(piece.values), piece.values, predictions, missing, piece.folder)
    for run in found.runs:
        for path in sorted(run.folder.glob("predictions-*.csv")):
            split = path.stem.removeprefix("predictions-")
            if not any(_same(piece.values, run.folder, split) for piece in found.evaluations):
                yield from _of_run(run, path, split, found)


def _of_run(run: Piece, path: Path, split: str, found: Found) -> Iterator[Evaluated]:
    try:
        predictions = Predictions.read(path)
    except PredictionsError as error:
        found.notes.append(str(error))
        return
    notes = ("Worked out for this report from the run's own predictions.",)
    scored = evaluate(
        predictions,
        resamples=_RESAMPLES,
        notes=(*notes, _CHOSEN) if split == "val" else notes,
    )
    evidence = gather_evidence(predictions, scored, resamples=_RESAMPLES)
    values = {
        "scored": str(run.folder),
        "split": split,
        "manifest": run.get("manifest"),
        **scored.to_dict(),
        **evidence.to_dict(),
    }
    yield Evaluated(_name(values), values, predictions, "", run.folder)


def _beside(piece: Piece) -> tuple[Predictions | None, str]:
    """Return what was scored, from the table beside the figures."""
    path = piece.folder / "predictions.csv"
    if not path.is_file():
        return None, "predictions.csv does not lie beside evaluation.json"
    try:
        predictions = Predictions.read(path)
    except PredictionsError as error:
        return None, str(error)
    same = list(predictions.classes) == list(piece["classes"])
    if not same or len(predictions) != piece["n_images"]:
        return None, "predictions.csv beside evaluation.json holds other films or classes"
    return predictions, ""


def _name(values: Mapping[str, Any]) -> str:
    scored = values.get("scored")
    what = PurePath(scored).name if scored else "Predictions"
    if scored and what == "predictions.csv":
        what = PurePath(scored).parent.name or what
    split = values.get("split")
    return f"{what}, split {split}" if split else what


def _same(values: Mapping[str, Any], folder: Path, split: str) -> bool:
    """Say whether an evaluation scored this split of this run."""
    scored = values.get("scored")
    if not scored or values.get("split") != split:
        return False
    return PurePath(str(scored)).name == folder.name
