"""From a file to an answer: read, judge, prepare, infer, decide.

The screener holds one open network and may be used for any number of films. It never raises for a
film: what went wrong stands in the film's own `Screening`, and the next one is not affected.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hilum.data.preprocessing import normalize, prepare
from hilum.data.radiograph import Radiograph
from hilum.data.reading import read_radiograph
from hilum.errors import BundleError, HilumError, ImageReadError
from hilum.screening.bundle import Bundle
from hilum.screening.cores import usable_cores
from hilum.screening.default import default_bundle
from hilum.screening.engine import Engine, to_probabilities
from hilum.screening.gate import Gate
from hilum.screening.gate.distance import FeatureStatistics
from hilum.screening.heatmap import is_empty
from hilum.screening.result import Screening

__all__ = ["Edit", "Screener", "screen"]

_FEW = 3
_LARGE_BYTES = 20_000_000
"""For so few films it costs less to open a network of so many bytes as it is than to rearrange its
weights. Smaller ones gain nothing: what is saved at the start is lost with the first film."""

Edit = Callable[[Radiograph], Radiograph]
"""Returns a film that differs from the one it was given."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A film on its way: what is known so far, and the picture if there is one to look at."""

    screening: Screening
    prepared: NDArray[np.uint8] | None = None
    seconds: float = 0.0


class Screener:
    """Screen radiographs with one bundle. For research use only.

    Args:
        bundle: The bundle, or its folder, which is then loaded and verified.
        threads: Threads of one inference; None for one a physical core.
        threshold: Which of the bundle's thresholds decides; None for its default.
        force: Give probabilities also for pictures that the gate refuses. They mean nothing
            unless someone has looked and found the gate wrong.
        keep_film: Keep the radiograph in each `Screening`, to draw on. Costs its size in memory.
        wait: False returns while the network is still being verified and opened, so that reading
            can begin; a fault in it is then raised by the first film instead of here.
        expected: How many films there will be, if that is known. For a few, a large network is
            opened in half the time and runs a quarter slower; probabilities agree within 1e-5.

    Raises:
        BundleError: If the bundle or its network cannot be used.
        ConfigError: If the bundle has no such threshold.
    """

    def __init__(
        self,
        bundle: Bundle | str | Path,
        *,
        threads: int | None = None,
        threshold: str | None = None,
        force: bool = False,
        keep_film: bool = False,
        wait: bool = True,
        expected: int | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, got {threads}")
        checked = isinstance(bundle, Bundle)
        self.bundle = bundle if isinstance(bundle, Bundle) else Bundle.load(bundle, verify=False)
        record = self.bundle.record
        self.threshold_name, self.threshold = record.threshold(threshold)
        self._gate = Gate.from_record(record.gate)
        self._statistics = FeatureStatistics.from_gate(record.gate)
        self._force = force
        self._keep_film = keep_film
        large = record.files["model.onnx"].bytes >= _LARGE_BYTES
        quick = large and expected is not None and expected <= _FEW
        opener = ThreadPoolExecutor(2, thread_name_prefix="hilum-open")
        verified = None if checked else opener.submit(self.bundle.verify)
        self._opening = opener.submit(self._open, threads, verified, quick=quick)
        opener.shutdown(wait=wait)
        if wait:
            self._opening.result()

    def _open(self, threads: int | None, verified: Future[None] | None, *, quick: bool) -> Engine:
        """Open the networks while the files are hashed; none is used before that came out well."""
        try:
            engine = Engine(self.bundle, threads=threads, quick=quick)
            self._gate.open()
        finally:
            if verified is not None:
                verified.result()  # That a file is damaged says more than whatever it led to.
        return engine

    @property
    def threads(self) -> int:
        """Threads of one inference."""
        return self._engine.threads

    @property
    def _engine(self) -> Engine:
        return self._opening.result()

    def screen(self, source: str | Path | bytes, *, edit: Edit | None = None) -> Screening:
        """Return the answer for one radiograph.

        Args:
            source: A file, or the bytes of one.
            edit: Changes the film after it was read and before anything looks at it.

        Returns:
            An answer, a refusal with reasons, or a failure with `error` filled in.
        """
        return self._answer(self._read(source, edit))

    def screen_many(
        self, sources: Iterable[str | Path | bytes], *, readers: int | None = None
    ) -> Iterator[Screening]:
        """Yield the answers for many radiographs, in order, reading ahead while inferring.

        Args:
            sources: Files, or the bytes of files.
            readers: Threads that decode; at most twice as many films are held in memory. None for
                one a core, up to four.

        Raises:
            ValueError: If `readers` is below 1.
        """
        readers = min(usable_cores(), 4) if readers is None else readers
        if readers < 1:
            raise ValueError(f"readers must be at least 1, got {readers}")
        waiting: deque[Future[_Ready]] = deque()
        with ThreadPoolExecutor(readers, thread_name_prefix="hilum-read") as pool:
            try:
                for source in sources:
                    waiting.append(pool.submit(self._read, source))
                    if len(waiting) > 2 * readers - 1:
                        yield self._answer(waiting.popleft().result())
                while waiting:
                    yield self._answer(waiting.popleft().result())
            finally:
                for future in waiting:
                    future.cancel()

    def screen_prepared(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Return what the network says of pictures that `prepare` made.

        Args:
            images: Grey levels, shape (n, size, size).

        Returns:
            Calibrated probabilities (n, classes) and evidence maps (n, classes, h, w).

        Raises:
            BundleError: If the network gives NaN or infinity for any of them.
            ValueError: If `images` has another shape or type.
        """
        probabilities, cams, _ = self._infer(images)
        return self._whole(probabilities), cams

    @staticmethod
    def _whole(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return probabilities, if all of them are numbers."""
        broken = np.flatnonzero(np.isnan(probabilities).any(axis=1))
        if broken.size:
            raise BundleError(
                f"The network gave NaN or infinity for {broken.size} of {len(probabilities)} "
                f"pictures (the first is number {broken[0]}); there is no probability."
            )
        return probabilities

    def infer(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        """Do as `screen_prepared`, with NaN rows where the network gave NaN or infinity."""
        probabilities, cams, _ = self._infer(images)
        return probabilities, cams

    def _infer(
        self, images: NDArray[np.uint8]
    ) -> tuple[NDArray[np.float64], NDArray[np.float32], NDArray[np.float64] | None]:
        """Return probabilities, maps, and distances (n,) where the bundle can tell them."""
        record = self.bundle.record
        given = normalize(images, record.preprocessing)
        distances = None
        if self._statistics is None:
            logits, cams = self._engine.run(given)
        else:
            logits, cams, features = self._engine.run_with_features(given)
            if features is not None:
                distances = self._statistics.distances(features)
        probabilities = to_probabilities(
            logits, temperature=record.temperature, binary=record.task == "binary"
        )
        return probabilities, cams, distances

    def read(self, source: str | Path | bytes) -> tuple[Radiograph, NDArray[np.uint8]]:
        """Return a film and the picture the network is given of it.

        Raises:
            ImageReadError: If it cannot be read.
        """
        preprocessing = self.bundle.record.preprocessing
        film = read_radiograph(source, smallest_side=preprocessing.decode_side)
        return film, prepare(film, preprocessing)

    def _read(self, source: str | Path | bytes, edit: Edit | None = None) -> _Ready:
        """Read, judge and prepare one film; what goes wrong becomes its error."""
        start = time.perf_counter()
        blank = self._blank(source)
        try:
            film, prepared = self.read(source)
            if edit is not None:
                film = edit(film)
                prepared = prepare(film, self.bundle.record.preprocessing)
        except ImageReadError as error:
            return _Ready(replace(blank, error=error.reason, seconds=_since(start)))
        except (HilumError, OSError, MemoryError) as error:
            reason = str(error) or type(error).__name__
            return _Ready(replace(blank, error=reason, seconds=_since(start)))
        verdict = self._gate.check(film)
        screening = replace(
            blank,
            accepted=verdict.accepted,
            reasons=verdict.reasons,
            warnings=(*film.warnings, *verdict.warnings),
            gate=verdict.measured,
            sha256=film.sha256,
            film=film if self._keep_film else None,
        )
        wanted = verdict.accepted or self._force
        return _Ready(screening, prepared if wanted else None, _since(start))

    def _answer(self, ready: _Ready) -> Screening:
        """Infer and decide, for a film that was read and is wanted."""
        # A fault of the bundle is not one of this film, and even a refusal is signed by its bundle.
        self._opening.result()
        start = time.perf_counter()
        if ready.prepared is None:
            return replace(ready.screening, seconds=ready.seconds or ready.screening.seconds)
        classes = self.bundle.record.classes
        try:
            probabilities, cams, distances = self._infer(ready.prepared[None])
            self._whole(probabilities)
        except BundleError as error:
            return replace(ready.screening, error=str(error), seconds=ready.seconds + _since(start))
        known = ready.screening
        if distances is not None:
            known = self._judged(known, float(distances[0]))
            if not known.accepted and not self._force:
                return replace(known, seconds=ready.seconds + _since(start))
        by_class = dict(zip(classes, map(float, probabilities[0]), strict=True))
        empty = map(bool, is_empty(cams[0]))
        return replace(
            known,
            probabilities=by_class,
            decision=self.threshold.decide(by_class),
            cam_empty=dict(zip(classes, empty, strict=True)),
            cams=cams[0],
            seconds=ready.seconds + _since(start),
        )

    def _judged(self, screening: Screening, distance: float) -> Screening:
        """Refuse a film that is unlike those the network was trained on."""
        if self._statistics is None:
            return screening
        limit = self._statistics.limit
        reason = self._statistics.reason(distance)
        return replace(
            screening,
            accepted=screening.accepted and reason is None,
            reasons=(*screening.reasons, *([reason] if reason else [])),
            gate={**screening.gate, "distance": round(distance, 3), "limit": round(limit, 3)},
        )

    def _blank(self, source: str | Path | bytes) -> Screening:
        name = f"{len(source)} bytes" if isinstance(source, bytes) else str(source)
        return Screening(
            path=name,
            bundle=self.bundle.id,
            bundle_name=self.bundle.record.name,
            threshold_name=self.threshold_name,
            threshold=self.threshold,
            calibrated=self.bundle.record.calibrated,
        )


def _since(start: float) -> float:
    return time.perf_counter() - start


def screen(source: str | Path | bytes, bundle: Bundle | str | Path | None = None) -> Screening:
    """Return the answer for one radiograph. For research use only.

    The network is opened anew each time; for more than one film, keep a `Screener`.

    Args:
        source: A file, or the bytes of one.
        bundle: The bundle, or its folder; None for the one that comes with hilum.

    Returns:
        An answer, a refusal with reasons, or a failure with `error` filled in.

    Raises:
        BundleError: If the bundle or its network cannot be used.
    """
    return Screener(default_bundle() if bundle is None else bundle, expected=1).screen(source)
