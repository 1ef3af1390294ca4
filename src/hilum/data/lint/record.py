"""What lint finds: one record a fault, and the report that holds them all.

Kept apart from the rules so that whoever finds faults, in the table or in the images, and whoever
shows them need only this.

Codes: H1xx the table itself, H2xx patients and splits, H3xx labels, H4xx sources and what gives the
label away, H5xx what should not be in a set of chest films, H6xx the image files, H7xx the ids a
split was made from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hilum.data.atomic import replacing

__all__ = ["ROWS_KEPT", "SEVERITIES", "Finding", "LintReport", "Severity"]

Severity = Literal["error", "warning", "note"]
"""error: would falsify a result. warning: may, look at it. note: a reader should know."""

SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")

ROWS_KEPT = 10_000
"""Row numbers kept of one finding; `count` counts them all."""

_SHOWN = 5
_HEADINGS = {
    "error": "ERRORS: each of these would falsify a result",
    "warning": "WARNINGS: look at these before trusting a result",
    "note": "NOTES: what a reader of any result should know",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault, everywhere it was found."""

    code: str
    """H and three digits; the first names the family, see the module's text."""

    severity: Severity

    title: str
    """What was found, with the number, in one line without a full stop."""

    count: int
    """How many: rows, patients, sources or whatever the title counts; at least 1."""

    examples: tuple[str, ...] = ()
    """Some of them, as a person would look for them, with their rows; the text shows five."""

    why: str
    """One sentence: why it matters."""

    cure: str
    """One sentence: what to do."""

    said_by: str = ""
    """Paper or thread in which it was reported; empty if none."""

    rows: tuple[int, ...] = ()
    """Row numbers in the manifest (a CSV's header is row 1), the first `ROWS_KEPT` of them."""

    def __post_init__(self) -> None:
        if self.severity not in SEVERITIES:
            raise ValueError(f"severity must be one of {SEVERITIES}, got {self.severity!r}")
        if self.count < 1:
            raise ValueError(f"A finding must count at least 1, got {self.count} for {self.code}")
        object.__setattr__(self, "rows", tuple(self.rows[:ROWS_KEPT]))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Yield what a person should read."""
        yield f"{self.code} {self.title}"
        yield from (f"     - {example}" for example in self.examples[:_SHOWN])
        if self.rows and self.count > len(self.examples[:_SHOWN]) > 0:
            yield f"     ... {self.count:,} in all"
        yield f"     why: {self.why}"
        yield f"     do:  {self.cure}"
        if self.said_by:
            yield f"     see: {self.said_by}"


@dataclass(frozen=True, slots=True)
class LintReport:
    """Everything that lint found in one table.

    Args:
        name: The manifest, as the reader knows it.
        images: Rows looked at.
        findings: In the order they are shown: errors, warnings, notes.
        skipped: What was not looked at, and why, one sentence each.
    """

    name: str
    images: int
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, name: str, images: int, findings: Sequence[Finding], skipped: Sequence[str] = ()
    ) -> LintReport:
        """Put findings in order: the gravest first, then by code."""
        order = sorted(findings, key=lambda one: (SEVERITIES.index(one.severity), one.code))
        return cls(name, images, tuple(order), tuple(skipped))

    @property
    def falsifies(self) -> bool:
        """Whether something was found that would falsify a result."""
        return any(finding.severity == "error" for finding in self.findings)

    def counts(self) -> dict[Severity, int]:
        """Return the number of findings of each severity."""
        return {
            severity: sum(finding.severity == severity for finding in self.findings)
            for severity in SEVERITIES
        }

    @property
    def verdict(self) -> str:
        """One sentence: whether a result on these images can be believed."""
        counts = self.counts()
        if counts["error"]:
            worst = [one.title for one in self.findings if one.severity == "error"]
            more = f", and {len(worst) - 1} more" if len(worst) > 1 else ""
            return f"No score on these images can be believed as it stands: {worst[0]}{more}."
        if counts["warning"]:
            return (
                "Nothing was found that makes every score false, but "
                f"{counts['warning']} warning(s) must be looked at first."
            )
        return "Nothing was found that would falsify a result on these images."

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "manifest": self.name,
            "images": self.images,
            "falsifies": self.falsifies,
            "verdict": self.verdict,
            "counts": self.counts(),
            "findings": [finding.to_dict() for finding in self.findings],
            "skipped": list(self.skipped),
        }

    def write(self, path: Path) -> None:
        """Write everything as JSON, whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
            file.write(text.encode() + b"\n")

    def text(self) -> str:
        """Return what a person should read; ends with the verdict."""
        counts = ", ".join(
            f"{count} {severity}{'s' if count != 1 else ''}"
            for severity, count in self.counts().items()
        )
        lines = [f"{self.name}: {self.images:,} images, {counts}"]
        for severity in SEVERITIES:
            found = [finding for finding in self.findings if finding.severity == severity]
            if found:
                lines += ["", _HEADINGS[severity]]
            for finding in found:
                lines += finding.lines()
        lines += ["", *(f"not looked at: {what}" for what in self.skipped), self.verdict]
        return "\n".join(lines) + "\n"
