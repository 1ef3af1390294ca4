"""What a bundle says of its fast engine: the section `engine` of `bundle.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from hilum.screening.fields import Faults

__all__ = ["ENGINE_FILES", "PRECISIONS", "EngineRecord", "engine_from"]

ENGINE_FILES = ("engine.xml", "engine.bin")
"""The fast network, as OpenVINO stores it; compared with their hashes as every other file is."""

PRECISIONS = ("fp32", "bf16", "int8")


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineRecord:
    """A faster network beside `model.onnx`, and what was measured of it."""

    precision: str
    """fp32, bf16 or int8: the precision most of its multiplications are made in."""

    rest: str
    """Of an int8 engine the precision of the layers that are not: fp32 or bf16."""

    version: str
    """The version of the library that it was measured with."""

    processor: str
    """The processor it was measured on."""

    flags: tuple[str, ...]
    """Its instructions, of those that engines choose by."""

    threads: int
    """Threads of one inference that were fastest there."""

    batch: int
    """Pictures in one inference that were fastest there."""

    cores: int
    """Cores that were usable there."""

    optimized_from: str
    """Id of the bundle it was made of, whose `model.onnx` it was compared with."""

    measured: Mapping[str, Any] = field(default_factory=dict)
    """On which films what was measured: agreement, AUROC, probabilities, maps, speed."""

    kind: str = "openvino"
    """Which library runs it."""

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values."""
        values = {entry.name: getattr(self, entry.name) for entry in fields(self)}
        return {**values, "flags": list(self.flags), "measured": dict(self.measured)}


def engine_from(values: Mapping[str, Any], faults: Faults) -> EngineRecord | None:
    """Read the section `engine`; None without one. What is wrong with it goes to `faults`."""
    if "engine" not in values:
        return None
    inner = faults.mapping("engine", values)
    where = "engine."
    faults.keys(where, inner, [entry.name for entry in fields(EngineRecord)])
    flags = inner.get("flags")
    if not isinstance(flags, list) or not all(isinstance(flag, str) for flag in flags):
        faults.add(f"{where}flags must be a list of texts, got {flags!r:.80}")
        flags = []
    counts = {name: faults.whole(name, inner, where) for name in ("threads", "batch", "cores")}
    for name, count in counts.items():
        if count < 1:
            faults.add(f"{where}{name} must be at least 1, got {count}")
    return EngineRecord(
        kind=faults.one_of("kind", inner, ("openvino",), where),
        precision=faults.one_of("precision", inner, PRECISIONS, where),
        rest=faults.one_of("rest", inner, ("fp32", "bf16"), where),
        version=faults.text("version", inner, where),
        processor=faults.text("processor", inner, where),
        optimized_from=faults.text("optimized_from", inner, where),
        measured=faults.mapping("measured", inner, where),
        flags=tuple(flags),
        **counts,
    )
