"""What an audit comes to: its score beside never looking, its lights, what is left to believe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hilum.report.numbers import estimate_text, n_text
from hilum.report.svg import Drawing, interval_rows
from hilum.report.whole.blocks import Facts
from hilum.report.whole.sheet import Sheet

__all__ = ["ORDER", "audit_facts", "belief", "overview", "score_chart", "worst_first"]

ORDER = ("fail", "warn", "not run", "pass")
"""Worst first; what did not run may hide anything."""

_ABOUT = {
    "bundle_id": "Bundle's id",
    "manifest": "Manifest",
    "manifest_sha256": "Its sha256",
    "split": "Split",
    "taught_films": "Films the model learnt from, looked at",
    "resamples": "Resamples of patients",
    "seed": "Seed",
    "command": "Command",
    "hilum_version": "hilum",
}

Check = Mapping[str, Any]


def worst_first(audit: Mapping[str, Any]) -> list[Check]:
    """Return the checks: those that fail first, then in the order they ran."""
    return sorted(audit["checks"], key=lambda one: ORDER.index(one["verdict"]))


def overview(audit: Mapping[str, Any]) -> Sheet:
    """Return the table of all checks, worst first."""
    return Sheet(
        "Checks, worst first",
        ("check", "verdict", "what was found"),
        [(one["title"], one["verdict"], one["summary"]) for one in worst_first(audit)],
    )


def score_chart(audit: Mapping[str, Any]) -> Drawing:
    """Draw the model's score above that of a rule that only knows each film's source."""
    head, rule = audit["headline"], audit["baseline"]
    rows = [("The model", head)]
    rows += [] if rule is None else [("Never looks: source only", rule)]
    return interval_rows(
        f"{head['name']} of the model and of a rule that never looks",
        rows,
        axis=head["name"],
        references=[("chance", 0.5)],
        strong=frozenset({1}),
    )


def audit_facts(audit: Mapping[str, Any]) -> Facts:
    """Return what was audited: hashes, films, versions, command."""
    about = audit["about"]
    pairs = [
        (title, f"{about[name]}") for name, title in _ABOUT.items() if about.get(name) is not None
    ]
    versions = about.get("versions") or {}
    pairs += [("Versions", ", ".join(f"{name} {value}" for name, value in versions.items()))]
    return Facts([pair for pair in pairs if pair[1]], code=True)


def belief(audit: Mapping[str, Any]) -> list[str]:
    """Return what is left to believe, and what is not, in a few sentences."""
    by = {verdict: [c for c in audit["checks"] if c["verdict"] == verdict] for verdict in ORDER}
    total = len(audit["checks"])
    lines = [_against_the_rule(audit)]
    if found := by["fail"]:
        lines.append(
            f"{_many(found, total)} {_verb(found, 'fail')}: {_titles(found)}. Until "
            f"{'it' if len(found) == 1 else 'each'} is answered, the score is no evidence that the "
            "model reads disease."
        )
    if found := by["warn"]:
        lines.append(
            f"{_many(found, total)} {_verb(found, 'warn')}: {_titles(found)}. Part of the score "
            "may come from there."
        )
    if found := by["not run"]:
        lines.append(
            f"{_many(found, total)} could not run: {_titles(found)}. What "
            f"{'it' if len(found) == 1 else 'they'} would find is not known."
        )
    if found := by["pass"]:
        lines.append(
            f"{_many(found, total)} found nothing on {audit['headline']['n']:,} films. That is no "
            "proof: a weaker flaw may need more films to be seen."
        )
    return [
        *lines,
        "Nothing here speaks of hospitals, machines or people that are not among these films.",
    ]


def _against_the_rule(audit: Mapping[str, Any]) -> str:
    head, rule = audit["headline"], audit["baseline"]
    said = f"The model reaches {head['name']} {estimate_text(head)}"
    if rule is None:
        return (
            f"{said} ({n_text(head)}). What a rule reaches that never looks is not known: the "
            "films' sources are not."
        )
    both = (
        f"{said}, a rule that only knows each film's source {estimate_text(rule)} ({n_text(head)})"
    )
    if rule["estimate"] is None or head["low"] is None:
        return f"{both}. Without limits, neither likeness nor difference is shown."
    if rule["estimate"] >= head["low"]:
        return (
            f"{both}. The rule lies within the model's own limits: the score alone does not show "
            "that the model looks at the lungs."
        )
    return (
        f"{both}. What the rule reaches needs no picture; only the checks can say how much of the "
        "rest is disease."
    )


def _many(checks: Sequence[Check], total: int) -> str:
    return f"{len(checks)} of {total} checks" if total > 1 else "The only check"


def _verb(checks: Sequence[Check], word: str) -> str:
    return f"{word}s" if len(checks) == 1 else word


def _titles(checks: Sequence[Check]) -> str:
    return "; ".join(one["title"] for one in checks)
