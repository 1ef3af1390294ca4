"""The questions that facts can answer, shared by all checklists.

A topic is a function from the facts to an answer. An item of a checklist names its topic; an item
without one is never answered by software.
"""

from __future__ import annotations

from collections.abc import Callable

from hilum.report.checklists.answer import Answer, Facts
from hilum.report.checklists.topics import data, model, people, scores, training

__all__ = ["TOPICS"]

TOPICS: dict[str, Callable[[Facts], Answer]] = {
    **model.TOPICS,
    **training.TOPICS,
    **data.TOPICS,
    **people.TOPICS,
    **scores.TOPICS,
}
