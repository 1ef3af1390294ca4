"""A paper's table beside what was measured: printed, recomputed, as published, repaired.

The first row is the rule that never looks. Figures measured here have their interval; of the
printed ones there is only what was printed.
"""

from __future__ import annotations

from collections.abc import Iterator

from hilum.evaluation.record import RESEARCH_USE
from hilum.reproduce.published_tables import published
from hilum.reproduce.results import Reproduction, Row

__all__ = ["side_by_side"]


def side_by_side(result: Reproduction) -> str:
    """Return Markdown: one table a metric group, one line a network and figure.

    Args:
        result: What was trained; rows of the same network stand beside each other.
    """
    lines = [f"# {result.paper.title}", "", result.paper.citation, ""]
    lines += [f"{RESEARCH_USE}", "", *_scale(result), ""]
    lines += ["| network | figure | printed | recomputed | as published | repaired | n |"]
    lines += ["| --- | --- | ---: | ---: | ---: | ---: | ---: |", *_baseline(result)]
    for name in dict.fromkeys(row.network for row in result.rows):
        lines += _network(result, name)
    lines += ["", *_folds(result), *_faults(result), *_calibration(result)]
    lines += [f"- {note}" for note in result.about["notes"]]
    return "\n".join(lines).rstrip() + "\n"


def _scale(result: Reproduction) -> Iterator[str]:
    command = " ".join(["hilum", *result.about["command"][1:]])
    yield f"Made by `{command}`."
    yield ""
    yield "| network | variant | epochs (best) | pixels | batch | parameters | minutes |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for row in result.rows:
        about = row.about
        best = f" ({about['best_epoch']})" if "best_epoch" in about else ""
        minutes = f"{about['seconds'] / 60:.1f}" if "seconds" in about else ""
        yield (
            f"| {row.network} | {row.variant} | {about['epochs']}{best} | {about['pixels']} | "
            f"{about['batch_size']} | {about['parameters']:,} | {minutes} |"
        )


def _baseline(result: Reproduction) -> Iterator[str]:
    for metric, value in result.baseline.metrics.items():
        yield f"| {result.baseline.row} | {metric} | | | {value.text()} | | {value.n:,} |"


def _network(result: Reproduction, name: str) -> Iterator[str]:
    rows = {row.variant: row for row in result.rows if row.network == name}
    shown = [rows[variant] for variant in ("published", "repaired") if variant in rows]
    if not shown:
        return
    for metric in shown[0].metrics:
        printed, recomputed = published(result.paper.name).lookup(shown[0].row, metric)
        cells = [_text(rows.get(variant), metric) for variant in ("published", "repaired")]
        counts = dict.fromkeys(f"{row.metrics[metric].n:,}" for row in shown)
        yield (
            f"| {shown[0].row or name} | {metric} | {printed or ''} | "
            f"{'' if recomputed is None else f'{recomputed:.3f}'} | {cells[0]} | {cells[1]} | "
            f"{' / '.join(counts)} |"
        )


def _text(row: Row | None, metric: str) -> str:
    return "" if row is None else row.metrics[metric].text()


def _folds(result: Reproduction) -> Iterator[str]:
    """Set the folds of a cross-validation beside each other."""
    rows = [row for row in result.rows if "folds" in row.about]
    if not rows:
        return
    yield "## Fold by fold"
    yield ""
    yield (
        "Mean and standard deviation over the folds. The deviation says how much folds differ, not "
        "how sure the mean is: their training sets overlap. Limits above are over patients, pooled."
    )
    yield ""
    count = max(len(spread["values"]) for row in rows for spread in row.about["folds"].values())
    yield (
        "| network | variant | figure | "
        + " | ".join([*(f"fold {fold}" for fold in range(1, count + 1)), "mean", "deviation"])
        + " |"
    )
    yield "| --- | --- | --- |" + " ---: |" * (count + 2)
    for row in rows:
        for metric in row.metrics:
            spread = row.about["folds"].get(metric)
            if spread is None:
                continue
            values = [_three(value) for value in spread["values"]]
            cells = [*values, _three(spread["mean"]), _three(spread["deviation"])]
            yield f"| {row.network} | {row.variant} | {metric} | {' | '.join(cells)} |"
    yield ""


def _three(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _faults(result: Reproduction) -> Iterator[str]:
    """Set each fault beside the repaired run it was brought back into."""
    base = next(
        (r for r in result.rows if (r.network, r.variant) == (result.paper.fault_base, "repaired")),
        None,
    )
    priced = {fault.name: fault for fault in result.paper.faults}
    rows = [row for row in result.rows if row.variant in priced]
    if base is None or not rows:
        return
    metrics = ("accuracy", "macro_auroc", *result.paper.metrics[1:4])
    yield f"## What each fault is worth, in {base.network}"
    yield ""
    yield "| run | " + " | ".join(metrics) + " |"
    yield "| --- |" + " ---: |" * len(metrics)
    for row in (base, *rows):
        what = "none" if row is base else priced[row.variant].what
        yield f"| {what} | " + " | ".join(row.metrics[metric].text() for metric in metrics) + " |"
    yield ""


def _calibration(result: Reproduction) -> Iterator[str]:
    rows = [row for row in result.rows if "calibration" in row.about]
    if not rows:
        return
    yield "## Temperature"
    yield ""
    yield (
        "Negative log-likelihood on the test films: as trained, with the temperature fitted on the "
        "split that chose the weights, and fitted on the test films themselves, which flatters."
    )
    yield ""
    yield "| network | variant | T | T on test | as trained | calibrated | on test |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | ---: |"
    for row in rows:
        found = row.about["calibration"]
        yield (
            f"| {row.network} | {row.variant} | {found['temperature']:.2f} | "
            f"{found['temperature_on_test']:.2f} | {found['nll']:.3f} | "
            f"{found['nll_calibrated']:.3f} | {found['nll_calibrated_on_test']:.3f} |"
        )
    yield ""
