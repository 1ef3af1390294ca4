"""The first page: headline figures beside never looking, the audit's lights, and the limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hilum.report.numbers import estimate_text, signed_text, why_no_limits
from hilum.report.svg import Drawing, interval_rows
from hilum.report.whole.blocks import Block, Grid, Lights, Prose, Section
from hilum.report.whole.evaluated import Evaluated
from hilum.report.whole.gather import Found, Piece
from hilum.report.whole.papers import Paper
from hilum.report.whole.verdicts import belief, worst_first

__all__ = ["front_sections"]

_RULES = {
    "source_majority": "Never looks: source only",
    "overall_majority": "Never looks: one class",
}
_CHANCE = 0.5
_MOST_FINDINGS = 6


def front_sections(
    found: Found, evaluations: Sequence[Evaluated], papers: Sequence[Paper]
) -> Iterator[Section]:
    """Return what a reader in a hurry needs.

    Args:
        found: What folders hold.
        evaluations: Those of the report.
        papers: What is known of each model.
    """
    shown = [one for one in evaluations if one.values.get("split") != "val"] or evaluations
    for number, one in enumerate(shown, start=1):
        yield Section(f"headline-{number}", one.name, list(_headline(one)))
    if not evaluations and not found.audits:
        yield Section("headline-0", "No score", [Prose([_NO_SCORE])])
    for number, audit in enumerate(found.audits, start=1):
        name = audit["about"].get("bundle", "the model")
        yield Section(f"lights-{number}", f"Is the score real? {name}", list(_lights(audit)))
    if not found.audits and evaluations:
        yield Section("lights-0", "Is the score real?", [Prose([_NO_AUDIT])])
    yield Section("limits", "Limits", [Prose(list(_limits(found, evaluations, papers)), "list")])


_NO_SCORE = (
    "Nothing here says how good a model is: no evaluation was found. `hilum evaluate --out` makes "
    "one."
)
_NO_AUDIT = (
    "Not known: no audit was found, so nothing here tells whether the score comes from disease or "
    "from the hospital, a marker or a copy of a training film. `hilum audit` asks."
)


def _headline(one: Evaluated) -> Iterator[Block]:
    values = one.values
    key, name = one.headline
    counts = ", ".join(f"{k} {v:,}" for k, v in (values.get("class_counts") or {}).items())
    yield Prose(
        [
            (
                f"{name[0].upper()}{name[1:]} {_said(values['metrics'][key])}, accuracy "
                f"{_said(values['metrics']['accuracy'], percent=True)}, on {values['n_images']:,} "
                f"films of {values['n_patients']:,} patients{f' ({counts})' if counts else ''}."
            )
        ],
        "lead",
    )
    yield Prose([_beside(one)], "lead")
    yield Grid(
        [
            (_chart(one, key, name, [("chance", _CHANCE)]), ""),
            (_chart(one, "accuracy", "accuracy", []), ""),
        ]
    )


def _said(value: Mapping[str, Any], *, percent: bool = False) -> str:
    text = estimate_text(value, percent=percent)
    why = why_no_limits(value)
    return f"{text} ({why})" if why else text


def _beside(one: Evaluated) -> str:
    key, name = one.headline
    rule = one.baseline
    if not rule["available"] or key not in rule["metrics"]:
        return "What a rule scores that never looks at a film is not known: sources are not given."
    metrics, gain = rule["metrics"], rule["model_minus_baseline"]
    title = str(rule["title"]).removeprefix("Never looks: ")
    told = (
        f"A rule that never looks ({title}) reaches {name} {_said(metrics[key])} and accuracy "
        f"{_said(metrics['accuracy'], percent=True)}."
    )
    if "accuracy" not in gain:
        return told
    more = gain["accuracy"]
    return f"{told} Looking adds {signed_text(more, percent=True)} of accuracy{_worth(more)}."


def _worth(more: Mapping[str, Any]) -> str:
    if more["low"] is None or more["high"] is None:
        return f"; {why_no_limits(more)}"
    if more["low"] > 0:
        return ""
    return ", which may be nothing at all" if more["high"] > 0 else ": it is worse than not looking"


def _chart(one: Evaluated, key: str, name: str, references: Sequence[tuple[str, float]]) -> Drawing:
    rows = [("The model", one.values["metrics"][key])]
    for rule, label in _RULES.items():
        found = one.values["baselines"].get(rule) or {}
        if found.get("available") and key in found["metrics"]:
            rows.append((label, found["metrics"][key]))
    title = f"{name[0].upper()}{name[1:]}"
    strong = frozenset(range(1, len(rows)))
    return interval_rows(title, rows, axis=name, references=references, strong=strong)


def _lights(audit: Piece) -> Iterator[Block]:
    yield Lights(audit["counts"])
    yield Prose(belief(audit.values), "list")
    bad = [c for c in worst_first(audit.values) if c["verdict"] in ("fail", "warn")]
    if bad:
        lines = [f"{c['title']} ({c['verdict']}): {c['summary']}" for c in bad[:_MOST_FINDINGS]]
        left = len(bad) - _MOST_FINDINGS
        lines += [f"{left} more are below."] if left > 0 else []
        yield Prose(["What it found:"])
        yield Prose(lines, "list")


def _limits(
    found: Found, evaluations: Sequence[Evaluated], papers: Sequence[Paper]
) -> Iterator[str]:
    said: list[str] = []
    for one in evaluations:
        said += [f"{one.name}: {note}" for note in one.values.get("notes") or []]
        if one.missing:
            said.append(f"{one.name}: no curves are drawn, as {one.missing}.")
        sure = (one.values.get("calibration") or [None])[0]
        said += [f"{one.name}: {sure['verdict']}."] if sure else []
    said += [
        f"Training {run['name']} is not finished." for run in found.runs if not run.get("finished")
    ]
    for paper in papers:
        said += [f"{paper.name}: {caveat}" for caveat in paper.facts["caveats"]]
    said += found.notes
    said.append(
        "Every figure is of the films counted beside it; another hospital, another machine, other "
        "people or another mix of diseases may give quite another."
    )
    yield from dict.fromkeys(said)
