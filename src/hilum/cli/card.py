"""`hilum card`: a full model card, with what was measured since the bundle was made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, BadParameter, Option

from hilum.cli.checklist import (
    AUDIT,
    EVALUATION,
    MANIFEST,
    as_json,
    chosen_format,
    deliver,
    known_facts,
)


def card(
    bundle: Annotated[Path, Argument(help="The bundle, or the folder of a training run.")],
    *,
    manifest: Annotated[Path | None, MANIFEST] = None,
    evaluation: Annotated[Path | None, EVALUATION] = None,
    audit: Annotated[Path | None, AUDIT] = None,
    format: Annotated[  # noqa: A002 - it is what people type
        Literal["md", "json"] | None, Option(help="By default as --out ends, else md.")
    ] = None,
    out: Annotated[Path | None, Option(help="File to write; else it is printed.")] = None,
) -> None:
    """Write a model card: uses, films, training, figures beside never looking, audit, limits."""
    from hilum.report.model_card import model_card

    chosen = chosen_format(format, out)
    if chosen == "csv":
        raise BadParameter(f"a card is .md or .json, got {out}", param_hint="--out")
    made = model_card(known_facts(bundle, manifest=manifest, evaluation=evaluation, audit=audit))
    deliver(made.markdown() if chosen == "md" else as_json(made.to_dict()), out)
