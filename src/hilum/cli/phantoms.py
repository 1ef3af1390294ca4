"""`hilum phantoms`: draw chest films of subjects who do not exist."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer import Argument, Option

from hilum.cli.console import note, print_json, progress_bar

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["phantoms"]


def phantoms(
    out: Annotated[Path, Argument(help="Folder to write to; new or empty.")],
    *,
    patients: Annotated[int, Option(help="Number of subjects, at least 3.")] = 120,
    seed: Annotated[int, Option(help="The same seed gives the same bytes.")] = 0,
    size: Annotated[int, Option(help="Shorter side of a film in pixels, 64 to 2048.")] = 512,
    classes: Annotated[
        str, Option(help="Of normal, consolidation, ground_glass, nodule; with commas.")
    ] = "normal,consolidation,ground_glass",
    hospitals: Annotated[int, Option(help="Number of hospitals, 1 to 5.")] = 3,
    flaw: Annotated[
        list[str] | None,
        Option(help="Plant confounded, marker, border or leak; name or name=strength. Repeatable."),
    ] = None,
    dicom: Annotated[bool, Option("--dicom", help="Write DICOM files too, to OUT/dicom.")] = False,
    workers: Annotated[int | None, Option(min=1, help="Processes; default all processors.")] = None,
    force: Annotated[bool, Option("--force", help="Replace the phantoms in OUT.")] = False,
    json: Annotated[bool, Option("--json", help="Print what was written as JSON.")] = False,
) -> None:
    """Draw a cohort of phantoms with masks and a manifest, and flaws if you ask for them."""
    from hilum.data.cache_workers import usable_cpus
    from hilum.data.phantom import write_cohort

    with progress_bar("Drawing") as progress:
        manifest = write_cohort(
            out,
            patients=patients,
            seed=seed,
            size=size,
            classes=tuple(name.strip() for name in classes.split(",")),
            hospitals=hospitals,
            flaws=_strengths(flaw or []),
            dicom=dicom,
            workers=workers or usable_cpus(),
            force=force,
            progress=progress,
        )
    report = _report(manifest, out, flaw or [])
    print_json(report) if json else typer.echo(_in_words(report))
    note("Phantoms are drawn; nothing measured on them says anything of real films.")


def _strengths(asked: list[str]) -> dict[str, float | None]:
    """Read flaws given as name or name=strength; a name alone has its own default strength."""
    found: dict[str, float | None] = {}
    for text in asked:
        name, given, strength = text.partition("=")
        try:
            found[name] = float(strength) if given else None
        except ValueError:
            raise typer.BadParameter(
                f"expected name or name=number, got {text!r}", param_hint="--flaw"
            ) from None
    return found


def _report(manifest: Manifest, out: Path, flaw: list[str]) -> dict[str, Any]:
    return {
        "manifest": str(out / "manifest.csv"),
        "images": len(manifest),
        "flaws": flaw,
        "counts": manifest.counts().to_dicts(),
    }


def _in_words(report: dict[str, Any]) -> str:
    lines = [f"{report['manifest']}: {report['images']} images"]
    if report["flaws"]:
        lines.append(f"planted: {', '.join(report['flaws'])}")
    lines.append(f"{'label':<16}{'split':<8}{'images':>8}{'patients':>10}")
    for row in report["counts"]:
        counts = f"{row['images']:>8}{row['patients']:>10}"
        lines.append(f"{row['label']:<16}{row['split']:<8}{counts}")
    return "\n".join(lines)
