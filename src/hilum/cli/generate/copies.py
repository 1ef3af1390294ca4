"""`hilum generate copies`: are drawn films new?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Exit, Option, echo

from hilum.cli.console import note, print_json
from hilum.cli.generate.prior import Prior, prior_of

if TYPE_CHECKING:
    from hilum.generate import CopyReport


def copies(
    run: Annotated[Path, Argument(help="Folder of `hilum generate train`.")],
    *,
    manifest: Annotated[Path, Option(help="The manifest it was trained on.")],
    out: Annotated[Path, Option(help="Folder for copies.json and nearest.png.")],
    count: Annotated[int, Option(min=2, help="Films to draw.")] = 500,
    seed: Annotated[int, Option(min=0, help="Decides every film.")] = 0,
    temperature: Annotated[float, Option(min=0.01, help="As for sample.")] = 1.0,
    prior: Annotated[Prior, Option(help="As for sample.")] = Prior.STANDARD,
    split: Annotated[str, Option(help="Held-out films to compare with.")] = "test",
    cache: Annotated[Path | None, Option(help="Prepared films. Shared by default.")] = None,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Compare drawn films with the nearest training films, beside films that were held out.

    Exit code 4: they are copies, most likely.
    """
    from hilum.cli.generate.films import films_of_split
    from hilum.generate.check import check_copies
    from hilum.generate.run_folder import load_vae
    from hilum.generate.sample import draw

    vae, recipe = load_vae(run)
    drawn = draw(vae, count, seed=seed, temperature=temperature, prior=prior_of(run, prior))
    found = check_copies(
        vae,
        drawn,
        training=films_of_split(manifest, recipe, "train", cache),
        held_out=films_of_split(manifest, recipe, split, cache),
        out=out,
        name=recipe.name,
    )
    note(f"Written: {out / 'copies.json'} and {out / 'nearest.png'}.")
    if json:
        print_json({report.what: report.to_dict() for report in found})
    else:
        for report in found:
            echo(_in_words(report, split))
    if any(report.copied for report in found):
        raise Exit(4)


def _in_words(report: CopyReport, split: str) -> str:
    own, other = report.distance["samples"], report.distance["held_out"]
    own_ratio, other_ratio = report.ratio["samples"], report.ratio["held_out"]
    verdict = "copies, most likely" if report.copied else "no sign of copying"
    return (
        f"by {report.what}: {verdict}. {report.n_samples} drawn films, {report.n_held_out} {split} "
        f"films, {report.n_training} training films.\n"
        f"  nearest distance, 1 % and median: drawn {own['0.01']:.4f} and {own['0.5']:.4f}, held "
        f"out {other['0.01']:.4f} and {other['0.5']:.4f}; z {report.z_distance:+.1f}\n"
        f"  nearest / second nearest: drawn {own_ratio['0.01']:.3f} and {own_ratio['0.5']:.3f}, "
        f"held out {other_ratio['0.01']:.3f} and {other_ratio['0.5']:.3f}; z "
        f"{report.z_ratio:+.1f}, chance {report.p_ratio:.2g}\n"
        f"  suspects: {len(report.suspects)}, chance {report.p_suspects:.2g}"
    )
