"""Measure groups of cases, one after another, and keep what the machine was like meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hilum.benchmark.case import Settings, versions_of
from hilum.benchmark.groups import Group, chosen_groups
from hilum.benchmark.machine import describe_machine, too_busy
from hilum.benchmark.results import Results
from hilum.benchmark.row import Row
from hilum.screening.cores import load_average

__all__ = ["run_benchmarks"]

_BUSY = (
    "The machine is busy: a load of {load} before anything was measured. Ratios are taken in turn "
    "and suffer less than times, but threads that wait for one another lose turns, torch's most: "
    "{threads} used for one inference. Measure again when it is quiet."
)


def run_benchmarks(
    names: Sequence[str],
    settings: Settings,
    *,
    command: str = "",
    say: Callable[[str], None] = lambda _words: None,
) -> Results:
    """Measure.

    Args:
        names: Groups; none for the usual ones, or with peers for all.
        settings: How much is measured.
        command: What was typed, for the file.
        say: Told what is being measured, and what to make of a busy machine.

    Raises:
        ConfigError: If there is no such group, or one has nothing to measure without peers.
    """
    begun = time.perf_counter()
    measured = datetime.now(UTC).isoformat(timespec="seconds")
    before = load_average()
    if too_busy(before):
        say(_BUSY.format(load=before, threads=_counted(settings.threads)))
    rows: list[Row] = []
    told: list[dict[str, Any]] = []
    for group in chosen_groups(names, against=settings.against):
        say(f"{group.name}: {group.summary} ...")
        found, about = _measure(group, settings)
        rows += found
        told.append(about)
    versions = {name: text for row in rows for name, text in row.versions.items()}
    return Results(
        command=command, measured=measured, seconds=round(time.perf_counter() - begun, 1),
        against=settings.against, quick=settings.is_quick, busy=too_busy(before),
        machine={**describe_machine(), "threads": settings.threads},
        versions=dict(sorted(versions.items())), groups=tuple(told),
        rows=tuple(rows),
    )  # fmt: skip


def _counted(threads: int) -> str:
    return "one thread is" if threads == 1 else f"{threads} threads are"


def _measure(group: Group, settings: Settings) -> tuple[list[Row], dict[str, Any]]:
    start, before = time.perf_counter(), load_average()
    rows = []
    for case in group.cases():
        versions = versions_of(("hilum", *case.packages))
        rows += [replace(row, group=group.name, versions=versions) for row in case.rows(settings)]
    seconds = round(time.perf_counter() - start, 1)
    loads = {"load_before": before, "load_after": load_average()}
    return rows, {"name": group.name, "seconds": seconds, **loads}
