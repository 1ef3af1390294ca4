"""`hilum data build`: the manifest of a data set, and everything that was wrong with it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json


def build(
    name: Annotated[str, Argument(help="Data set, as `hilum data list` names it.")],
    *,
    out: Annotated[Path, Option(help="Manifest to write: .csv or .parquet.")],
    root: Annotated[Path | None, Option(help="Folder of the images, at any depth.")] = None,
    labels: Annotated[
        Path | None, Option(help="Folder of the label files; default ROOT/labels, else ROOT.")
    ] = None,
    version: Annotated[str | None, Option(help="Published version; default the last.")] = None,
    lists_only: Annotated[
        bool, Option("--lists-only", help="Take every listed row; look for no image.")
    ] = False,
    strict: Annotated[bool, Option("--strict", help="Fail if a listed image is missing.")] = False,
    set_: Annotated[
        list[str] | None,
        Option("--set", metavar="KEY=VALUE", help="What else this data set takes; repeatable."),
    ] = None,
    json: Annotated[bool, Option("--json", help="Print the reconciliation as JSON.")] = False,
) -> None:
    """Make the manifest of a data set from what was downloaded, and say what was wrong.

    Nothing missing stops it, unless --strict is given. The whole reconciliation, every name
    included, is written beside the manifest.
    """
    from hilum.data.sources import Request
    from hilum.data.sources import build as make
    from hilum.data.sources.build import write_build

    if out.suffix.lower() not in (".csv", ".parquet"):
        raise BadParameter(
            f"expected a name ending in .csv or .parquet, got {out}", param_hint="--out"
        )
    if root is None and not (lists_only and labels is not None):
        raise BadParameter(
            "name the folder of images with --root, or give --lists-only and --labels"
        )
    request = Request(labels=labels, root=root, version=version, options=_options(set_ or []))
    built = make(name, request, lists_only=lists_only, strict=strict, home=out.parent)
    beside = write_build(built, out)
    note(f"Written: {out} ({len(built.manifest):,} images) and {beside}.")
    if json:
        print_json(built.reconciliation.to_dict())
    else:
        echo(built.reconciliation.text(), nl=False)


def _options(pairs: list[str]) -> dict[str, str]:
    options = {}
    for pair in pairs:
        key, mark, value = pair.partition("=")
        if not mark or not key.strip():
            raise BadParameter(f"expected KEY=VALUE, got {pair!r}", param_hint="--set")
        options[key.strip()] = value.strip()
    return options
