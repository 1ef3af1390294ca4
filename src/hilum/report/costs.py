"""What models cost, as a table for the screen and as files."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

from hilum.data.atomic import replacing
from hilum.report.destination import made_folder
from hilum.screening.cost import Cost, Costs
from hilum.screening.timing import Times

__all__ = ["costs_csv", "costs_text", "write_costs"]

_WIDTH = 100
_NAME = 16


def costs_text(costs: Costs, *, width: int | None = None) -> str:
    """Return the table that `hilum cost` prints.

    Args:
        costs: What was measured.
        width: Of the screen in characters; that of the terminal if None, at least 100.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    right = {"justify": "right", "no_wrap": True}
    gpu = any(model.gpu for model in costs.models)
    heads = ["parameters", "multiply-adds", "file", "CPU ms", "with maps"]
    heads += ["GPU ms", "memory"] if gpu else ["memory"]
    table = Table(
        Column("model", overflow="fold", min_width=_NAME),
        *(Column(head, **right) for head in heads),  # type: ignore[arg-type]  # rich's literals
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for model in costs.models:
        table.add_row(*map(Text, _cells(model, gpu=gpu)))
    stream = io.StringIO()
    console = Console(file=stream, width=width or max(_WIDTH, Console().width), highlight=False)
    console.print(table)
    for text in (*_notes(costs), _machine(costs)):
        console.print(Text(text))
    return stream.getvalue()


def _cells(model: Cost, *, gpu: bool) -> list[str]:
    memory = "-" if model.memory_bytes is None else _bytes(model.memory_bytes)
    trained = "" if model.trained else "\nuntrained"
    cells = [
        f"{model.name}{trained}",
        _count(model.parameters, 1e6, "M"),
        _count(model.multiply_adds, 1e9, "G"),
        _bytes(model.model_bytes),
        _times(model.cpu),
        _times(model.cpu_with_maps),
    ]
    return [*cells, *([_times(model.gpu)] if gpu else []), memory]


def _count(value: int | None, unit: float, name: str) -> str:
    return "-" if value is None else f"{value / unit:.2f} {name}"


def _bytes(value: int) -> str:
    return f"{value / 1e6:,.1f} MB"


def _times(times: Times | None) -> str:
    if times is None:
        return "-"
    return f"{times.median_ms:.1f}\n{times.low_ms:.1f} to {times.high_ms:.1f}"


def _notes(costs: Costs) -> list[str]:
    notes = [f"{model.name}: {text}" for model in costs.models for text in model.notes]
    busy = max((load or 0 for load in costs.machine["load_before_and_after"]), default=0)
    if busy > costs.machine["cores"]:
        notes.append(
            f"The machine was busy: {busy:g} processes wanted its {costs.machine['cores']} cores. "
            "The fastest figures say more than the medians."
        )
    return notes


def _machine(costs: Costs) -> str:
    machine, first = costs.machine, costs.models[0].cpu
    warm = [model.cpu.warm_up for model in costs.models]
    busy = " and ".join(str(load) for load in machine["load_before_and_after"])
    gpu = f" GPU: {machine['gpu']}, torch, with maps." if machine.get("gpu") else ""
    return (
        f"Median, and fastest to slowest, of {first.rounds} images one at a time, all models in "
        f"turn, after {min(warm)} to {max(warm)} images to warm up. {machine['processor']}, "
        f"{machine['threads']} threads, ONNX Runtime {machine['onnxruntime']}.{gpu} Processes that "
        f"wanted a core in the last minute, before and after: {busy}. Times of other runs do not "
        "compare. Memory: growth of a process that opens the network and runs it. Multiply-adds: "
        "to the logits, without the maps."
    )


def costs_csv(costs: Costs) -> str:
    """Return one row of CSV text a model."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    plain = ("name", "architecture", "trained", "size", "channels", "parameters", "multiply_adds",
             "multiply_adds_with_maps", "model_bytes", "memory_bytes")  # fmt: skip
    timed = ("cpu", "cpu_with_maps", "gpu")
    figures = ("median_ms", "low_ms", "high_ms", "rounds", "warm_up")
    writer.writerow([*plain, *(f"{name}_{figure}" for name in timed for figure in figures)])
    for model in costs.models:
        times = [getattr(model, name) for name in timed]
        row = [getattr(model, name) for name in plain]
        row += [None if t is None else getattr(t, figure) for t in times for figure in figures]
        writer.writerow(["" if value is None else value for value in row])
    return file.getvalue()


def write_costs(costs: Costs, folder: str | Path) -> list[Path]:
    """Write cost.csv and cost.json into a folder.

    Args:
        costs: What was measured.
        folder: Made if it does not exist.

    Returns:
        The files written.

    Raises:
        DataError: If the folder cannot be made.
    """
    place = made_folder(folder)
    record = json.dumps(costs.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    texts = {"cost.csv": costs_csv(costs), "cost.json": f"{record}\n"}
    for name, text in texts.items():
        with replacing(place / name) as file:
            file.write(text.encode())
    return [place / name for name in texts]
