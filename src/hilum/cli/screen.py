"""`hilum screen`: what a bundle says of some radiographs, or of millions."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.screening.archive.run import Say

_FEW = 8
_LINE_S = 30.0


def screen(
    films: Annotated[
        list[str],
        Argument(help="Radiographs (PNG, JPEG, WebP, DICOM), or folders of them.", metavar="FILMS"),
    ],
    *,
    bundle: Annotated[
        Path | None, Option(help="The bundle's folder; default the one that comes with hilum.")
    ] = None,
    heatmaps: Annotated[
        Path | None, Option(help="Write a picture a class, heat on film, to this folder.")
    ] = None,
    json: Annotated[
        bool, Option("--json", help="Print JSON: an object a film, or an archive's summary.")
    ] = False,
    threshold: Annotated[
        str | None, Option(help="Decide by this threshold of the bundle, not its default.")
    ] = None,
    force: Annotated[
        bool, Option("--force", help="Give probabilities for refused films too.")
    ] = False,
    threads: Annotated[
        int | None, Option(min=1, help="Threads of one inference; default one a core.")
    ] = None,
    out: Annotated[
        Path | None,
        Option(help="Screen an archive into Parquet shards in this folder: folders, tar and zip "
               "files, tables with a column `path`, URLs such as s3://bucket/films."),
    ] = None,
    resume: Annotated[
        bool, Option("--resume", help="Archive: go on with the run in --out, if there is one.")
    ] = False,
    retry_failed: Annotated[
        bool,
        Option("--retry-failed", help="Archive, with --resume: do films that failed once more; "
               "the new row takes the place of the old one."),
    ] = False,
    workers: Annotated[
        int | None, Option(min=1, help="Archive: processes; default one a core.")
    ] = None,
    film_timeout: Annotated[
        float, Option(min=0.1, help="Archive: seconds that one film may take.")
    ] = 60.0,
    ray: Annotated[
        str | None, Option(help="Archive: screen on a Ray cluster: auto, local, or its address.")
    ] = None,
) -> None:  # fmt: skip
    """Screen radiographs: probabilities, decision and heatmaps. Research use only.

    A film that the input gate refuses is answered with the reasons, and is no failure. Exit code 3
    says that some films could not be read, 1 that none could. With --out, films are screened in
    processes of their own and the run can be resumed after it was stopped or killed.
    """
    if bundle is None:
        from hilum.screening.default import default_bundle

        bundle = default_bundle()
    archive: dict[str, object] = {
        "--resume": resume, "--retry-failed": retry_failed, "--workers": workers, "--ray": ray,
    }  # fmt: skip
    few: dict[str, object] = {"--heatmaps": heatmaps, "--threads": threads}
    _refuse_mixing(few if out is not None else archive, archive=out is not None)
    if retry_failed and not resume:
        raise typer.BadParameter("it goes with --resume.", param_hint="--retry-failed")
    if out is None:
        answers = _few_films(
            films, bundle, heatmaps=heatmaps, threshold=threshold, force=force, threads=threads
        )
        _print(answers, json=json)
        return
    options = {
        "threshold": threshold, "force": force, "resume": resume, "retry_failed": retry_failed,
        "workers": workers, "film_timeout_s": film_timeout,
    }  # fmt: skip
    _archive(films, bundle, out, options, json=json, ray=ray)


def _refuse_mixing(given: dict[str, object], *, archive: bool) -> None:
    for name, value in given.items():
        if value:
            why = "is for a few films, without --out" if archive else "needs --out"
            raise typer.BadParameter(f"it {why}.", param_hint=name)


def _few_films(films: list[str], bundle: Path, **how: Any) -> list[dict[str, Any]]:
    from hilum.data.kept_memory import keep_memory
    from hilum.screening.films import find_films
    from hilum.screening.run import screen_films

    found = find_films(films)
    if len(found) > _FEW:
        keep_memory()
    # The bar's library takes a tenth of a second to import: not for a few films.
    with progress_bar("screening") if len(found) > _FEW else nullcontext() as progress:
        return screen_films(found, bundle, progress=progress, **how)


def _print(answers: list[dict[str, Any]], *, json: bool) -> None:
    from hilum.screening.table import screening_table

    if json:
        print_json(answers)
    else:
        typer.echo(screening_table(answers))
    failed = sum(answer["error"] is not None for answer in answers)
    if failed:
        raise typer.Exit(1 if failed == len(answers) else 3)


def _archive(
    sources: list[str],
    bundle: Path,
    out: Path,
    options: dict[str, Any],
    *,
    json: bool,
    ray: str | None,
) -> None:
    from hilum.screening.archive.run import ArchiveOptions, screen_archive

    with _stopping() as stopped:
        how: dict[str, Any] = {"say": _progress_line(), "stop": lambda: bool(stopped)}
        chosen = ArchiveOptions(**options)
        if ray is None:
            found = screen_archive(sources, bundle, out, chosen, **how)
        else:
            from hilum.screening.archive.ray_run import screen_archive_on_ray

            found = screen_archive_on_ray(sources, bundle, out, chosen, address=ray, **how)
    if sys.stderr.isatty():
        note("")
    if json:
        print_json(found.to_dict())
    else:
        typer.echo(found.text())
    if not found.complete:
        note(f"hilum: stopped; {out} holds what is done. Go on with the same command and --resume.")
        raise typer.Exit(128 + stopped[0])
    if found.failed:
        raise typer.Exit(1 if found.failed == found.films else 3)
    if not found.films:
        note("hilum: no radiograph was found in what was named.")
        raise typer.Exit(1)


@contextmanager
def _stopping() -> Iterator[list[int]]:
    """Yield a list that the first Ctrl-C or SIGTERM is put into; a second one acts as ever."""
    caught: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def catch(number: int, _frame: object) -> None:
        caught.append(number)
        note("hilum: stopping; what is done is being written. Once more stops at once.")
        for known, handler in before.items():
            signal.signal(known, handler)

    for number in before:
        signal.signal(number, catch)
    try:
        yield caught
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress_line() -> Say:
    """Return what says how far a run is: one line rewritten on a terminal, else two a minute."""
    terminal = sys.stderr.isatty()
    last = time.monotonic()

    def say(progress: Any) -> None:
        nonlocal last
        if terminal:
            typer.echo(f"\r\x1b[K{progress.text()}", err=True, nl=False)
        elif time.monotonic() - last >= _LINE_S:
            last = time.monotonic()
            note(progress.text())

    return say
