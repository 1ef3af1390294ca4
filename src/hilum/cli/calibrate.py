"""`hilum calibrate`: temperature and thresholds, written into a new bundle."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json

if TYPE_CHECKING:
    from hilum.evaluation.operating import Target
    from hilum.screening.bundle import Bundle

_FLATTERS = (
    "what is chosen on the test split makes its score look better than it is, and then nothing "
    "is left to judge by. Name a validation split"
)


def calibrate(
    bundle: Annotated[Path, Argument(help="The bundle; it is left as it is.")],
    *,
    manifest: Annotated[Path, Option(help="Images with labels.")],
    out: Annotated[Path, Option(help="The new bundle's folder.")],
    split: Annotated[str, Option(help="Split to fit on; never the test split.")] = "val",
    method: Annotated[
        Literal["temperature", "none"],
        Option(help="none: choose thresholds only."),
    ] = "temperature",
    target: Annotated[
        list[str] | None,
        Option(
            help="Threshold to store: sensitivity=0.95, specificity=0.95, youden, cost=10, "
            "cost=10@0.02 (prevalence); of more than two classes, covid:sensitivity=0.95. "
            "Repeatable."
        ),
    ] = None,
    abstain: Annotated[
        list[str] | None,
        Option(
            help="Band without an answer, as sensitivity,specificity: 0.95,0.95; "
            "of more than two classes, covid:0.95,0.95."
        ),
    ] = None,
    prevalence: Annotated[
        list[float] | None, Option(help="Where PPV and NPV are wanted, besides 1, 5 and 20 %.")
    ] = None,
    default: Annotated[
        str | None, Option(help="Name of the threshold that decides from now on.")
    ] = None,
    report: Annotated[Path | None, Option(help="Folder for calibration.json and pictures.")] = None,
    seed: Annotated[int, Option(min=0, help="Seed of the resampling.")] = 0,
    overwrite: Annotated[bool, Option("--overwrite", help="Replace a bundle.")] = False,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Fit a temperature and thresholds on a validation split; write a NEW bundle."""
    from hilum.cli.evaluate import labelled_images as labelled
    from hilum.cli.evaluate import predict_bundle as predict
    from hilum.cli.evaluate import prevalences_with
    from hilum.screening.bundle import Bundle
    from hilum.screening.recalibrate import FittedOn, recalibrate

    if split.strip().lower().startswith("test"):
        raise BadParameter(f"{split!r}: {_FLATTERS}", param_hint="--split")
    if out.resolve() == bundle.resolve():
        raise BadParameter("it would replace the bundle; name another folder", param_hint="--out")
    opened = Bundle.load(bundle)
    targets = [_target(text, opened.record.classes) for text in target or []]
    bands = dict(_band(text, opened.record.classes) for text in abstain or [])
    prevalences = prevalences_with(prevalence)
    images, about = labelled(bundle, manifest)
    if images is None:
        raise BadParameter("needed", param_hint="--manifest")
    _refuse_training(opened, about["manifest"]["sha256"], split)
    found = recalibrate(
        opened,
        predict(bundle, images, split),
        out,
        fitted_on=FittedOn(manifest_sha256=about["manifest"]["sha256"], split=split),
        method=method,
        targets=targets,
        abstain=bands,
        prevalences=prevalences,
        default=default,
        seed=seed,
        overwrite=overwrite,
    )
    if report is not None:
        from hilum.report.calibration_pages import write_calibration
        from hilum.report.drawing import NO_PICTURES, can_draw

        write_calibration(report, found)
        note(f"Pictures and figures in {report}." if can_draw() else NO_PICTURES)
    if json:
        print_json(found.to_dict())
        return
    from hilum.report.evidence_tables import calibration_text

    echo(calibration_text(found), nl=False)


def _refuse_training(bundle: Bundle, sha256: str, split: str) -> None:
    from hilum.errors import DataError

    if split == "train" and bundle.record.training.get("manifest_sha256") == sha256:
        raise DataError(
            "The bundle was trained on this split: it is surer there than anywhere else, and a "
            "temperature fitted on it would leave it so. Name a validation split."
        )


def _target(text: str, classes: tuple[str, ...]) -> tuple[str, Target]:
    from hilum.evaluation.operating import Target

    label, rest = _labelled(text, classes, "--target")
    try:
        return label, Target.parse(rest)
    except ValueError as error:
        raise BadParameter(str(error), param_hint="--target") from error


def _band(text: str, classes: tuple[str, ...]) -> tuple[str, tuple[float, float]]:
    label, rest = _labelled(text, classes, "--abstain")
    try:
        sensitivity, specificity = map(float, rest.split(","))
    except ValueError:
        message = f"expected two shares such as 0.95,0.95, got {rest!r}"
        raise BadParameter(message, param_hint="--abstain") from None
    if not (0 < sensitivity < 1 and 0 < specificity < 1):
        raise BadParameter(f"expected two shares in (0, 1), got {rest!r}", param_hint="--abstain")
    return label, (sensitivity, specificity)


def _labelled(text: str, classes: tuple[str, ...], option: str) -> tuple[str, str]:
    """Return the class a text begins with, and the rest; of two classes it may be left out."""
    label, colon, rest = text.rpartition(":")
    if not colon and len(classes) == 2:
        return classes[1], rest
    if label not in classes:
        known = ", ".join(classes)
        raise BadParameter(
            f"begin with the class it is for, as in {classes[-1]}:{rest}; the classes are {known}",
            param_hint=option,
        )
    return label, rest
