"""What a model costs: parameters, multiply-adds, bytes, milliseconds and memory, side by side.

All models are timed in one interleaved run with the engine that screens, so that the machine's
moods hit all alike. Times measured in different runs, or on different machines, do not compare.

References:
    Paper 2, tables V and VII.
"""

from __future__ import annotations

import json
import platform
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hilum.errors import BundleError, ConfigError, HilumError
from hilum.screening.bundle import Bundle
from hilum.screening.cores import load_average, usable_cores
from hilum.screening.cost_memory import memory_bytes
from hilum.screening.engines.processor import processor_name
from hilum.screening.measured_engine import MeasuredEngine
from hilum.screening.multiply_adds import count_multiply_adds
from hilum.screening.timing import Progress, Run, Times, interleave

__all__ = ["Cost", "Costs", "Model", "measure_costs", "stored_parameters"]

_HEADER_LIMIT = 100_000_000
_NO_PARAMETERS = ("running_mean", "running_var", "num_batches_tracked")
_CPU, _CPU_MAPS, _GPU = "cpu", "cpu with maps", "gpu"

Extra = Callable[[Bundle], Run]
"""Makes what is timed beside the processor: one image on a GPU."""


@dataclass(frozen=True, slots=True)
class Model:
    """A bundle to measure, and what to call it."""

    name: str
    bundle: Bundle
    trained: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What one model costs.

    Args:
        name: Of the model.
        architecture: Its network.
        trained: False for a network made only to be measured.
        size: Side of its input in pixels.
        channels: Of its input.
        parameters: In use after training; None if not known.
        multiply_adds: For one image, to the logits; None if not known.
        multiply_adds_with_maps: The same with the maps of all classes.
        model_bytes: Of model.onnx.
        cpu: Of one image, to the logits.
        cpu_with_maps: Of one image, logits and maps: what screening runs.
        gpu: Of one image, logits and maps, in torch; None without a GPU.
        memory_bytes: Growth of a process that opens the network and runs it.
        notes: Why something is not known.
    """

    name: str
    architecture: str
    trained: bool
    size: int
    channels: int
    parameters: int | None
    multiply_adds: int | None
    multiply_adds_with_maps: int | None
    model_bytes: int
    cpu: Times
    cpu_with_maps: Times
    gpu: Times | None
    memory_bytes: int | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """What several models cost, measured in one run.

    Args:
        models: In the order they were given.
        machine: Processor, cores, threads of one inference, versions, and how busy the machine was.
    """

    models: tuple[Cost, ...]
    machine: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"models": [asdict(model) for model in self.models], "machine": dict(self.machine)}


def measure_costs(
    models: Sequence[Model],
    *,
    rounds: int = 20,
    threads: int | None = None,
    rng: np.random.Generator,
    extra: Extra | None = None,
    about: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Costs:
    """Measure models in one interleaved run.

    Args:
        models: At least one, of different names.
        rounds: Timed images of each model.
        threads: Of one inference; None for one a physical core, as screening does.
        rng: Draws the order of each round.
        extra: Opens a bundle on a GPU, if there is one.
        about: What else to say of the machine: the name of that GPU.
        progress: Called with (done, total) rounds.

    Raises:
        BundleError: If a bundle cannot be used.
        ConfigError: If there is no model, or two have one name.
        MissingExtraError: If onnx is not installed, which counts the multiply-adds.
    """
    names = [model.name for model in models]
    if not names or len({*names}) < len(names):
        raise ConfigError(f"Expected models of different names, at least one, got {names}.")
    threads = threads or usable_cores()
    counted = {model.name: _counted(model.bundle) for model in models}
    memory = {model.name: _memory(model.bundle, threads) for model in models}
    busy = [load_average()]
    runs: dict[str, Run] = {}
    for model in models:
        runs |= _runs(model, threads, extra)
    times = interleave(runs, rounds, rng=rng, progress=progress)
    busy.append(load_average())
    costs = tuple(_cost(model, counted[model.name], memory[model.name], times) for model in models)
    machine = {**_machine(threads), **(about or {}), "load_before_and_after": busy}
    return Costs(models=costs, machine=machine)


def _runs(model: Model, threads: int, extra: Extra | None) -> dict[str, Run]:
    engine = MeasuredEngine(model.bundle, threads=threads)
    runs: dict[str, Run] = {
        f"{model.name} {_CPU}": engine.logits_only,
        f"{model.name} {_CPU_MAPS}": engine.with_maps,
    }
    if extra is not None:
        runs[f"{model.name} {_GPU}"] = extra(model.bundle)
    return runs


def _cost(
    model: Model,
    counted: tuple[dict[str, int | None], tuple[str, ...]],
    memory: tuple[int | None, tuple[str, ...]],
    times: Mapping[str, Times],
) -> Cost:
    record = model.bundle.record
    return Cost(
        name=model.name,
        architecture=record.architecture.name,
        trained=model.trained,
        size=record.preprocessing.size,
        channels=record.architecture.channels,
        model_bytes=model.bundle.model_path.stat().st_size,
        cpu=times[f"{model.name} {_CPU}"],
        cpu_with_maps=times[f"{model.name} {_CPU_MAPS}"],
        gpu=times.get(f"{model.name} {_GPU}"),
        memory_bytes=memory[0],
        notes=(*counted[1], *memory[1]),
        **counted[0],
    )


def _counted(bundle: Bundle) -> tuple[dict[str, int | None], tuple[str, ...]]:
    """Return what can be counted without running, and why something cannot."""
    found: dict[str, int | None] = {}
    notes = []
    path = bundle.model_path
    counts: dict[str, Callable[[], int]] = {
        "parameters": lambda: stored_parameters(bundle.folder / "weights.safetensors"),
        "multiply_adds": lambda: count_multiply_adds(path),
        "multiply_adds_with_maps": lambda: count_multiply_adds(path, ("logits", "cams")),
    }
    for name, count in counts.items():
        try:
            found[name] = count()
        except BundleError as error:
            found[name] = None
            notes.append(str(error))
    return found, tuple(dict.fromkeys(notes))


def _memory(bundle: Bundle, threads: int) -> tuple[int | None, tuple[str, ...]]:
    try:
        return memory_bytes(bundle.folder, threads), ()
    except HilumError as error:
        return None, (str(error),)


def stored_parameters(weights: Path) -> int:
    """Return the number of parameters in a safetensors file, from its header alone.

    Running means and variances are no parameters, and an auxiliary head is left out after training.

    Args:
        weights: The file.

    Raises:
        BundleError: If it is no safetensors file.
    """
    try:
        with weights.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > _HEADER_LIMIT:
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(file.read(length))
        sizes = {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
    except (OSError, ValueError, struct.error, AttributeError, KeyError, TypeError) as error:
        raise BundleError(
            f"The parameters cannot be counted: {weights.name} is no safetensors file ({error})."
        ) from error
    used = (
        shape
        for name, shape in sizes.items()
        if not name.endswith(_NO_PARAMETERS) and not name.startswith("auxiliary.")
    )
    return sum(int(np.prod(shape, dtype=np.int64)) for shape in used)


def _machine(threads: int) -> dict[str, Any]:
    import onnxruntime

    return {
        "processor": processor_name(),
        "cores": usable_cores(),
        "threads": threads,
        "system": platform.platform(),
        "onnxruntime": onnxruntime.__version__,
    }
