"""A paper's printed figures and those measured here, as one picture.

One row a network, one panel a figure; what was printed, what was measured as published and
repaired, each with its limits, and the rule that never looks as a line through all of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hilum.report.drawing import GREY, INK, Target, blank, quiet, save

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["reproduction_picture"]

_MOST_PANELS = 3
_STYLE = {
    "printed": ("D", "none", INK),
    "published": ("s", "#D55E00", "#D55E00"),
    "repaired": ("o", "#0072B2", "#0072B2"),
}
_NAMES = {
    "printed": "printed in the paper",
    "published": "as published, measured",
    "repaired": "repaired, measured",
}


def reproduction_picture(found: Mapping[str, Any], out: Target) -> None:
    """Draw what was printed beside what was measured.

    Args:
        found: The contents of a results.json.
        out: PNG file to write, or an open binary file.
    """
    networks = list(dict.fromkeys(row["network"] for row in found["rows"]))
    metrics = _chosen(found)
    figure = blank(2.4 + 2.3 * len(metrics), 1.9 + 0.5 * len(networks))
    panels = figure.subplots(1, len(metrics), sharey=True, squeeze=False)[0]
    for axes, metric in zip(panels, metrics, strict=True):
        _panel(axes, found, networks, metric)
    names = {row["network"]: row["row"] or row["network"] for row in found["rows"]}
    panels[0].set_yticks(range(len(networks)), [names[name] for name in networks], fontsize=8)
    panels[0].set_ylim(len(networks) - 0.4, -0.6)
    figure.suptitle(f"{found['title']}\n{_scale(found)}", fontsize=9)
    handles, labels = panels[0].get_legend_handles_labels()
    unique = dict(zip(labels, handles, strict=True))
    figure.legend(
        unique.values(), unique, loc="outside lower left", ncols=2, fontsize=8, frameon=False
    )
    save(figure, out)


def _chosen(found: Mapping[str, Any]) -> list[str]:
    """Return the metrics drawn: the paper's first, that of the disease, and the mean AUROC."""
    there = list(found["baseline"]["metrics"])
    firsts = [name for name in ("macro_f1", "accuracy") if name in there][:1]
    disease = [name for name in there if name in ("recall_covid", "recall_positive")]
    return [*firsts, *disease, "macro_auroc"]


def _panel(axes: Axes, found: Mapping[str, Any], networks: list[str], metric: str) -> None:
    rule = found["baseline"]["metrics"][metric]
    if rule["estimate"] is not None:
        axes.axvline(
            rule["estimate"], color=GREY, linestyle="--", linewidth=1.2, label="never looks"
        )
        if rule["low"] is not None and rule["high"] is not None:
            axes.axvspan(rule["low"], rule["high"], color=GREY, alpha=0.12, linewidth=0)
    for place, name in enumerate(networks):
        rows = {row["variant"]: row for row in found["rows"] if row["network"] == name}
        told = _share(next(iter(rows.values()))["printed"].get(metric))
        if told is not None:
            _mark(axes, "printed", {"estimate": told}, place - 0.22)
        for offset, variant in ((0.0, "published"), (0.22, "repaired")):
            if variant in rows and rows[variant]["metrics"][metric]["estimate"] is not None:
                _mark(axes, variant, rows[variant]["metrics"][metric], place + offset)
    axes.set_xlim(-0.02, 1.02)
    axes.set_title(metric.replace("_", " ").replace("auroc", "AUROC"), fontsize=9)
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(axis="x", alpha=0.25)
    quiet(axes)


def _mark(axes: Axes, kind: str, value: Mapping[str, Any], place: float) -> None:
    shape, fill, edge = _STYLE[kind]
    if value.get("low") is not None and value.get("high") is not None:
        axes.hlines(place, value["low"], value["high"], color=edge, linewidth=1.6)
    axes.scatter(
        value["estimate"],
        place,
        marker=shape,
        facecolor=fill,
        edgecolor=edge,
        s=26,
        zorder=3,
        label=_NAMES[kind],
    )


def _share(printed: str | None) -> float | None:
    """Read a printed figure as a share.

    >>> _share("95.3 % ± 0.02"), _share("0.979"), _share(None)
    (0.953, 0.979, None)
    """
    match = re.match(r"([0-9.]+)( %)?", printed or "")
    if match is None:
        return None
    value = float(match[1])
    return value / 100 if match[2] or value > 1 else value


def _scale(found: Mapping[str, Any]) -> str:
    n = found["baseline"]["metrics"]["accuracy"]["n"]
    told = {
        name: ", ".join(sorted({str(row["about"][name]) for row in found["rows"]}, key=int))
        for name in ("pixels", "epochs")
    }
    return (
        f"{n:,} test films; {told['pixels']} pixels, {told['epochs']} epochs; 95 % limits over "
        "patients"
    )
