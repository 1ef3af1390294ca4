"""`hilum checklist`: a reporting checklist, filled from what is known of a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note

if TYPE_CHECKING:
    from hilum.report.checklists import Filled

Format = Literal["md", "json", "csv"]

WHAT = Argument(metavar="BUNDLE|RUN", help="A bundle, or the folder of a training run.")
MANIFEST = Option(help="The films of the study; patients, sources and splits are counted.")
EVALUATION = Option(help="evaluation.json of `hilum evaluate --out`, or its folder.")
AUDIT = Option(help="audit.json of an audit, or its folder.")


def checklist(
    name: Annotated[
        Literal["claim", "tripod-ai"],
        Argument(metavar="claim|tripod-ai", help="CLAIM 2024 update, or TRIPOD+AI."),
    ],
    what: Annotated[Path, WHAT],
    *,
    manifest: Annotated[Path | None, MANIFEST] = None,
    evaluation: Annotated[Path | None, EVALUATION] = None,
    audit: Annotated[Path | None, AUDIT] = None,
    format: Annotated[  # noqa: A002 - it is what people type
        Format | None, Option(help="By default as --out ends, else md.")
    ] = None,
    out: Annotated[Path | None, Option(help="File to write; else it is printed.")] = None,
) -> None:
    """Fill a reporting checklist; what no record can say stays open, with who must say it."""
    from hilum.report.checklists import fill

    chosen = chosen_format(format, out)
    filled = fill(name, known_facts(what, manifest=manifest, evaluation=evaluation, audit=audit))
    if chosen == "md":
        text = filled.markdown()
    else:
        text = _csv(filled) if chosen == "csv" else as_json(filled.to_dict())
    deliver(text, out)
    still = filled.count("not reported") + filled.count("partly")
    note(f"{still} of {len(filled.items)} items wait for people; see the list of who and which.")


def known_facts(
    what: Path, *, manifest: Path | None, evaluation: Path | None, audit: Path | None
) -> dict[str, Any]:
    """Return the facts of a bundle or a run, and of the files given beside it.

    Raises:
        DataError: If `what` is neither, or a file is not what it should be.
    """
    from hilum.data.manifest import Manifest
    from hilum.errors import DataError
    from hilum.report.checklists import gather_facts
    from hilum.screening.bundle import Bundle

    is_bundle, is_run = (what / "bundle.json").is_file(), (what / "run.json").is_file()
    if not is_bundle and not is_run:
        found = "neither bundle.json nor run.json" if what.is_dir() else "no such folder"
        raise DataError(
            f"Expected a bundle or a training run at {what}, got {found}. Name the folder that "
            "`hilum export` or `hilum train` wrote."
        )
    images = None
    if manifest is not None:
        images = Manifest.read(manifest, check_files=False, leaks=True)
    return gather_facts(
        bundle=Bundle.load(what) if is_bundle else None,
        run=what if is_run and not is_bundle else None,
        evaluation=_recorded(evaluation, "evaluation.json"),
        audit=_recorded(audit, "audit.json"),
        manifest=images,
    )


def _recorded(path: Path | None, name: str) -> dict[str, Any] | None:
    """Read a JSON object from a file, or from the file of that name in a folder."""
    import json

    from hilum.errors import DataError

    if path is None:
        return None
    file = path / name if path.is_dir() else path
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"Expected {name} at {file}, but it cannot be read: {error}.") from error
    if not isinstance(values, dict):
        raise DataError(f"Expected an object in {file}, got {type(values).__name__}.")
    return values


def chosen_format(asked: Format | None, out: Path | None) -> Format:
    """Return the format asked for, else that of the file's ending, else Markdown."""
    if asked is not None:
        return asked
    endings: dict[str, Format] = {".json": "json", ".csv": "csv", ".md": "md"}
    ending = ".md" if out is None else out.suffix.lower()
    if ending not in endings:
        raise BadParameter(
            f"end in .md, .json or .csv, or give --format; got {out}", param_hint="--out"
        )
    return endings[ending]


def deliver(text: str, out: Path | None) -> None:
    """Print a text, or write it whole to a file and print where."""
    if out is None:
        echo(text, nl=False)
        return
    from hilum.data.atomic import replacing

    if out.is_dir():
        raise BadParameter(f"{out} is a folder; name a file", param_hint="--out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with replacing(out) as file:
        file.write(text.encode())
    echo(str(out))


def as_json(value: Any) -> str:
    """Return strict JSON for people and machines."""
    import json

    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _csv(filled: Filled) -> str:
    import csv
    import io

    from hilum.report.checklists import COLUMNS

    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    table.writeheader()
    table.writerows(filled.csv_rows())
    return text.getvalue()
