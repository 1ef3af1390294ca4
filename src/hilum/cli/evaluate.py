"""`hilum evaluate`: score a table of predictions, a run or a bundle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest
    from hilum.evaluation import Evaluation, Predictions


def evaluate(
    what: Annotated[
        Path,
        Argument(
            metavar="PREDICTIONS.csv|RUN|BUNDLE",
            help="A table image, patient_id, label, one probability a class, source if known; "
            "or a run; or a bundle.",
        ),
    ],
    *,
    manifest: Annotated[
        Path | None, Option(help="Images with labels, to check against; a bundle needs it.")
    ] = None,
    split: Annotated[
        str | None, Option(help="Split to score. Of a run or a bundle: test if not given.")
    ] = None,
    out: Annotated[
        Path | None, Option(help="Folder for evaluation.json, tables and pictures.")
    ] = None,
    positive: Annotated[str | None, Option(help="Of two classes, the positive one.")] = None,
    threshold: Annotated[
        float | None,
        Option(min=0, max=1, help="Call positive from this probability on; two classes."),
    ] = None,
    ignore: Annotated[
        list[str] | None, Option(help="Column of the table that is no probability; repeatable.")
    ] = None,
    prevalence: Annotated[
        list[float] | None, Option(help="Where PPV and NPV are wanted, besides 1, 5 and 20 %.")
    ] = None,
    interval: Annotated[
        Literal["auto", "percentile", "bca"],
        Option(help="How limits are found; auto: what was measured to hold best for each figure."),
    ] = "auto",
    resamples: Annotated[int, Option(min=0, help="Resamples of patients; 0: no limits.")] = 2000,
    seed: Annotated[int, Option(min=0, help="Seed of the resampling.")] = 0,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Score predictions, with limits that resample patients, beside never looking."""
    from hilum.evaluation.scoring import evaluate as score

    _check_out(what, out)
    prevalences = prevalences_with(prevalence)
    if split is None and what.is_dir():
        split = "test"
    images, about = labelled_images(what, manifest)
    predictions = found_predictions(what, images, split, positive=positive, ignore=ignore or [])
    predictions = two_classes(predictions, positive, threshold)
    baseline, notes = None, images.notes if images is not None else ()
    if images is not None:
        from hilum.evaluation.matching import match_manifest

        matched = match_manifest(predictions, images, split=split)
        predictions, baseline, notes = (
            matched.predictions,
            matched.baseline,
            (*notes, *matched.notes),
        )
    found = score(
        predictions,
        resamples=resamples,
        seed=seed,
        interval=interval,
        baseline=baseline,
        threshold=threshold,
        notes=notes,
    )
    found = _with_evidence(found, predictions, prevalences, _thresholds(what))
    _show(found, predictions, out, {**about, "split": split}, json=json)


def prevalences_with(wanted: list[float] | None) -> tuple[float, ...]:
    """Return the usual prevalences and those asked for, rising."""
    from hilum.evaluation.prevalence import PREVALENCES

    for value in wanted or []:
        if not 0 < value < 1:
            raise BadParameter(f"must be between 0 and 1, got {value:g}", param_hint="--prevalence")
    return tuple(sorted({*PREVALENCES, *(wanted or [])}))


def _thresholds(what: Path) -> dict[str, tuple[str, float, str]]:
    """Return the thresholds of a bundle: name to class, value and where it comes from."""
    if not (what / "bundle.json").is_file():
        return {}
    from hilum.screening.bundle import Bundle

    rules = Bundle.load(what).record.thresholds
    return {
        name: (rule.label, rule.value, rule.source or "before, by the bundle")
        for name, rule in rules.items()
        if rule.kind == "at_least"
    }


def _with_evidence(
    found: Evaluation,
    predictions: Predictions,
    prevalences: tuple[float, ...],
    thresholds: dict[str, tuple[str, float, str]],
) -> Evaluation:
    from dataclasses import replace

    from hilum.evaluation.evidence import gather_evidence

    evidence = gather_evidence(
        predictions,
        found,
        prevalences=prevalences,
        thresholds=thresholds,
        resamples=found.resamples,
    )
    return replace(found, evidence=evidence)


def _check_out(what: Path, out: Path | None) -> None:
    if out is None:
        return
    if out.exists() and not out.is_dir():
        raise BadParameter(f"{out} is a file; name a folder", param_hint="--out")
    copy = out / "predictions.csv"
    if what.is_file() and copy.exists() and what.samefile(copy):
        raise BadParameter(f"it would replace {what}; name another folder", param_hint="--out")


def labelled_images(
    what: Path, path: Path | None, *, leaks: bool = False
) -> tuple[Manifest | None, dict[str, Any]]:
    """Return the manifest, labels named as the model names them, and where things come from.

    With `leaks` patients may stand in several splits: an audit finds them and says so.
    """
    about: dict[str, Any] = {"scored": str(what), "scored_sha256": None, "manifest": None}
    if what.is_file():
        about["scored_sha256"] = hashlib.sha256(what.read_bytes()).hexdigest()
    elif (what / "bundle.json").is_file():
        from hilum.screening.bundle import Bundle

        about["bundle_id"] = Bundle.load(what, verify=False).id
    if path is None:
        return None, about
    from hilum.data.manifest import Manifest
    from hilum.evaluation.matching import relabelled

    images = Manifest.read(path, check_files=False, leaks=leaks)
    about["manifest"] = {"path": str(path), "sha256": images.sha256, "images": len(images)}
    return relabelled(images, _relabel(what)), about


def _relabel(what: Path) -> dict[str, str]:
    """Return the labels that the recipe of a run or a bundle renames."""
    if (what / "recipe.yaml").is_file():
        from hilum.config import read_yaml

        recipe = read_yaml(what / "recipe.yaml")
    elif (what / "bundle.json").is_file():
        from hilum.screening.bundle import Bundle

        recipe = dict(Bundle.load(what).record.training.get("recipe") or {})
    else:
        recipe = {}
    return dict(recipe.get("relabel") or {})


def found_predictions(
    what: Path,
    images: Manifest | None,
    split: str | None,
    *,
    positive: str | None,
    ignore: list[str],
) -> Predictions:
    """Return the predictions of a table, of a run or of a bundle, whichever `what` is."""
    from hilum.errors import DataError
    from hilum.evaluation.predictions import Predictions

    saved = what / f"predictions-{split}.csv"
    if what.is_dir() and saved.is_file():
        note(f"Scoring {saved}.")
        return Predictions.read(saved)
    if not what.is_dir():
        return Predictions.read(what, positive=positive, ignore=ignore)
    kind = {"bundle.json": "bundle", "recipe.yaml": "run"}
    known = [kind[name] for name in kind if (what / name).is_file()]
    if not known:
        raise DataError(
            f"{what} is neither a run (with recipe.yaml or predictions-{split}.csv) nor a bundle "
            "(with bundle.json)."
        )
    if images is None:
        raise DataError(f"{what} is a {known[0]}: name the images to score with --manifest.")
    predict = predict_bundle if known[0] == "bundle" else _predict_run
    return predict(what, images, split)


def predict_bundle(what: Path, images: Manifest, split: str | None) -> Predictions:
    """Return what a bundle says of the images of a split that have a label it knows."""
    from hilum.errors import DataError
    from hilum.screening.batch import predict_manifest
    from hilum.screening.bundle import Bundle

    bundle = Bundle.load(what)
    classes = bundle.record.classes
    rows = images.select(split=split, labels=classes)
    if not len(rows):
        raise DataError(
            f"The manifest has no image in split {split!r} with a label among {', '.join(classes)}."
        )
    with progress_bar("screening") as progress:
        return predict_manifest(bundle, rows, progress=progress)


def _predict_run(what: Path, images: Manifest, split: str | None) -> Predictions:
    from hilum.training.predict import predict_run

    note(f"Predicting split {split} with the run's best weights.")
    return predict_run(what, images, split)


def two_classes(
    predictions: Predictions, positive: str | None, threshold: float | None
) -> Predictions:
    """Put the positive class second; a threshold needs two classes, too."""
    classes = ", ".join(predictions.classes)
    if threshold is not None and len(predictions.classes) != 2:
        raise BadParameter(f"needs two classes, got {classes}", param_hint="--threshold")
    if positive is None:
        return predictions
    try:
        return predictions.with_positive(positive)
    except ValueError as error:
        raise BadParameter(str(error), param_hint="--positive") from error


def _show(
    found: Evaluation,
    predictions: Predictions,
    out: Path | None,
    about: dict[str, Any],
    *,
    json: bool,
) -> None:
    if out is not None:
        from hilum.report.drawing import NO_PICTURES, can_draw
        from hilum.report.folder import write_evaluation

        if can_draw() and found.evidence is not None and found.evidence.curves:
            from hilum.report.calibration_pages import decision_curves

            out.mkdir(parents=True, exist_ok=True)
            decision_curves(found.evidence.curves, out / "decision-curve.png")
        write_evaluation(out, predictions, found, about)
        note(f"Written to {out}." if can_draw() else f"Written to {out}. {NO_PICTURES}")
    if json:
        print_json({**about, **found.to_dict()})
        return
    from hilum.report.tables import evaluation_text

    echo(evaluation_text(found), nl=False)
