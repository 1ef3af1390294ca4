"""A checklist filled from facts: as a dict, as Markdown, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hilum.evaluation.record import RESEARCH_USE
from hilum.report.checklists.answer import STATUSES, Answer, Facts, Status
from hilum.report.checklists.items import Checklist, Item, load_checklist
from hilum.report.checklists.topics import TOPICS

__all__ = ["COLUMNS", "Filled", "FilledItem", "fill"]

COLUMNS = ("checklist", "item", "section", "title", "asks", "status", "text", "missing", "who")
"""Of the rows for a table."""

_NEVER = "Nothing a program records can say this."
_OWN_WORDS = (
    "Numbers and topics follow the published checklist; the sentences are hilum's own and do not "
    "replace it. A status says what was recorded, not that it was done well."
)


@dataclass(frozen=True, slots=True)
class FilledItem:
    """One item and what is known of it."""

    item: Item
    answer: Answer

    @property
    def open(self) -> bool:
        """Whether a person has something to write."""
        return self.answer.status in ("partly", "not reported")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "item": self.item.number,
            "section": self.item.section,
            "title": self.item.title,
            "asks": self.item.asks,
            "applies": self.item.applies,
            "status": self.answer.status,
            "text": self.answer.text,
            "missing": self.answer.missing,
            "who": list(self.item.who) if self.open else [],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A checklist and what is known of each item."""

    checklist: Checklist
    items: tuple[FilledItem, ...]
    caveats: tuple[str, ...]
    """What a reader must know before believing any item."""

    subject: str
    """What it was filled for: the model's name and id."""

    def count(self, status: Status) -> int:
        """Return how many items have a status."""
        return sum(item.answer.status == status for item in self.items)

    def open_by_person(self) -> dict[str, dict[str, list[str]]]:
        """Return the open items' numbers by who must write them: `not reported` and `partly`."""
        found: dict[str, dict[str, list[str]]] = {}
        for entry in self.items:
            if entry.open:
                for person in entry.item.who:
                    row = found.setdefault(person, {"not reported": [], "partly": []})
                    row[entry.answer.status].append(entry.item.number)
        return dict(sorted(found.items()))

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "use": RESEARCH_USE,
            "checklist": self.checklist.name,
            "title": self.checklist.title,
            "about": self.checklist.about,
            "citation": self.checklist.citation,
            "wording": _OWN_WORDS,
            "verified": [entry.model_dump() for entry in self.checklist.verified],
            "subject": self.subject,
            "caveats": list(self.caveats),
            "counts": {status: self.count(status) for status in STATUSES},
            "open": self.open_by_person(),
            "items": [item.to_dict() for item in self.items],
        }

    def csv_rows(self) -> list[dict[str, str]]:
        """Return a row an item, keys as in `COLUMNS`; no cell begins a formula."""
        return [
            {
                name: _harmless(text)
                for name, text in zip(COLUMNS, _cells(self.checklist, entry), strict=True)
            }
            for entry in self.items
        ]

    def markdown(self) -> str:
        """Return the checklist as Markdown."""
        return "\n".join([*_opening(self), *_to_do(self), *_sections(self)]) + "\n"


def fill(checklist: str | Checklist, facts: Facts) -> Filled:
    """Fill a checklist from facts; what they do not say stays open.

    Args:
        checklist: One of `CHECKLISTS` by name, or one that was loaded.
        facts: What `gather_facts` returned.

    Raises:
        ConfigError: If there is no checklist of that name.
    """
    chosen = load_checklist(checklist) if isinstance(checklist, str) else checklist
    model = facts["model"] or {}
    name, digest = model.get("name"), model.get("id")
    return Filled(
        checklist=chosen,
        items=tuple(FilledItem(item, _answer(item, facts)) for item in chosen.items),
        caveats=tuple(facts["caveats"]),
        subject=f"{name or 'no model'}{f' (bundle {digest})' if digest else ''}",
    )


def _answer(item: Item, facts: Facts) -> Answer:
    if item.topic is None:
        return Answer("not reported", missing=_NEVER)
    found = TOPICS[item.topic](facts)
    if found.status == "not reported" and not found.missing:
        return Answer("not reported", missing="Nothing of it is in what was given.")
    return found


def _cells(checklist: Checklist, entry: FilledItem) -> tuple[str, ...]:
    item, answer = entry.item, entry.answer
    who = ", ".join(item.who) if entry.open else ""
    told = (answer.status, answer.text, answer.missing, who)
    return (checklist.title, item.number, item.section, item.title, item.asks, *told)


def _harmless(text: str) -> str:
    """Keep a spreadsheet from reading a cell as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def _opening(filled: Filled) -> Iterator[str]:
    checklist = filled.checklist
    yield f"# {checklist.title}: {_plain(filled.subject)}"
    yield ""
    yield f"**{RESEARCH_USE}**"
    yield ""
    yield f"{checklist.about}. {checklist.citation}. {_OWN_WORDS}"
    yield ""
    counts = [f"{status} {filled.count(status)}" for status in STATUSES]
    yield f"Of {len(filled.items)} items: {', '.join(counts)}."
    yield ""
    if filled.caveats:
        yield "Before you believe any of it:"
        yield ""
        yield from (f"- {_plain(caveat)}" for caveat in filled.caveats)
        yield ""


def _to_do(filled: Filled) -> Iterator[str]:
    """List what people must still write, by number."""
    yield "## Still to be written"
    yield ""
    yield "| who | nothing is known of | to be completed |"
    yield "| --- | --- | --- |"
    for person, numbers in filled.open_by_person().items():
        empty, begun = (", ".join(numbers[key]) or "none" for key in ("not reported", "partly"))
        yield f"| {person} | {empty} | {begun} |"
    yield ""


def _sections(filled: Filled) -> Iterator[str]:
    section = ""
    for entry in filled.items:
        if entry.item.section != section:
            section = entry.item.section
            yield f"## {section}"
            yield ""
        yield from _paragraphs(entry)


def _paragraphs(entry: FilledItem) -> Iterator[str]:
    item, answer = entry.item, entry.answer
    yield f"**{item.number} {item.title}**: {answer.status}"
    yield ""
    yield f"- Asked: {item.asks}"
    if answer.text:
        yield f"- {'Why' if answer.status == 'not applicable' else 'Known'}: {_plain(answer.text)}"
    if entry.open:
        yield f"- Missing: {_plain(answer.missing)}"
        yield f"- To be written by: {', '.join(item.who)}"
    yield ""


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    one_line = " ".join(text.split())
    for mark in ("\\", "*", "_", "`", "[", "<", "|"):
        one_line = one_line.replace(mark, f"\\{mark}")
    return one_line
