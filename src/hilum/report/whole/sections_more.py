"""Calibrations, comparisons, errors and costs as sections."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hilum.report.errors.page import in_words
from hilum.report.numbers import SHARES
from hilum.report.svg import Drawing, interval_rows, reliability_chart
from hilum.report.whole.blocks import Block, Films, Fold, Grid, Prose, Section
from hilum.report.whole.gather import Piece
from hilum.report.whole.sections_audit import film
from hilum.report.whole.sections_confidence import confidence_sheet, sheets_of_points
from hilum.report.whole.sections_evaluation import metric_name
from hilum.report.whole.sheet import Cell, Sheet, Value

__all__ = ["calibration_section", "comparison_section", "cost_section", "errors_section"]

_SHEET_SIDE = 1360
_DRAWN = ("accuracy", "balanced_accuracy", "macro_auroc")
_DRAWN_OF_CLASS = ("recall", "specificity", "auroc")


def calibration_section(piece: Piece, ident: str) -> Section:
    """Return what a calibration did to one bundle."""
    return Section(ident, f"Calibration: {_last(piece.get('bundle'))}", list(_calibration(piece)))


def _last(path: str | None) -> str:
    return path.rstrip("/").rsplit("/", 1)[-1] if path else "a bundle"


def _calibration(piece: Piece) -> Iterator[Block]:
    lines = [f"Logits are divided by a temperature of {piece['temperature']:.4g}."]
    lines += [f"{name.capitalize()}: {piece[name]['verdict']}." for name in ("before", "after")]
    yield Prose(lines, "list")
    if notes := piece.get("notes"):
        yield Prose(notes, "list")
    if bins := piece.get("reliability"):
        pairs = zip(bins["before"], bins["after"], strict=True)
        figures = [
            (reliability_chart(f"{one['label']}, {when}", one, series=series), "")
            for both in pairs
            for one, when, series in zip(both, ("before", "after"), (1, 0), strict=True)
        ]
        yield Grid(figures)
    yield confidence_sheet("Before and after", [piece["before"], piece["after"]])
    yield from sheets_of_points("Thresholds stored", piece["operating_points"])
    if bands := piece.get("abstain_bands"):
        yield _bands(bands)


def _bands(bands: list[dict[str, Any]]) -> Sheet:
    parts = ("abstained", "error", "error_without", "missed", "false_alarms")
    return Sheet(
        "Bands without an answer",
        ("class", "ruled out below", "called from", "no answer", "wrong answers",
         "wrong without the band", "missed", "false alarms"),
        [
            [band["label"], band["low"], band["high"],
             *(Value(band[part], percent=True) for part in parts)]
            for band in bands
        ],
        notes=sorted({f"Bands were {band['chosen_on']}." for band in bands}),
    )  # fmt: skip


def comparison_section(piece: Piece, ident: str) -> Section:
    """Return two models on the same films."""
    title = f"Compared: {piece['a']} and {piece['b']}"
    return Section(ident, title, list(_comparison(piece)))


def _comparison(piece: Piece) -> Iterator[Block]:
    a, b, k = piece["a"], piece["b"], len(piece.get("classes", ()))
    yield Prose([piece["verdict"]], "lead")
    if notes := piece.get("notes"):
        yield Prose(notes, "list")
    yield Grid([(_differences(piece, k), f"Right of 0, {a} is better; left of it, {b}.")])
    rows = [_compared(metric_name(name, k), name, row) for name, row in piece["metrics"].items()]
    rows += [
        _compared(f"{label}: {metric_name(name)}", name, row)
        for label, found in piece["per_class"].items()
        for name, row in found.items()
    ]
    yield Sheet("Both models, and the difference", ("figure", a, b, f"{a} less {b}"), rows)
    d = piece["mcnemar"]
    p = (
        "not defined: they are right on the same films"
        if d["p_value"] is None
        else f"{d['p_value']:.3g}"
    )
    yield Prose(
        [
            (
                f"Films on which only {a} is right: {d['only_a']:,}; only {b}: {d['only_b']:,}; "
                f"both {d['both_right']:,}; neither {d['both_wrong']:,}; n {d['n']:,} films of "
                f"{d['patients']:,} patients. {d['method']}: p = {p}."
            )
        ]
    )
    yield Prose([f"Limits: {(piece.get('intervals') or {}).get('method', 'not said')}"], "soft")


def _differences(piece: Piece, k: int) -> Drawing:
    found = [(metric_name(name, k), piece["metrics"].get(name)) for name in _DRAWN]
    for label, row in piece["per_class"].items():
        found += [(f"{label}: {metric_name(name)}", row.get(name)) for name in _DRAWN_OF_CLASS]
    rows = [(label, values["a_minus_b"]) for label, values in found if values is not None]
    ends = [
        abs(value[part])
        for _, value in rows
        for part in ("estimate", "low", "high")
        if value[part] is not None
    ]
    reach = min(1.0, 1.1 * max([0.01, *ends]))
    return interval_rows(
        f"{piece['a']} less {piece['b']}",
        rows,
        axis="difference",
        limits=(-reach, reach),
        references=[("no difference", 0.0)],
    )


def _compared(title: str, name: str, row: Mapping[str, Any]) -> list[Cell]:
    percent = name in SHARES
    return [
        title,
        Value(row["a"], percent=percent),
        Value(row["b"], percent=percent),
        Value(row["a_minus_b"], percent=percent, signed=True),
    ]


def errors_section(piece: Piece, ident: str) -> Section:
    """Return the films called wrongly: which for which, in which groups, and how they look."""
    return Section(
        ident, f"Errors: {piece.get('title', 'films called wrongly')}", list(_errors(piece))
    )


def _errors(piece: Piece) -> Iterator[Block]:
    yield Prose(in_words(piece.values), "list")
    yield Sheet(
        "Which for which",
        ("true class", "called", "films", "patients", "of the class", "share"),
        [
            [row["true"], row["called"], row["images"], row["patients"], row["of"],
             row["images"] / row["of"]]
            for row in piece["confusions"]
        ],
        notes=("Shares of the true class have no limits of their own; those of recall do.",),
        forms={"share": ".1%"},
    )  # fmt: skip
    if groups := piece["groups"]:
        yield _tests(groups)
        yield Fold("Error rates of every group", [_rates(groups)])
    picture = piece.folder / "films.png"
    if picture.is_file():
        caption = f"The {len(piece.get('films', ()))} films most confidently wrong, of "
        caption += f"{piece['errors']['wrong']:,}; larger ones, with maps, are in {_page(piece)}."
        yield Films([film(picture, caption, _SHEET_SIDE)], wide=True)


def _page(piece: Piece) -> str:
    return f"{piece.folder.name}/index.html"


def _tests(groups: list[dict[str, Any]]) -> Sheet:
    rows: list[list[Cell]] = [
        [
            group["column"],
            len(group["values"]),
            sum(row["images"] for row in group["values"]),
            group["p_value"],
            group["p_holm"],
            _remark(group),
        ]
        for group in groups
    ]
    return Sheet(
        "Do errors gather?",
        ("property", "values", "films", "p", "p, adjusted", "remark"),
        rows,
        notes=("Tested within true classes by moving patients; adjusted by Holm's method.",),
        forms={"p": ".3g", "p, adjusted": ".3g"},
    )


def _remark(group: Mapping[str, Any]) -> str:
    if group["p_holm"] is None:
        return f"not tested: {group['reason']}"
    return "errors gather" if group["p_holm"] < 0.05 else "no difference can be shown"


def _rates(groups: list[dict[str, Any]]) -> Sheet:
    rows: list[list[Cell]] = [
        [
            group["column"],
            row["value"],
            row["wrong"],
            Value(_rate(row), percent=True),
            row["expected"],
        ]
        for group in groups
        for row in group["values"]
    ]
    return Sheet(
        "Error rates",
        ("property", "value", "wrong", "rate", "classes would give"),
        rows,
        notes=("Classes would give: the rate of as many films of these true classes.",),
        forms={"classes would give": ".1%"},
    )


def _rate(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "estimate": row["rate"],
        "low": row["low"],
        "high": row["high"],
        "n": row["images"],
        "patients": row["patients"],
        "method": "Wilson, as many images as the patients' vary like",
        "reason": None if row["low"] is not None else "no limits: one patient",
    }


def cost_section(piece: Piece, ident: str) -> Section:
    """Return what models cost to run."""
    machine = piece["machine"]
    first = piece["models"][0]["cpu"] if piece["models"] else {"rounds": 0}
    load = " and ".join(f"{value}" for value in machine.get("load_before_and_after", ()))
    told = (
        f"Median, and fastest to slowest, of n {first['rounds']} pictures one at a time, all "
        f"models in turn: {machine.get('processor', 'an unknown processor')}, "
        f"{machine.get('threads')} threads, ONNX Runtime {machine.get('onnxruntime')}. Processes "
        f"that wanted a core before and after: {load or 'not known'}. Times of other runs do not "
        "compare."
    )
    rows: list[list[Cell]] = [
        [
            model["name"] + ("" if model["trained"] else " (untrained)"),
            model["architecture"],
            model["size"],
            model["parameters"],
            model["multiply_adds"],
            _times(model["cpu"]),
            _times(model["cpu_with_maps"]),
            _times(model["gpu"]),
            model["memory_bytes"],
            model["model_bytes"],
            model["cpu"]["rounds"],
        ]
        for model in piece["models"]
    ]
    heads = ("model", "network", "pixels a side", "parameters", "multiply-adds", "CPU, ms",
             "CPU with maps, ms", "GPU, ms", "memory, bytes", "file, bytes", "n")  # fmt: skip
    return Section(
        ident, "What it costs to run", [Prose([told], "soft"), Sheet("Costs", heads, rows)]
    )


def _times(times: Mapping[str, Any] | None) -> str:
    if times is None:
        return "not measured"
    return f"{times['median_ms']:.1f} ({times['low_ms']:.1f} to {times['high_ms']:.1f})"
