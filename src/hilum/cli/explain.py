"""`hilum explain`: the answer for some films, explained by several methods, and whether they agree.

Here the methods meet: audit and report work without torch, so that what needs it is handed in.
"""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from typer import Argument, BadParameter, Exit, Option, echo

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.audit.explained import Explainer, Method
    from hilum.report.explain.write import Written
    from hilum.screening.bundle import Bundle
    from hilum.screening.engine import Engine

_METHODS = ("grad-cam", "grad-cam++", "occlusion")
_INSTEAD = "Or leave Grad-CAM++ out: --methods grad-cam,occlusion"


def explain(
    films: Annotated[
        list[str],
        Argument(help="Radiographs (PNG, JPEG, WebP, DICOM), or folders of them.", metavar="FILMS"),
    ],
    *,
    out: Annotated[Path, Option(help="Folder for index.html and explanations.json.")],
    bundle: Annotated[
        Path | None, Option(help="The bundle's folder; default the one that comes with hilum.")
    ] = None,
    methods: Annotated[
        str, Option(help="Which, with commas between; grad-cam++ needs hilum[train].")
    ] = ",".join(_METHODS),
    label: Annotated[
        str, Option("--class", help="Class to explain, or all; default the one decided for.")
    ] = "",
    patch: Annotated[
        int | None,
        Option(min=1, help="Occlusion: side of the patch in network pixels; default 2 map cells."),
    ] = None,
    stride: Annotated[
        int | None,
        Option(min=1, help="Occlusion: pixels between places, at most; default half a map cell."),
    ] = None,
    fill: Annotated[
        Literal["mean", "blur"], Option(help="Occlusion: what a covered place shows.")
    ] = "mean",
    lungs: Annotated[bool, Option(help="Say how much of each map lies in the lungs.")] = True,
    force: Annotated[bool, Option("--force", help="Explain refused films too.")] = False,
    threads: Annotated[
        int | None, Option(min=1, help="Of one inference; default one a core.")
    ] = None,
    json: Annotated[bool, Option("--json", help="Print explanations.json.")] = False,
) -> None:
    """Explain answers by several methods, and say where their maps disagree. Research use only.

    Exit code 3 says that some films could not be read, 1 that none could.
    """
    from hilum.report.explain.write import write_explanations
    from hilum.screening.bundle import Bundle
    from hilum.screening.default import default_bundle
    from hilum.screening.films import find_films

    if out.exists() and not out.is_dir():
        raise BadParameter(f"{out} is a file; name a folder", param_hint="--out")
    loaded = Bundle.load(default_bundle() if bundle is None else bundle)
    wanted = _classes(label, loaded)
    chosen = _chosen(methods)
    how: dict[str, Any] = {"patch": patch, "stride": stride, "fill": fill}
    explainer = _explainer(loaded, chosen, how, lungs=lungs, force=force, threads=threads)
    found = find_films(films)
    settings = {"class": label or None, "methods": methods, "bundle": bundle, **how}
    with progress_bar("explaining") as progress:
        written = write_explanations(
            (explainer.explain(film, wanted) for film in found),
            loaded,
            out,
            about={"command": _typed(films, out, settings, lungs=lungs, force=force)},
            progress=lambda done: progress(done, len(found)),
        )
    print_json(written.record) if json else echo(_in_words(written))
    if written.failed:
        raise Exit(1 if written.failed == len(found) else 3)


def _chosen(methods: str) -> tuple[str, ...]:
    from hilum.registry import suggestion

    named = [name.strip() for name in methods.split(",") if name.strip()]
    for name in named:
        if name not in _METHODS:
            raise BadParameter(
                f"no method called {name!r}. {suggestion(name, [*_METHODS])}",
                param_hint="--methods",
            )
    if not named:
        raise BadParameter(f"name one of {', '.join(_METHODS)}", param_hint="--methods")
    return tuple(name for name in _METHODS if name in named)


def _classes(label: str, bundle: Bundle) -> tuple[str, ...] | None:
    from hilum.registry import suggestion

    known = bundle.record.classes
    if bundle.record.task == "segmentation":
        raise BadParameter("a segmentation has no answer to explain", param_hint="--bundle")
    if not label:
        return None
    if label == "all":
        return known
    if label not in known:
        raise BadParameter(
            f"no class called {label!r}. {suggestion(label, [*known])}", param_hint="--class"
        )
    return (label,)


def _explainer(
    bundle: Bundle,
    chosen: tuple[str, ...],
    how: dict[str, Any],
    *,
    lungs: bool,
    force: bool,
    threads: int | None,
) -> Explainer:
    from hilum.audit.explained import Explainer
    from hilum.screening.engine import Engine
    from hilum.screening.lungs import LungSegmenter
    from hilum.screening.occlusion import Occluder
    from hilum.screening.screener import Screener

    engine = Engine(bundle, threads=threads)
    methods: dict[str, Method] = {}
    if "grad-cam++" in chosen:
        methods["grad-cam++"] = _grad_cam_plus_plus(bundle, engine)
    if "occlusion" in chosen:
        try:
            methods["occlusion"] = Occluder(engine, bundle.record, **how)
        except ValueError as error:
            raise BadParameter(str(error), param_hint="--patch, --stride") from error
    return Explainer(
        Screener(bundle, threads=threads, force=force, keep_film=True),
        engine,
        methods,
        segmenter=LungSegmenter.load() if lungs else None,
        own="grad-cam" in chosen,
    )


def _grad_cam_plus_plus(bundle: Bundle, engine: Engine) -> Method:
    from hilum.errors import BundleError, HilumError, MissingExtraError
    from hilum.screening.engine import Engine

    try:
        from hilum.models.grad_cam_plus import GradCamPlusPlus

        exact = engine if bundle.record.engine is None else Engine(bundle, reference=True)
        return GradCamPlusPlus(bundle, exact)
    except MissingExtraError as error:
        raise HilumError(f"Grad-CAM++: {error} {_INSTEAD}") from error
    except BundleError as error:
        raise HilumError(f"Grad-CAM++: {error} {_INSTEAD}") from error


def _typed(
    films: list[str], out: Path, settings: dict[str, Any], *, lungs: bool, force: bool
) -> str:
    typed = ["hilum", "explain", *films, "--out", str(out)]
    for name, value in settings.items():
        typed += [] if value is None else [f"--{name}", str(value)]
    typed += [] if lungs else ["--no-lungs"]
    return shlex.join([*typed, *(["--force"] if force else [])])


def _in_words(written: Written) -> str:
    lines = [str(written.page)]
    for film in written.record["films"]:
        if film["error"] is not None:
            note(f"{film['path']}: {film['error']}")
        elif not film["classes"]:
            lines.append(f"{film['path']}: refused: {' '.join(film['reasons'])}")
        for one in film["classes"]:
            said = f"{one['class']} {one['probability']:.3f}"
            lines.append(f"{film['path']}: {said}. {one['words']}")
    taken = ", ".join(
        f"{one['called']} {one['median_seconds']:.3f} s" for one in written.record["methods"]
    )
    times = [f"A film took: {taken}."] if taken else []
    return "\n".join([*lines, *times, written.record["use"]])
