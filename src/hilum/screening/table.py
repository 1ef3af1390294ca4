"""Answers as text for a person: one line a film, then how many of each kind.

Plain text rather than a table library, which would add a tenth of a second to a cold start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hilum.screening.threshold import describe

__all__ = ["printable", "screening_table"]

_LONGEST_NAME = 40


def screening_table(answers: Sequence[Mapping[str, Any]]) -> str:
    """Return the records of `screen_films` as text that ends with "Research use only".

    Args:
        answers: At least one.
    """
    classes = next((list(a["probabilities"]) for a in answers if a["probabilities"]), [])
    rows = [["film", "decision", *classes]]
    rows += [_row(answer, classes) for answer in answers]
    rows = [[printable(cell) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [_heading(answers[0]), ""]
    lines.append(_line(rows[0], widths))
    for row, answer in zip(rows[1:], answers, strict=True):
        lines.append(_line(row, widths))
        lines += [f"    {printable(text)}" for text in _notes(answer)]
    return "\n".join([*lines, "", _totals(answers), "Research use only."])


def printable(text: str) -> str:
    """Return text without control characters, which could rewrite a terminal or forge a line."""
    return "".join(
        letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text
    )


def _heading(answer: Mapping[str, Any]) -> str:
    rule = answer["threshold"]
    return printable(
        f"{answer['bundle_name']} ({answer['bundle'][:12]}), "
        f"threshold {rule['name']}: {describe(rule)}"
    )


def _row(answer: Mapping[str, Any], classes: Sequence[str]) -> list[str]:
    name = Path(answer["path"]).name or answer["path"]
    if len(name) > _LONGEST_NAME:
        name = f"{name[: _LONGEST_NAME - 13]}...{name[-10:]}"
    if answer["probabilities"] is None:
        kind = "failed" if answer["error"] is not None else "refused"
        return [name, kind, *("" for _ in classes)]
    shown = [f"{100 * answer['probabilities'][label]:.1f} %" for label in classes]
    return [name, answer["decision"], *shown]


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    left = [cell.ljust(width) for cell, width in zip(row[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(row[2:], widths[2:], strict=True)]
    return "  ".join([*left, *right]).rstrip()


def _notes(answer: Mapping[str, Any]) -> list[str]:
    found = [f"error: {answer['error']}"] if answer["error"] is not None else []
    found += [f"refused: {reason}" for reason in answer["reasons"]]
    found += [f"note: {warning}" for warning in answer["warnings"]]
    empty = [label for label, nothing in (answer["cam_empty"] or {}).items() if nothing]
    if empty and answer["heatmap"] is not None:
        found.append(f"note: the evidence map is empty for {', '.join(empty)}")
    if answer["heatmap"] is not None:
        found.append(f"heatmap: {answer['heatmap']}")
    return found


def _totals(answers: Sequence[Mapping[str, Any]]) -> str:
    failed = sum(answer["error"] is not None for answer in answers)
    refused = sum(bool(answer["reasons"]) for answer in answers)
    counts = [f"{len(answers)} screened"]
    counts += [f"{refused} refused by the gate"] if refused else []
    counts += [f"{failed} failed"] if failed else []
    return ", ".join(counts) + "."
