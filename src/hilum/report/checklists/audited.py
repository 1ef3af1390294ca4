"""What an audit says to an item, by what its checks are about.

Checks are known by the words of their names, so that a check added later is found without a list
here that must be kept equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from hilum.report.checklists.answer import (
    Answer,
    Facts,
    listed,
    look,
    not_reported,
    partly,
    reported,
    sentence,
)

__all__ = ["audited", "checks_about"]

_NO_AUDIT = "Give an audit (`hilum audit`)."

_STEMS: dict[str, tuple[str, ...]] = {
    "maps": ("heatmap", "map", "maps", "randomis", "explan"),
    "leaks": ("duplicate", "across", "leak"),
    "elsewhere": ("leave",),
    "people": ("subgroup", "people", "sex", "age"),
    "clusters": ("each", "hospital", "site", "device"),
    "change": (
        "shift", "jpeg", "grey", "gray", "resolution", "scale", "stabil", "blur",
        "lung", "border", "corner", "centre", "center", "marker", "text", "strip", "mask",
    ),
}  # fmt: skip
"""How the words of a check's name begin, by what it is about; the first that fits counts."""


def checks_about(facts: Facts, *subjects: str) -> list[Mapping[str, Any]]:
    """Return the checks of the audit about some subjects, by the words of their names."""
    checks = look(facts, "audit.checks") or []
    return [check for check in checks if _subject(str(check.get("check", ""))) in subjects]


def _subject(name: str) -> str:
    words = name.split("-")
    fitting = (s for s, stems in _STEMS.items() if any(_begins(word, stems) for word in words))
    return next(fitting, "")


def _begins(word: str, stems: Iterable[str]) -> bool:
    """Say whether a word is one of short stems, or begins with one of the longer ones."""
    return any(word == stem or (len(stem) > 3 and word.startswith(stem)) for stem in stems)


def audited(facts: Facts, *subjects: str, missing: str = "") -> Answer:
    """Answer from the checks about some subjects that ran."""
    if not facts["audit"]:
        return not_reported(_NO_AUDIT)
    checks = checks_about(facts, *subjects)
    ran = [check for check in checks if check.get("verdict") != "not run"]
    idle = [str(check.get("title")) for check in checks if check not in ran]
    left = sentence(missing, f"Not run: {listed(idle)}" if idle else "")
    if not ran:
        return not_reported(sentence("No check of the audit about this ran", left))
    text = sentence(
        *(f"{c.get('title')} ({c.get('verdict')}): {c.get('summary', '')}" for c in ran)
    )
    return partly(text, left) if left else reported(text)
