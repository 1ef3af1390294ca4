"""An audit from beginning to end: read, ask, check, write."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum import __version__
from hilum.audit.answers import AnswerStore
from hilum.audit.masks import Masks
from hilum.audit.perturb import AS_THEY_ARE
from hilum.audit.record import Audit, Outcome, Result
from hilum.audit.registry import Check, chosen
from hilum.audit.subject import Settings, Subject
from hilum.data.atomic import replacing
from hilum.data.manifest import Manifest
from hilum.errors import DataError
from hilum.evaluation.matching import match_manifest
from hilum.evaluation.record import Estimate
from hilum.evaluation.scoring import evaluate
from hilum.screening.bundle import Bundle

if TYPE_CHECKING:
    from hilum.screening.lungs import LungSegmenter

__all__ = ["audit", "write_audit"]

Progress = Callable[[str, int, int], None]
"""Called with (what is being done, steps done, steps in all)."""


def audit(
    bundle: Bundle,
    manifest: Manifest,
    out: str | Path,
    *,
    settings: Settings | None = None,
    only: Sequence[str] = (),
    skip: Sequence[str] = (),
    segmenter: LungSegmenter | None = None,
    about: dict[str, Any] | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Ask of a model's score whether it is real.

    Args:
        bundle: Already verified.
        manifest: Every split, labels named as the bundle names them. Without a train split the
            checks that learn from what the model learnt from do not run.
        out: Folder of answers.sqlite, audit.json and pictures; made if needed. Answers that are
            there already are not asked for again.
        settings: Split, how many films, resamples and seed.
        only: Names of the checks to run; all if empty.
        skip: Names of checks not to run.
        segmenter: Finds lungs that nobody drew; None: only drawn lungs are used.
        about: What to say of where things come from.
        progress: Called as it goes on.

    Raises:
        ConfigError: If a check is unknown.
        DataError: If there is no film to audit, or none gave an answer.
    """
    settings = settings or Settings()
    checks = chosen(only, skip)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    store = AnswerStore(folder / "answers.sqlite")
    try:
        subject = Subject(bundle, manifest, settings, store, Masks(manifest.root, segmenter))
        wanted = [("tested", AS_THEY_ARE), *(want for one in checks for want in one.wants)]
        subject.prepare(wanted, _told(progress, "asking the network"))
        headline, baseline = _headline(subject)
        results = []
        for number, one in enumerate(checks):
            if progress is not None:
                progress(one.title, number, len(checks))
            results.append(_checked(one, subject, folder))
        if progress is not None:
            progress("checks", len(checks), len(checks))
    finally:
        store.close()
    found = Audit(
        headline=headline,
        headline_name=subject.score_name,
        baseline=baseline,
        results=tuple(results),
        about={**(about or {}), **_about(subject)},
    )
    write_audit(found, folder)
    return found


def write_audit(found: Audit, folder: Path) -> None:
    """Write audit.json."""
    with replacing(folder / "audit.json") as file:
        file.write(json.dumps(found.to_dict(), indent=2, allow_nan=False).encode())


def _checked(one: Check, subject: Subject, folder: Path) -> Result:
    start = time.perf_counter()
    try:
        outcome = one.run(subject)
    except DataError as error:
        outcome = Outcome.not_run(str(error))
    pictures = tuple(
        (picture.caption, _stored(picture.pixels, folder / "pictures" / f"{one.name}-{i}.png"))
        for i, picture in enumerate(outcome.pictures)
    )
    return Result(
        check=one.name,
        title=one.title,
        question=one.question,
        asked_by=one.asked_by,
        outcome=replace(outcome, pictures=()),
        seconds=time.perf_counter() - start,
        pictures=pictures,
    )


def _stored(pixels: Any, path: Path) -> str:
    from PIL import Image

    path.parent.mkdir(exist_ok=True)
    with replacing(path) as file:
        Image.fromarray(pixels).save(file, format="PNG")
    return f"{path.parent.name}/{path.name}"


def _headline(subject: Subject) -> tuple[Estimate, Estimate | None]:
    """Return the model's score, and that of a rule that knows each film's source alone."""
    matched = match_manifest(subject.predictions(), subject.manifest)
    found = evaluate(
        matched.predictions,
        baseline=matched.baseline,
        resamples=subject.settings.resamples,
        seed=subject.settings.seed,
    )
    name = "auroc" if len(subject.classes) == 2 else "macro_auroc"
    rule = found.baselines["source_majority"]
    return found.metrics[name], rule.metrics.get("macro_auroc")


def _told(progress: Progress | None, what: str) -> Callable[[int, int], None] | None:
    if progress is None:
        return None
    return lambda done, total: progress(what, done, total)


def _about(subject: Subject) -> dict[str, Any]:
    record, settings = subject.bundle.record, subject.settings
    return {
        "bundle": record.name,
        "bundle_id": subject.bundle.id,
        "classes": list(subject.classes),
        "manifest_sha256": subject.manifest.sha256,
        "split": settings.split,
        "films": len(subject.tested),
        "patients": subject.tested.frame.select("source", "patient_id").n_unique(),
        "taught_films": len(subject.taught),
        "counts": [list(row) for row in subject.tested.counts().iter_rows()],
        "unreadable": dict(subject.unreadable),
        "resamples": settings.resamples,
        "seed": settings.seed,
        "hilum_version": __version__,
        "versions": {name: version(name) for name in ("numpy", "onnxruntime", "polars")},
        "notes": list(subject.manifest.notes),
    }
