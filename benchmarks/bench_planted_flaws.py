"""Does the audit find what is wrong, and stay silent where nothing is? Phantom cohorts answer it.

Into each cohort one flaw is planted, or none; a small network is trained on it as anybody would,
and audited. A flaw counts as found when one of the checks meant for it fails (or warns, where that
is what a weak flaw deserves, or the most that the check ever does); a check that fails on a clean
cohort is a false alarm. Warnings on clean cohorts are counted apart.

    python -m benchmarks planted-flaws                          all of it
    python -m benchmarks.bench_planted_flaws --only text-marker clean-1
    python -m benchmarks.bench_planted_flaws --quick            two small cohorts, no result kept

Networks are kept in runs/planted-flaws and not trained again; the audits are made anew. The result
goes to benchmarks/results/planted-flaws.json.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.planted.cohorts import COHORTS, Cohort
from benchmarks.planted.shots import Draw, drawn, write_cohort
from benchmarks.rows import Row

T = TypeVar("T")

RESULTS = Path(__file__).parent / "results" / "planted-flaws.json"
FOLDER = Path("runs/planted-flaws")

PLANTED_VERSION = 4
"""Raised when a flaw, a film or the training changes, so that kept networks are not used again."""

RESAMPLES = 1000
QUICK = ("text-marker", "clean-1")


def rows() -> list[Row]:
    """Run every cohort, write the result, and return the two claims."""
    start = time.perf_counter()
    found = measure([cohort.name for cohort in COHORTS], FOLDER)
    _write(found, ["python", "-m", "benchmarks", "planted-flaws"], time.perf_counter() - start)
    Console().print(table(found))
    return claims(found)


def claims(found: Sequence[dict[str, Any]]) -> list[Row]:
    """Return flaws found and false alarms as measured claims."""
    planted = [one for one in found if one["flaw"]]
    clean = [one for one in found if not one["flaw"]]
    hits = sum(one["found"] for one in planted)
    alarms = sum(len(one["fails"]) for one in clean)
    return [
        Row(
            claim=f"planted flaws found by the check meant for them, of {len(planted)}",
            peer="", ours=hits, theirs=None, unit="flaws", ratio=None,
            wanted="all", met=hits == len(planted),
        ),
        Row(
            claim=f"checks that fail on {len(clean)} clean cohorts",
            peer="", ours=alarms, theirs=None, unit="alarms", ratio=None,
            wanted="none", met=alarms == 0,
        ),
    ]  # fmt: skip


def measure(
    names: Sequence[str], folder: Path, *, quick: bool = False, workers: int = 2
) -> list[dict[str, Any]]:
    """Draw, train and audit cohorts; return one record each, in their order.

    Args:
        names: Which.
        folder: What is drawn and trained is kept here.
        quick: Few patients and two epochs: shows that everything runs, and nothing else.
        workers: Processes.
    """
    found: dict[str, dict[str, Any]] = {}
    for record in _each(names, folder, _measured, quick=quick, workers=workers):
        found[record["cohort"]] = record
        print(_line(record, len(found), len(names)), file=sys.stderr, flush=True)
    return [found[name] for name in names]


def prepare(names: Sequence[str], folder: Path, *, workers: int = 2) -> None:
    """Draw and train cohorts, and keep their networks for a later `measure`."""
    done = _each(names, folder, _prepared, quick=False, workers=workers)
    for number, line in enumerate(done, start=1):
        print(f"{number}/{len(names)} {line}", file=sys.stderr, flush=True)


def _each(
    names: Sequence[str],
    folder: Path,
    task: Callable[[str, Path, bool], T],
    *,
    quick: bool,
    workers: int,
) -> Iterator[T]:
    """Draw what the cohorts are made of, then yield what a task returns of each as it comes."""
    folder.mkdir(parents=True, exist_ok=True)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
        draws = {_cohort(name, quick=quick).draw for name in names}
        for future in as_completed([pool.submit(_draw, one, folder) for one in draws]):
            future.result()
        for future in as_completed([pool.submit(task, name, folder, quick) for name in names]):
            yield future.result()


def _prepared(name: str, folder: Path, quick: bool) -> str:
    start = time.perf_counter()
    _trained(_cohort(name, quick=quick), folder / name, folder, quick=quick)
    return f"{name}: {time.perf_counter() - start:.0f} s"


def table(found: Sequence[dict[str, Any]]) -> Table:
    """Return one row a cohort."""
    shown = Table("cohort", "score", "found", "fails", "warns")
    for one in found:
        hit = ("yes" if one["found"] else "NO") if one["flaw"] else ""
        shown.add_row(
            one["cohort"], one["score_text"], hit, ", ".join(one["fails"]), ", ".join(one["warns"])
        )
    return shown


def _cohort(name: str, *, quick: bool) -> Cohort:
    cohort = next(one for one in COHORTS if one.name == name)
    return replace(cohort, draw=replace(cohort.draw, patients=60)) if quick else cohort


def _draw(draw: Draw, folder: Path) -> None:
    drawn(draw, folder)


def _measured(name: str, folder: Path, quick: bool) -> dict[str, Any]:
    """Train unless that was done, audit, and say what was found."""
    from hilum.audit.run import audit
    from hilum.audit.subject import Settings
    from hilum.data.manifest import Manifest
    from hilum.screening.bundle import Bundle

    cohort, start = _cohort(name, quick=quick), time.perf_counter()
    place = folder / (f"quick-{name}" if quick else name)
    bundle, films = _trained(cohort, place, folder, quick=quick)
    trained = time.perf_counter()
    found = audit(
        Bundle.load(bundle),
        Manifest.read(films, leaks=True),
        place / "audit",
        settings=Settings(resamples=RESAMPLES),
    )
    verdicts = {result.check: result.outcome.verdict for result in found.results}
    summaries = {result.check: result.outcome.summary for result in found.results}
    fails = [check for check, verdict in verdicts.items() if verdict == "fail"]
    warns = [check for check, verdict in verdicts.items() if verdict == "warn"]
    telling = [*fails, *warns] if cohort.warning_counts else fails
    found_by = [check for check in cohort.meant_for if check in telling]
    return {
        "cohort": name,
        "flaw": cohort.flaw,
        "meant_for": list(cohort.meant_for),
        "found": bool(found_by),
        "found_by": found_by,
        "fails": fails,
        "warns": warns,
        "score": found.headline.to_dict(),
        "score_text": found.headline.text(),
        "verdicts": verdicts,
        "summaries": {
            check: summaries[check]
            for check in (*fails, *warns, *cohort.meant_for)
            if check in summaries
        },
        "films": found.about["films"],
        "seconds": {
            "drawing and training": round(trained - start, 1),
            "audit": round(time.perf_counter() - trained, 1),
            "checks": {result.check: round(result.seconds, 2) for result in found.results},
        },
    }


def _trained(cohort: Cohort, place: Path, folder: Path, *, quick: bool) -> tuple[Path, Path]:
    """Return the bundle and the manifest of a cohort, made anew unless they are there already."""
    from benchmarks.planted.network import train

    mark, wanted = place / "made.json", _digest(cohort)
    if mark.is_file() and json.loads(mark.read_text()) == wanted:
        return place / "bundle", place / "films" / "manifest.csv"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    rng = np.random.default_rng([*cohort.name.encode(), cohort.seed])
    shots = cohort.plant(drawn(cohort.draw, folder), rng)
    manifest = write_cohort(shots, place / "films")
    if quick:
        train(cohort, manifest, place, epochs=2)
    else:
        train(cohort, manifest, place)
    mark.write_text(json.dumps(wanted))
    return place / "bundle", manifest


def _digest(cohort: Cohort) -> dict[str, Any]:
    """Return what a kept network depends on."""
    return {
        "version": PLANTED_VERSION,
        "draw": cohort.draw.name,
        "flaw": cohort.flaw,
        "recipe": repr(cohort.recipe),
        "bundle": cohort.bundle,
    }


def _line(record: dict[str, Any], done: int, total: int) -> str:
    hit = ("found" if record["found"] else "NOT FOUND") if record["flaw"] else "clean"
    fails = ", ".join(record["fails"]) or "nothing"
    seconds = record["seconds"]
    return (
        f"{done}/{total} {record['cohort']}: {hit}; AUROC {record['score_text']}; fails: {fails} "
        f"({seconds['drawing and training']} + {seconds['audit']} s)"
    )


def _write(found: Sequence[dict[str, Any]], command: Sequence[str], seconds: float) -> None:
    planted = [one for one in found if one["flaw"]]
    clean = [one for one in found if not one["flaw"]]
    packages = ("hilum", "torch", "onnxruntime", "numpy", "pillow", "polars")
    values = {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": " ".join(command),
        "cores": os.cpu_count(),
        "seconds": round(seconds),
        "versions": {name: version(name) for name in packages},
        "resamples": RESAMPLES,
        "planted": len(planted),
        "found": sum(one["found"] for one in planted),
        "clean": len(clean),
        "false_alarms": sum(len(one["fails"]) for one in clean),
        "clean_cohorts_with_a_false_alarm": sum(bool(one["fails"]) for one in clean),
        "warnings_on_clean": sum(len(one["warns"]) for one in clean),
        "cohorts": list(found),
    }
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """Run the cohorts named, or a quick pair; only a run of all writes the result."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", nargs="+", metavar="COHORT", choices=[c.name for c in COHORTS])
    parser.add_argument("--quick", action="store_true", help="two small cohorts")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--train-only", action="store_true", help="stop before the audits")
    parser.add_argument("--json", type=Path, help="write the records here")
    given = parser.parse_args()
    names = given.only or (QUICK if given.quick else [cohort.name for cohort in COHORTS])
    if given.train_only:
        prepare(names, given.folder, workers=given.workers)
        return
    found = measure(names, given.folder, quick=given.quick, workers=given.workers)
    Console().print(table(found))
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
