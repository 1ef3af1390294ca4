"""`hilum reproduce`: a paper's networks as published and repaired, on your films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option, echo

from hilum.cli.console import command_words, note, print_json, progress_bar


def reproduce(
    paper: Annotated[str, Argument(metavar="p1|p2|p3|p4", help="Which paper.")],
    *,
    manifest: Annotated[Path, Option(help="Films with train, val and test splits.")],
    out: Annotated[Path, Option(help="Folder of the runs and tables; finished runs are kept.")],
    as_published: Annotated[
        bool, Option("--as-published", help="Only with the published faults.")
    ] = False,
    repaired: Annotated[bool, Option("--repaired", help="Only without them.")] = False,
    network: Annotated[
        list[str] | None, Option(help="Only this network; repeatable. Default: every printed row.")
    ] = None,
    faults: Annotated[
        bool, Option("--faults", help="Also bring back each fault alone, and price it.")
    ] = False,
    epochs: Annotated[int | None, Option(min=1, help="Default: the recipe's.")] = None,
    size: Annotated[int | None, Option(min=32, help="Pixels; default: the recipe's.")] = None,
    batch_size: Annotated[int | None, Option(min=1, help="Default: the recipe's.")] = None,
    seed: Annotated[int, Option(min=0, help="Of weights, order and folds.")] = 0,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """Train a paper's networks as published and repaired, beside a rule that never looks.

    Writes results.json, table.md and table.png: what was printed, what can be recomputed from it,
    and what was measured here.
    """
    from hilum.data.manifest import Manifest
    from hilum.report.reproduction import reproduction_picture
    from hilum.reproduce import paper as named
    from hilum.reproduce.results import Scale
    from hilum.reproduce.run import reproduce as run
    from hilum.reproduce.side_by_side import side_by_side

    chosen = named(paper)
    images = Manifest.read(manifest)
    wanted = [("published", as_published), ("repaired", repaired)]
    variants = [name for name, asked in wanted if asked or as_published == repaired]
    with progress_bar(f"paper {chosen.name}") as bar:
        result = run(
            chosen,
            images,
            out,
            variants=variants,  # type: ignore[arg-type]
            networks=network or (),
            faults=faults,
            scale=Scale(epochs=epochs, size=size, batch_size=batch_size, seed=seed),
            manifest_file=manifest,
            command=command_words(),
            progress=lambda _what, done, total: bar(done, total),
        )
    table = side_by_side(result)
    reproduction_picture(result.to_dict(), out / "table.png")
    (out / "table.md").write_text(table, encoding="utf-8")
    note(f"Written: results.json, table.md and table.png in {out}.")
    if json:
        print_json(result.to_dict())
    else:
        echo(table, nl=False)
