"""The checklists as data: what each item asks, in hilum's words, and who can answer it.

The numbers and topics are those of the published checklists; `verified` in each file says how far
they were compared with them. The sentences are hilum's own and bind nobody.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, model_validator

from hilum.errors import ConfigError
from hilum.registry import suggestion

__all__ = ["CHECKLISTS", "Checklist", "Item", "Verified", "load_checklist"]

CHECKLISTS = ("claim", "tripod-ai")
"""Names that `load_checklist` knows."""


class Item(BaseModel):
    """One item of a checklist."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: str
    """As the checklist counts it: "7", "12c"."""

    section: str
    title: str

    asks: str
    """What is asked for, in hilum's words."""

    who: tuple[str, ...]
    """Who must write what software cannot know."""

    topic: str | None = None
    """The question that the facts may answer; None where no fact ever can."""

    applies: Literal["D", "E", "D;E"] | None = None
    """TRIPOD+AI: asked of the development of a model, of its evaluation, or of both."""


class Verified(BaseModel):
    """How far something was compared with what was published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    what: str
    by: str


class Checklist(BaseModel):
    """A reporting checklist."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    title: str
    about: str
    citation: str
    verified: tuple[Verified, ...]
    items: tuple[Item, ...]

    @model_validator(mode="after")
    def _each_once(self) -> Checklist:
        numbers = [item.number for item in self.items]
        if twice := sorted({number for number in numbers if numbers.count(number) > 1}):
            raise ValueError(f"items stand twice: {', '.join(twice)}")
        return self


@cache
def load_checklist(name: str) -> Checklist:
    """Return a checklist by name.

    Args:
        name: One of `CHECKLISTS`.

    Raises:
        ConfigError: If there is none of that name.
    """
    if name not in CHECKLISTS:
        raise ConfigError(
            f"There is no checklist called {name!r}. {suggestion(name, list(CHECKLISTS))}"
        )
    place = files("hilum.report.checklists") / f"{name.replace('-', '_')}.yaml"
    return Checklist.model_validate(yaml.safe_load(place.read_text(encoding="utf-8")))
