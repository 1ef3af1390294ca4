"""`hilum models`: which networks a recipe can name."""

from __future__ import annotations

from typing import Annotated

from typer import BadParameter, Option

from hilum.cli.console import print_json


def models(
    classes: Annotated[int, Option(min=1, help="Outputs of the network.")] = 1,
    channels: Annotated[int, Option(min=1, max=3, help="Input channels, 1 or 3.")] = 3,
    json: Annotated[bool, Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the networks a recipe can name, with their parameters."""
    if channels == 2:
        raise BadParameter("a network takes 1 or 3, got 2", param_hint="--channels")
    from hilum.models.table import network_table

    rows = network_table(outputs=classes, channels=channels)
    if json:
        print_json(rows)
        return
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(
        Column("name", no_wrap=True),
        Column("parameters", justify="right"),
        Column("blocks", no_wrap=True, justify="right"),
        Column("input", no_wrap=True, justify="right"),
        Column("where it comes from", ratio=1),
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for row in rows:
        extra = row["parameters_in_training"] - row["parameters"]
        table.add_row(
            row["name"],
            f"{row['parameters']:,}" + (f"\n+ {extra:,}" if extra else ""),
            str(row["blocks"]),
            f"{row['input_size']} px" + ("!" if row["only_size"] else ""),
            row["origin"],
        )
    Console().print(table)
    Console().print("px!  this size only.  +  in training only, for an auxiliary head.")
    Console().print("Any convolutional network of timm can be named as timm/NAME.")
