"""`hilum data split`: train, validation and test, parted by patient or by hospital."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json
from hilum.cli.data.merge import check_out


class By(str, Enum):  # noqa: UP042 - typer shows the values of a str Enum on 3.11 too
    """What is kept together."""

    PATIENT = "patient"
    SOURCE = "source"


def split(
    manifest: Annotated[Path, Argument(help="Manifest (.csv, .parquet), list or class folders.")],
    *,
    out: Annotated[Path, Option(help="Manifest to write: .csv or .parquet.")],
    by: Annotated[By, Option(help="Deal patients, or leave whole sources out.")] = By.PATIENT,
    fractions: Annotated[
        str | None,
        Option(metavar="NAME=SHARE,...", help="Default train=.7,val=.15,test=.15 of all."),
    ] = None,
    keep: Annotated[
        list[str] | None, Option(help="Split that stays as published; repeatable.")
    ] = None,
    test_source: Annotated[
        list[str] | None, Option(help="With --by source: what becomes the test; repeatable.")
    ] = None,
    seed: Annotated[int, Option(min=0, help="Of the shuffling.")] = 0,
    json: Annotated[bool, Option("--json", help="Print the counts as JSON.")] = False,
) -> None:
    """Part a manifest so that no patient stands on both sides.

    With --keep test the published test stays untouched, and the rest is dealt to train and val
    (default 0.85 and 0.15). With --by source whole hospitals become the test.
    """
    from hilum.data.manifest import Manifest
    from hilum.data.resplit import split_by_source, split_rest
    from hilum.data.tally import tally, tally_text

    check_out(out)
    _check_choice(by, keep, test_source)
    shares = _shares(fractions) if fractions is not None else None
    images = Manifest.read(manifest, check_files=False, leaks=True)
    try:
        if by is By.SOURCE:
            done = split_by_source(images, test_source or [], fractions=shares, seed=seed)
        else:
            done = split_rest(images, keep=keep or [], fractions=shares, seed=seed)
    except ValueError as error:
        raise BadParameter(str(error), param_hint="--fractions") from error
    done.write(out)
    for line in done.notes:
        note(f"note: {line}")
    note(f"Written: {out} ({len(done):,} images).")
    rows = tally(done)
    if json:
        print_json({"out": str(out), "seed": seed, "counts": rows, "notes": done.notes})
    else:
        echo(tally_text(rows))


def _check_choice(by: By, keep: list[str] | None, test_source: list[str] | None) -> None:
    if by is By.SOURCE and not test_source:
        raise BadParameter("--by source needs at least one --test-source NAME")
    if by is By.SOURCE and keep:
        raise BadParameter("--keep goes with --by patient: a source is left out whole")
    if by is By.PATIENT and test_source:
        raise BadParameter("--test-source goes with --by source")


def _shares(text: str) -> dict[str, float]:
    """Read `train=.7,val=.15,test=.15`; percentages and shares above 1 are refused later."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        name, mark, share = (piece.strip() for piece in part.partition("="))
        try:
            value = float(share)
        except ValueError:
            mark, value = "", 0.0
        if not (name and mark) or name in shares:
            raise BadParameter(
                f"expected shares such as train=.7,val=.15,test=.15, got {text!r}",
                param_hint="--fractions",
            )
        shares[name] = value
    return shares
