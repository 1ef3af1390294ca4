"""One film after another with the default bundle: where the time goes, and what maps cost."""

from __future__ import annotations

from hilum.benchmark.case import Case, Settings
from hilum.benchmark.pictures import drawn, written
from hilum.benchmark.row import Row, compared, limited
from hilum.benchmark.turns import take_turns
from hilum.screening.bundle import Bundle
from hilum.screening.default import default_bundle
from hilum.screening.measured_engine import MeasuredEngine
from hilum.screening.screener import Screener

__all__ = ["CASES", "COST"]

COST = 1.05
"""What maps may cost at most where the head begins with an average, in inferences without."""


def alone(settings: Settings) -> list[Row]:
    """Time a film from file to answer, its reading, and the network with maps and without."""
    bundle = Bundle.load(default_bundle())
    screener = Screener(bundle, threads=settings.threads, force=True)
    engine = MeasuredEngine(bundle, threads=settings.threads)
    (film,) = written(settings.folder / "film", drawn(1, settings.small), "png")
    times = take_turns(
        {
            "answer": lambda: screener.screen(film),
            "read": lambda: screener.read(film),
            "maps": engine.with_maps,
            "logits": engine.logits_only,
        },
        rounds=settings.rounds, warm_up=3, twice=True,
    )  # fmt: skip
    kind = f"PNG of {settings.small} pixels"
    threads = f"{engine.threads} threads" if engine.threads > 1 else "1 thread"
    return [
        limited(f"from file to answer with maps, warm, {kind}", 1e3 * times.median("answer"),
                unit="ms"),
        limited("reading and preparing of that", 1e3 * times.median("read"), unit="ms"),
        limited(f"the network of that with every class's map, {threads}",
                1e3 * times.median("maps"), unit="ms"),
        compared(
            "every class's map beside none, default bundle",
            1e3 * times.median("maps"), "the same without maps", 1e3 * times.median("logits"),
            times.ratio("maps", "logits"), unit="ms", target=COST, at_most=True,
        ),
    ]  # fmt: skip


CASES = (Case(claim="one warm film", alone=alone, packages=("onnxruntime", "numpy", "pillow")),)
