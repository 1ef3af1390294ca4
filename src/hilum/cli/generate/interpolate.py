"""`hilum generate interpolate`: walk from one film to another through an autoencoder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo


def interpolate(
    run: Annotated[Path, Argument(help="Folder of `hilum generate train`.")],
    first: Annotated[Path, Argument(help="Image file of the first film.")],
    last: Annotated[Path, Argument(help="Image file of the last film.")],
    *,
    out: Annotated[Path, Option(help="PNG file to write.")],
    steps: Annotated[int, Option(min=2, help="Films in all, both ends included.")] = 8,
) -> None:
    """Draw the films on a straight line between two, in the autoencoder's own numbers.

    For research use only.
    """
    import numpy as np

    from hilum.data.preprocessing import prepare
    from hilum.data.reading import read_radiograph
    from hilum.generate.run_folder import load_vae
    from hilum.generate.sample import interpolate as walk
    from hilum.generate.sheet import contact_sheet

    vae, recipe = load_vae(run)
    ends = np.stack([prepare(read_radiograph(p), recipe.preprocessing) for p in (first, last)])
    contact_sheet(
        [ends, walk(vae, ends[0], ends[1], steps=steps)],
        out,
        title=f"{recipe.name}: from one film to another",
        row_names=("the two films", "drawn, from the first to the second"),
    )
    echo(f"{steps} films in {out}.")
