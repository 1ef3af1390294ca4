"""Look for copies among an autoencoder's films, by pixels and by its own numbers, and show them.

By pixels, the held-out films are drawn again by the same autoencoder before they are compared, so
that they are as blurred as the drawn ones. By its numbers, films are compared as they are.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.generate.copies import CopyReport, directions, find_copies, nearest
from hilum.generate.run_folder import write
from hilum.generate.sample import describe, reconstruct
from hilum.generate.sheet import contact_sheet
from hilum.generate.vae import Vae

__all__ = ["check_copies"]

Pictures = NDArray[np.uint8]

_SHOWN = 12


def check_copies(
    vae: Vae,
    drawn: Pictures,
    *,
    training: Pictures,
    held_out: Pictures,
    out: Path,
    name: str,
) -> tuple[CopyReport, CopyReport]:
    """Compare drawn films with those that were learned, and write what was found.

    Args:
        vae: What drew them, in evaluation mode.
        drawn: Shape (k, size, size).
        training: Films that were learned, shape (n, size, size).
        held_out: Films of other patients, shape (m, size, size).
        out: Folder for copies.json and nearest.png.
        name: Of the run, for the picture.

    Returns:
        By pixels, and by the means of q(z|x).
    """
    again = reconstruct(vae, held_out)
    by_pixels = find_copies(drawn, again, training, what="pixels")
    by_latent = find_copies(
        describe(vae, drawn), describe(vae, held_out), describe(vae, training), what="latent"
    )
    out.mkdir(parents=True, exist_ok=True)
    values = {report.what: report.to_dict() for report in (by_pixels, by_latent)}
    write(out / "copies.json", json.dumps(values, indent=2, allow_nan=False))
    _show(drawn, again, training, out / "nearest.png", name=name)
    return by_pixels, by_latent


def _show(drawn: Pictures, held: Pictures, training: Pictures, out: Path, *, name: str) -> None:
    """Draw the most particular pairs: lowest ratio of nearest to second nearest, by pixels."""
    rows = []
    average = training.mean(0)
    for films in (drawn, held):
        found = nearest(directions(films - average), directions(training - average))
        order = np.argsort(found.ratio, kind="stable")[:_SHOWN]
        rows += [films[order], training[found.index[order]]]
    contact_sheet(
        rows,
        out,
        title=f"{name}: films most like one training film, by pixels",
        row_names=(
            "drawn",
            "nearest training film",
            "held out, drawn again",
            "nearest training film",
        ),
    )
