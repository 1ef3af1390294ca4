"""What was measured while a faster engine was looked for: as plain values, and for a reader."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hilum.screening.cores import load_average, usable_cores
from hilum.screening.engines.open_vino import installed_version
from hilum.screening.engines.processor import processor_flags, processor_name
from hilum.screening.optimize_fidelity import LEAST_AGREEMENT, MOST_LOST, Fidelity
from hilum.screening.optimize_speed import busy

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest
    from hilum.screening.bundle import Bundle
    from hilum.screening.optimize_films import Parted
    from hilum.screening.optimize_speed import Tuning

__all__ = ["Tried", "report_of", "report_text", "write_report"]

_SHOWN = 10
_BUSY = "The machine was busy with other things: measure speed and threads again on a quiet one"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One engine that was made, and what was measured of it.

    Args:
        precision: fp32, bf16 or int8.
        rest: Of an int8 engine, the precision of what is not int8.
        kept: Which layers are not, in words; empty for none.
        fidelity: How near it comes to the bundle's own engine.
        speed: How many times as fast it is, one film at a time: medians of runs taken in turn.
        speed_of_fastest: The same of each one's fastest run, which a busy machine slows least.
        ms: Of one film, its median.
        ms_before: The same of the bundle's own engine.
        clock: What was timed: "time", or "processor time" of all threads on a busy machine.
        seconds: To make it.
        path: Where its network is, while the search goes on.
    """

    precision: str
    rest: str
    kept: str
    fidelity: Fidelity
    speed: float
    speed_of_fastest: float
    ms: float
    ms_before: float
    clock: str
    seconds: float
    path: Path

    @property
    def name(self) -> str:
        """What to call it."""
        if self.precision != "int8":
            return self.precision
        return f"int8, {self.kept} in {self.rest}" if self.kept else "int8"

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "name": self.name,
            "precision": self.precision,
            "speed": self.speed,
            "speed_of_fastest_runs": self.speed_of_fastest,
            "timed": self.clock,
            "ms_a_film": self.ms,
            "ms_a_film_before": self.ms_before,
            "seconds_to_make": round(self.seconds, 1),
            **self.fidelity.to_dict(),
        }


def report_of(
    *,
    bundle: Bundle,
    manifest: Manifest,
    films: Parted,
    compared_with: str,
    threads: int,
    tried: Sequence[Tried],
    skipped: Mapping[str, str],
    chosen: Tried | None,
    tuning: Tuning | None,
) -> dict[str, Any]:
    """Return everything measured, as plain values for JSON."""
    return {
        "use": bundle.record.intended_use,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "optimized_from": bundle.id,
        "gate": {"least_agreement": LEAST_AGREEMENT, "most_auroc_lost": MOST_LOST},
        "chosen": None if chosen is None else chosen.name,
        "manifest_sha256": manifest.sha256,
        "measured_on": {
            "films": len(films.measuring),
            "patients": films.measuring.patients,
            "which": films.how,
        },
        "calibrated_on": {
            "films": len(films.calibration),
            "patients": films.calibration.patients,
            "note": "only int8 engines are calibrated; no patient of these is measured on",
        },
        "left_out": list(films.left_out),
        "compared_with": compared_with,
        "engines": [one.to_dict() for one in tried],
        "not_tried": dict(skipped),
        "note": (
            "Engines were chosen among by the films they were measured on: the more were tried, "
            "the more the figures of the one chosen flatter."
        ),
        "tuning": None if tuning is None else tuning.to_dict(),
        "machine": {
            "processor": processor_name(),
            "instructions": list(processor_flags()),
            "cores": usable_cores(),
            "threads_while_measuring": threads,
            "load": load_average(),
            "busy": busy(),
            "openvino": installed_version(),
        },
    }


def report_text(report: Mapping[str, Any]) -> str:
    """Return what was measured as text for a terminal.

    Args:
        report: As `report_of` gives it.
    """
    on, machine = report["measured_on"], report["machine"]
    lines = [
        f"Measured on {on['films']:,} films of {on['patients']:,} patients: {on['which']}.",
        f"Compared with {report['compared_with']}, {machine['threads_while_measuring']} threads.",
        f"Machine: {machine['processor']} ({', '.join(machine['instructions'])}).",
        "",
    ]
    for engine in report["engines"]:
        lines += [*_engine(engine), ""]
    if machine["busy"]:
        lines += [f"{_BUSY} (load {machine['load']}, {machine['cores']} cores).", ""]
    lines += [f"{name}: not tried; {why}" for name, why in report["not_tried"].items()]
    left_out = report["left_out"]
    lines += [f"Left out: {line}" for line in left_out[:_SHOWN]]
    if len(left_out) > _SHOWN:
        lines.append(f"Left out: {len(left_out) - _SHOWN} more, all in the JSON report")
    lines += _verdict(report)
    return "\n".join([*lines, "Research use only."])


def write_report(path: Path, report: Mapping[str, Any]) -> None:
    """Write what was measured as JSON; its folder is made."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _engine(engine: Mapping[str, Any]) -> Iterator[str]:
    yield f"{engine['name']}: {'passes' if engine['passed'] else 'REFUSED'}"
    before, after = engine["ms_a_film_before"], engine["ms_a_film"]
    yield (
        f"  speed                  {engine['speed']:.2f} times "
        f"({before:.1f} to {after:.1f} ms of {engine['timed']} a film)"
    )
    yield f"  same class             {_share(engine['agreement'])}"
    yield f"  same decision          {_share(engine['same_decision'])}; {engine['flips']} other"
    gap = engine["auroc_difference"]
    yield (
        f"  AUROC                  {_number(engine['auroc_before'])} to "
        f"{_number(engine['auroc'])}, difference {_number(gap, sign=True)}{_limits(gap)}"
    )
    yield (
        f"  probabilities          change by {engine['mean_probability_change']:.4f} on average, "
        f"{engine['largest_probability_change']:.3f} at most"
    )
    middle, low = engine["map_correlation_median"], engine["map_correlation_5th_percentile"]
    if middle is None:
        yield "  maps                   all empty: nothing to compare"
    else:
        yield (
            f"  maps, correlation      {middle:.4f} (median), {low:.4f} (5th percentile) of "
            f"{engine['maps_compared']:,}"
        )
    for problem in engine["problems"]:
        yield f"  refused: {problem}"
    for doubt in engine["doubts"] if engine["passed"] else ():
        yield f"  note: {doubt}"


def _verdict(report: Mapping[str, Any]) -> Iterator[str]:
    tuning = report["tuning"]
    if report["chosen"] is None:
        passed = any(engine["passed"] for engine in report["engines"])
        why = "that passes is faster" if passed else "passes"
        yield f"No engine {why}: nothing was written. The bundle's own engine stays the best."
        return
    yield f"Chosen: {report['chosen']}."
    if tuning is not None:
        settings = ", ".join(
            f"{one['threads']} x {one['batch']}: {one['ms_a_film']:.1f}"
            for one in tuning["settings"]
        )
        yield f"Milliseconds a film by threads x films at once: {settings}."
        yield f"Kept: {tuning['threads']} threads, {tuning['batch']} films at once."


def _share(estimate: Mapping[str, Any]) -> str:
    value, low, high = (estimate[key] for key in ("estimate", "low", "high"))
    if value is None:
        return "undefined"
    span = "" if low is None else f" ({100 * low:.1f} to {100 * high:.1f})"
    return f"{100 * value:.2f} %{span}"


def _number(estimate: Mapping[str, Any], *, sign: bool = False) -> str:
    value = estimate["estimate"]
    if value is None:
        return "undefined"
    return f"{value:+.4f}" if sign else f"{value:.4f}"


def _limits(estimate: Mapping[str, Any]) -> str:
    if estimate["low"] is None:
        return " (no limits)"
    return f" ({estimate['low']:+.4f} to {estimate['high']:+.4f})"
