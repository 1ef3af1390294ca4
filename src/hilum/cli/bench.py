"""`hilum bench`: what hilum takes on this machine, and beside its natural peers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, BadParameter, Option, echo

from hilum.cli.console import note, print_json

if TYPE_CHECKING:
    from hilum.benchmark.results import Results


def bench(
    names: Annotated[
        list[str] | None,
        Argument(help="Groups: cold, film, archive, install, manifest, cache, evaluation, reading, "
                      "engine, maps, training, feeding; by default the usual ones, against peers "
                      "all.", metavar="[NAMES]..."),
    ] = None,
    *,
    against: Annotated[
        Literal["peers"] | None,
        Option(help="peers: run what hilum is compared with, too; about ten minutes."),
    ] = None,
    out: Annotated[
        Path | None, Option(help="Folder for speed.json and a plot, speed.svg.")
    ] = None,
    films: Annotated[
        Path | None, Option(help="Folder of real PNG and JPEG films to read besides phantoms.")
    ] = None,
    threads: Annotated[
        int | None,
        Option(min=1, help="Of one inference, hilum's and the peers'; default one a core, or 1 on "
               "a busy machine."),
    ] = None,
    quick: Annotated[
        bool, Option("--quick", help="Show that everything runs; measures nothing to speak of.")
    ] = False,
    table: Annotated[
        Path | None, Option(help="Print this speed.json as a Markdown table; measure nothing.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:  # fmt: skip
    """Measure speed on this machine, and beside torch, pytorch-grad-cam and others.

    A figure that misses what is wanted is no failure: the table says NO, and the exit code is 0.
    """
    from hilum.benchmark.machine import fair_threads
    from hilum.benchmark.results import read_results, write_results
    from hilum.benchmark.table import markdown_table, text_table

    if table is not None:
        if names or against or out or films or threads or quick:
            raise BadParameter("it measures nothing; give it alone", param_hint="--table")
        echo(markdown_table(read_results(table)))
        return
    if films is not None and not films.is_dir():
        raise BadParameter(f"{films} is no folder", param_hint="--films")
    how = {"against": against is not None, "real": films, "threads": threads or fair_threads()}
    results = _measured(names or [], quick=quick, **how)
    print_json(results.to_dict()) if json else echo(text_table(results))
    if out is not None:
        note(f"Written: {', '.join(map(str, write_results(out, results)))}")


def _measured(names: list[str], *, quick: bool, **how: Any) -> Results:
    import tempfile

    from hilum.benchmark.case import Settings
    from hilum.benchmark.run import run_benchmarks

    command = " ".join(["hilum", *sys.argv[1:]])
    with tempfile.TemporaryDirectory(prefix="hilum-bench-") as name:
        made = Settings.quick if quick else Settings
        settings = made(folder=Path(name), **how)
        return run_benchmarks(names, settings, command=command, say=note)
