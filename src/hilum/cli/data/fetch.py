"""`hilum data fetch`: a data set onto the disk, or what to type where a login is needed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import Progress, note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.data.fetch import FetchPlan
    from hilum.data.sources import Card

_MIB = 2**20


def fetch(
    name: Annotated[str, Argument(help="Data set, as `hilum data list` names it.")],
    *,
    out: Annotated[
        Path | None, Option(help="Folder of the data set; new, or one begun before.")
    ] = None,
    check: Annotated[
        bool, Option("--check", help="Fetch nothing; look whether what lies in OUT is right.")
    ] = False,
    yes: Annotated[bool, Option("--yes", "-y", help="Agree to the licence beforehand.")] = False,
    ref: Annotated[str | None, Option(help="Commit of a repository; default its latest.")] = None,
    json: Annotated[bool, Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Fetch a data set that needs no login; for the others, print the exact steps.

    The licence is shown before the first byte. Run it again to go on after a stop; what is there
    is not fetched twice. The proxy named by https_proxy is used.

    Exit code 3: steps remain to be done by hand, or --check found something wrong.
    """
    from hilum.data.fetch import plan_for
    from hilum.data.sources import sources

    card = sources.create(name).card
    plan = plan_for(card, ref)
    if out is None and (check or plan is not None):
        raise BadParameter("name the folder of the data set", param_hint="--out")
    if out is not None and check:
        _check(card, out, json=json)
    elif out is not None and plan is not None:
        _fetch(plan, out, yes=yes, json=json)
    else:
        _explain(card, out, json=json)
        raise typer.Exit(3)


def _check(card: Card, out: Path, *, json: bool) -> None:
    from hilum.data.fetch import check_folder

    with progress_bar("Checking") as progress:
        arrival = check_folder(card, out, progress)
    if json:
        print_json(arrival.to_dict())
    else:
        echo(arrival.text())
        if arrival.right:
            echo(_next(card.name, out))
    if not arrival.right:
        raise typer.Exit(3)


def _fetch(plan: FetchPlan, out: Path, *, yes: bool, json: bool) -> None:
    from urllib.request import getproxies

    from hilum.data.fetch import Web
    from hilum.data.fetch import fetch as run

    note(_licence(plan))
    _agree(out, yes=yes)
    report = run(plan, out, web=Web(proxies=getproxies()), watch=_watch)
    for line in report.notes:
        note(line)
    if json:
        print_json({"name": plan.name, "out": str(out), **asdict(report), "by_hand": plan.by_hand})
    else:
        mib = f" ({report.bytes / _MIB:,.1f} MiB)" if report.fetched else ""
        echo(f"{out}: {len(report.fetched)} fetched{mib}, {len(report.kept)} already there")
        echo(_steps(plan.by_hand, out) if plan.by_hand else _next(plan.name, out))
    if plan.by_hand:
        raise typer.Exit(3)


def _licence(plan: FetchPlan) -> str:
    size = f"about {plan.gigabytes:g} GB" if plan.gigabytes else "size not known beforehand"
    return (
        f"{plan.name}: {len(plan.files)} file(s), {size}, from {plan.home}\n"
        f"  licence: {plan.licence}\n"
        f"  cite:    {plan.citation}\n"
        "  Research use only. By fetching it you accept its licence."
    )


def _agree(out: Path, *, yes: bool) -> None:
    """Ask once; where nobody can answer, say which option does."""
    if yes:
        return
    if not _is_terminal():
        raise BadParameter("nobody is there to ask; --yes agrees to the licence above")
    if not typer.confirm(f"Fetch it into {out}?", err=True):
        note("Nothing was fetched.")
        raise typer.Exit(1)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


@contextmanager
def _watch(name: str) -> Iterator[Progress]:
    """Draw a file's progress in MiB."""
    with progress_bar(f"{name} (MiB)") as bar:
        yield lambda done, total: bar(done // _MIB, max(done, total) // _MIB)


def _explain(card: Card, out: Path | None, *, json: bool) -> None:
    """Print what to do for a set that cannot be fetched without a login."""
    if json:
        print_json({"name": card.name, "access": card.access, "by_hand": card.steps})
        return
    need = {"account": "a free account", "agreement": "a signed agreement", "yours": "your files"}
    echo(f"{card.title} needs {need.get(card.access, 'steps by hand')}.")
    echo(f"  licence: {card.licence}")
    if card.citation:
        echo(f"  cite:    {card.citation}")
    echo(_steps(card.steps, out))
    echo(f"Then: hilum data fetch {card.name} --out {out or 'DIR'} --check")


def _steps(steps: tuple[str, ...], out: Path | None) -> str:
    """Number the steps, with the real folder where they say DIR."""
    named = [step if out is None else step.replace("DIR", str(out)) for step in steps]
    lines = [f"  {number}. {step}" for number, step in enumerate(named, 1)]
    return "\n".join(["To be done by hand:", *lines])


def _next(name: str, out: Path) -> str:
    return f"Now: hilum data build {name} --root {out} --out {out / 'manifest.csv'}"
