"""Reporting checklists, filled from what a run, a bundle, an evaluation and an audit know.

What none of them knows stays open, with the name of who must write it.
"""

from __future__ import annotations

from hilum.report.checklists.facts import gather_facts
from hilum.report.checklists.filled import COLUMNS, Filled, FilledItem, fill
from hilum.report.checklists.items import CHECKLISTS, Checklist, Item, load_checklist

__all__ = [
    "CHECKLISTS",
    "COLUMNS",
    "Checklist",
    "Filled",
    "FilledItem",
    "Item",
    "fill",
    "gather_facts",
    "load_checklist",
]
