"""A new bundle with a faster engine, if the engine says the same on the user's own films.

ONNX Runtime in fp32 runs every bundle and is what everything is compared with. Engines that compute
in other ways are faster, and may be wrong in ways that no test on other films shows. So each is run
on films of the user's own, and what it changed is written into the bundle; nothing is written if it
changed too much.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hilum.data.preprocessing import normalize
from hilum.errors import MissingExtraError
from hilum.screening.bundle import Bundle, refuse_to_replace, write_bundle
from hilum.screening.cores import usable_cores
from hilum.screening.engine import Engine, to_probabilities
from hilum.screening.engines.open_vino import (
    OpenVinoSession,
    installed_version,
    load_openvino,
    supported_precisions,
)
from hilum.screening.engines.processor import processor_flags, processor_name
from hilum.screening.engines.record import ENGINE_FILES, EngineRecord
from hilum.screening.optimize_correction import corrected, fit_correction
from hilum.screening.optimize_fidelity import Answers, measure_fidelity
from hilum.screening.optimize_films import Films, Parted, part_films
from hilum.screening.optimize_networks import fold, kept_layers, quantize, store
from hilum.screening.optimize_report import Tried, report_of
from hilum.screening.optimize_speed import Tuning, busy, tune
from hilum.screening.screener import Screener
from hilum.screening.timing import interleave

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest
    from hilum.screening.record import BundleRecord

__all__ = ["Optimized", "Tried", "Wanted", "optimize_bundle"]

Wanted = Literal["auto", "fp32", "bf16", "int8"]
Say = Callable[[str], None]
Progress = Callable[[int, int], None]

_ROUNDS = 20
_LEAST_SPEED = 1.05
_FOR_RANGES = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimized:
    """What was tried, what passed, and the bundle that was written, if one was.

    Args:
        bundle: The new bundle; None if no engine passed.
        chosen: The engine in it.
        tried: All engines, in the order they were tried.
        skipped: Precisions that could not be tried, and why.
        report: Everything measured, as plain values.
    """

    bundle: Bundle | None
    chosen: Tried | None
    tried: tuple[Tried, ...]
    skipped: Mapping[str, str]
    report: Mapping[str, Any]


def optimize_bundle(
    bundle: Bundle,
    manifest: Manifest,
    out: str | Path,
    *,
    precision: Wanted = "auto",
    split: str | None = None,
    threads: int | None = None,
    calibrate: int = 1000,
    most: int = 2000,
    least_speed: float = _LEAST_SPEED,
    seed: int = 0,
    overwrite: bool = False,
    say: Say = lambda _text: None,
    progress: Progress | None = None,
) -> Optimized:
    """Make a bundle with the fastest engine that passes the gate on these films.

    Args:
        bundle: The bundle; it is left as it is.
        manifest: Films with labels. Those of `split` judge, others set the ranges of int8.
        out: The new bundle's folder.
        precision: Which engine is wanted; "auto" tries all.
        split: Split to measure on; see `part_films`.
        threads: Threads of one inference while measuring; one a physical core by default.
        calibrate: Films to correct int8 by, at most; of 300 of them it takes its ranges.
        most: Films to measure on, at most.
        least_speed: An engine that is not so many times as fast is not worth another library.
        seed: Of the drawing of films and the resampling of patients.
        overwrite: Replace a bundle that is already there.
        say: Called with a line for a reader after each step.
        progress: Called with (done, total) films while they are read.

    Raises:
        BundleError: If something is at `out`, or a network cannot be used.
        DataError: If there are too few films.
        MissingExtraError: If OpenVINO is not installed, or nncf where int8 is wanted.
        ValueError: If `calibrate`, `most` or `threads` is below 1.
    """
    if min(calibrate, most, threads or 1) < 1:
        raise ValueError(
            f"calibrate, most and threads must be at least 1, got {calibrate}, {most}, {threads}"
        )
    refuse_to_replace(Path(out).absolute(), overwrite=overwrite)
    wanted, skipped = _wanted(precision)
    films = part_films(
        Screener(bundle), manifest, split=split, calibrate=calibrate, most=most, seed=seed,
        progress=progress,
    )  # fmt: skip
    say(f"{len(films.measuring)} films to measure on: {films.how}.")
    search = _Search(bundle, films, threads or usable_cores(), seed, say)
    with tempfile.TemporaryDirectory(prefix="hilum-optimize-") as folder:
        chosen = search.run(wanted, Path(folder), least_speed)
        tuning = None if chosen is None else _tuned(search, chosen)
        report = report_of(
            bundle=bundle, manifest=manifest, films=films, compared_with=search.own.name,
            threads=search.threads, tried=search.tried, skipped=skipped, chosen=chosen,
            tuning=tuning,
        )  # fmt: skip
        written = None
        if chosen is not None and tuning is not None:
            written = _write(bundle, Path(out), chosen, tuning, report, overwrite=overwrite)
    return Optimized(
        bundle=written, chosen=chosen, tried=tuple(search.tried), skipped=skipped, report=report
    )


def _wanted(precision: Wanted) -> tuple[list[str], dict[str, str]]:
    """Return the precisions to try, the cheapest to make first, and why others are not."""
    load_openvino()
    can = supported_precisions()
    wanted = ["fp32", "bf16", "int8"] if precision == "auto" else [precision]
    skipped = {
        name: "this processor has no instructions for it, so that it would gain nothing"
        for name in wanted
        if name not in can
    }
    left = [name for name in wanted if name not in skipped]
    if "int8" in left and importlib.util.find_spec("nncf") is None:
        raise MissingExtraError("nncf", "fast")
    return left, skipped


class _Search:
    """Make engines and measure each on the same films, in turn with the bundle's own."""

    def __init__(self, bundle: Bundle, films: Parted, threads: int, seed: int, say: Say) -> None:
        self.bundle, self.films, self.threads = bundle, films, threads
        self.tried: list[Tried] = []
        self._seed, self._say = seed, say
        # Where others want the cores, waiting for one says nothing of an engine; its work does.
        self._busy = busy()
        self.own = Engine(bundle, threads=threads, reference=True)
        self._before = _answers(self.own.run, films.measuring, bundle.record)
        self._image = _input(films.measuring, [0], bundle.record)

    def run(self, wanted: Sequence[str], folder: Path, least_speed: float) -> Tried | None:
        """Try precisions; return the fastest engine that passes and is worth having."""
        model = fold(self.bundle.model_path)
        plain = store(model, folder / "plain")
        for name in ("fp32", "bf16"):
            if name in wanted:
                self._measure(plain, precision=name, rest=name)
        if "int8" in wanted:
            self._search_int8(model, folder, least_speed)
        passed = [one for one in self.tried if one.fidelity.passed and one.speed >= least_speed]
        return max(passed, key=lambda one: one.speed, default=None)

    def _search_int8(self, model: Any, folder: Path, least_speed: float) -> None:
        """Leave more and more layers out of int8 until an engine passes or gains nothing."""
        rests = [name for name in ("bf16", "fp32") if name in supported_precisions()]
        passed = [one.speed for one in self.tried if one.fidelity.passed]
        to_beat = max([least_speed, *passed])
        for number, (kept, names) in enumerate(kept_layers(model)):
            start = time.perf_counter()
            path = self._int8(model, names, folder / f"int8-{number}", rests[0])
            made = time.perf_counter() - start
            found = []
            for rest in rests if names else rests[:1]:
                found.append(self._measure(path, precision="int8", rest=rest, kept=kept, made=made))
                if found[-1].fidelity.passed:
                    return
            if max(one.speed for one in found) < to_beat:
                return

    def _int8(self, model: Any, kept: Sequence[str], folder: Path, rest: str) -> Path:
        """Quantise a network and correct its logits; return where it is stored."""
        films, record = self.films.calibration, self.bundle.record
        step = -(-len(films) // _FOR_RANGES)
        made = quantize(model, _input(films, range(0, len(films), step), record), kept)
        path = store(made, folder)
        if not self.own.has_features:
            return path
        session = OpenVinoSession(path, precision=rest, threads=self.threads)
        found = [
            session.run(["features", "logits"], {"images": _input(films, [row], record)})
            for row in range(len(films))
        ]
        features, logits = (np.concatenate(part) for part in zip(*found, strict=True))
        correction = fit_correction(features, logits, self._wanted_logits, films.patient_index)
        self._say(
            f"int8: logits off by {correction.error_before:.3f}, corrected "
            f"{correction.error_after:.3f} (root mean square, calibration films left out)."
        )
        return store(corrected(made, correction), folder.with_name(f"{folder.name}-corrected"))

    @cached_property
    def _wanted_logits(self) -> NDArray[np.float32]:
        """What the bundle's own engine says of the films to calibrate with."""
        films, record = self.films.calibration, self.bundle.record
        rows = range(len(films))
        return np.concatenate([self.own.run(_input(films, [row], record))[0] for row in rows])

    def _measure(
        self, path: Path, *, precision: str, rest: str, kept: str = "", made: float = 0.0
    ) -> Tried:
        session = OpenVinoSession(path, precision=rest, threads=self.threads)
        run = _Run(session)
        record = self.bundle.record
        after = _answers(run.run, self.films.measuring, record)
        fidelity = measure_fidelity(
            self.films.measuring, self._before, after, record, seed=self._seed
        )
        times = interleave(
            {"own": lambda: self.own.run(self._image), "fast": lambda: run.run(self._image)},
            _ROUNDS,
            rng=np.random.default_rng(self._seed),
            clock=time.process_time if self._busy else time.perf_counter,
        )
        own, fast = times["own"], times["fast"]
        found = Tried(
            precision=precision, rest=rest, kept=kept, fidelity=fidelity,
            speed=own.median_ms / fast.median_ms, speed_of_fastest=own.low_ms / fast.low_ms,
            ms=fast.median_ms, ms_before=own.median_ms, seconds=made, path=path,
            clock="processor time" if self._busy else "time",
        )  # fmt: skip
        self.tried.append(found)
        verdict = "passes" if fidelity.passed else "refused: " + "; ".join(fidelity.problems)
        self._say(f"{found.name}: {found.speed:.2f} times as fast; {verdict}.")
        return found


class _Run:
    """A session asked for what screening asks for."""

    def __init__(self, session: OpenVinoSession) -> None:
        self._session = session

    def run(self, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return logits and maps."""
        logits, cams = self._session.run(["logits", "cams"], {"images": images})
        return logits, cams


def _input(films: Films, rows: Sequence[int], record: BundleRecord) -> NDArray[np.float32]:
    """Return films as the network takes them, shape (n, channels, size, size)."""
    return normalize(films.pictures[list(rows)], record.preprocessing)


def _answers(
    run: Callable[[NDArray[np.float32]], tuple[NDArray[np.float32], NDArray[np.float32]]],
    films: Films,
    record: BundleRecord,
) -> Answers:
    """Return what an engine says of films, one at a time, as screening asks."""
    found = [run(_input(films, [row], record)) for row in range(len(films))]
    logits = np.concatenate([one for one, _ in found])
    return Answers(
        to_probabilities(logits, temperature=record.temperature, binary=record.task == "binary"),
        np.concatenate([cams for _, cams in found]),
    )


def _tuned(search: _Search, chosen: Tried) -> Tuning:
    image = _input(search.films.measuring, [0], search.bundle.record)
    found = tune(
        lambda threads: _Run(OpenVinoSession(chosen.path, precision=chosen.rest, threads=threads)),
        image,
        rng=np.random.default_rng(0),
    )
    # On a busy machine fewer threads wait less, which says nothing of a quiet one.
    return replace(found, threads=usable_cores(), batch=1) if busy() else found


def _write(
    bundle: Bundle,
    out: Path,
    chosen: Tried,
    tuning: Tuning,
    report: Mapping[str, Any],
    *,
    overwrite: bool,
) -> Bundle:
    engine = EngineRecord(
        precision=chosen.precision,
        rest=chosen.rest,
        version=installed_version() or "unknown",
        processor=processor_name(),
        flags=processor_flags(),
        threads=tuning.threads,
        batch=tuning.batch,
        cores=usable_cores(),
        optimized_from=bundle.id,
        measured=report,
    )
    record = replace(
        bundle.record, created=str(report["date"]), engine=engine, files={}, id="",
    )  # fmt: skip
    return write_bundle(
        out,
        record,
        model_onnx=bundle.model_path,
        weights=bundle.weights_path(),
        engine={name: chosen.path.with_name(name) for name in ENGINE_FILES},
        overwrite=overwrite,
    )
