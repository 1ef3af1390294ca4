"""The lung segmenter's card: what a person should read before believing its masks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hilum.screening.record import BundleRecord

__all__ = ["segmenter_card"]

_WHAT = """\
A small U-Net that outlines the lungs on frontal chest radiographs, so that an audit can black them
out or look at nothing else. The outline takes in the lung behind the heart, as on the masks it
learnt from. It measures no lung and finds no disease."""

_LIMITS = """\
- Masks drawn by people exist for one source only. On other sources nobody has measured it; masks
  there were looked at by eye (docs/lungs.md says how many were wrong).
- The drawn masks are rough in places, and the figures cannot be better than they are.
- Figures on phantoms say that it works on phantoms. They are drawings.
- A mask that is called poor is not to be used. One that is called good may still be wrong."""


def segmenter_card(record: BundleRecord) -> str:
    """Return the card of a lung segmenter, in Markdown, from its record and nothing else.

    Args:
        record: What the bundle says of itself.
    """
    how = record.preprocessing
    sections = (
        ("Intended use", record.intended_use),
        ("What it is", _WHAT),
        (
            "How a film becomes input",
            (
                f"The whole film (`{how.square}`), {how.size} pixels a side, equalisation "
                f"`{how.equalization}`; done by hilum. Its mirror image is looked at, too."
            ),
        ),
        ("Training data", _bullets(record.training)),
        ("Measured on films that it did not learn from", _dice_table(record.measured)),
        ("Pictures that show no two upright lungs, called poor", _called_poor(record.measured)),
        ("When a mask is called poor", _limits_table(record.gate)),
        ("Limits", _LIMITS),
        ("Versions", _bullets(record.versions)),
        ("Licence", record.licence),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# {record.name}\n\n**Research use only.**\n\n{body}\n"


def _bullets(values: Mapping[str, Any]) -> str:
    return "\n".join(f"- {key}: {_inline(value)}" for key, value in values.items())


def _inline(value: Any) -> str:
    if isinstance(value, list | tuple):
        return " ".join(str(entry) for entry in value)
    return str(value)


def _dice_table(measured: Mapping[str, Any]) -> str:
    lines = [
        "| source | films | patients or subjects | Dice (95 %) | IoU (95 %) | worst | poor |",
        "| --- | ---: | ---: | --- | --- | ---: | ---: |",
    ]
    for source, row in measured.get("dice_by_source", {}).items():
        people = row.get("patients", row.get("subjects"))
        lines.append(
            f"| {source} | {row['films']} | {people} | {_span(row['dice'])} | "
            f"{_span(row['iou'])} | {row['least_dice']:.3f} | {row['called_poor']} |"
        )
    return "\n".join(lines) if len(lines) > 2 else "Nothing was measured."


def _span(value: Mapping[str, Any]) -> str:
    if value["value"] is None:
        return "undefined"
    if value["low"] is None:
        return f"{value['value']:.3f}"
    return f"{value['value']:.3f} ({value['low']:.3f} to {value['high']:.3f})"


def _called_poor(measured: Mapping[str, Any]) -> str:
    return _bullets(measured.get("called_poor", {})) or "Nothing was measured."


def _limits_table(gate: Mapping[str, Any]) -> str:
    limits = gate.get("mask_limits", {})
    least, most = limits.get("least", {}), limits.get("most", {})
    lines = [f"Limits from {gate.get('from', 'nothing')}.", "", "| figure | least | most |"]
    lines.append("| --- | ---: | ---: |")
    names = sorted({*least, *most})
    rows = (f"| {name} | {least.get(name, '')} | {most.get(name, '')} |" for name in names)
    return "\n".join([*lines, *rows])
