"""The four papers: recipes, published tables, and what hilum measures beside them.

Needs the `train` extra to train; the published tables can be read without it.
"""

from __future__ import annotations

from hilum.errors import ConfigError
from hilum.registry import suggestion
from hilum.reproduce import p1, p2, p3, p4
from hilum.reproduce.paper import Fault, Network, Paper, recipe_file

__all__ = ["PAPERS", "Fault", "Network", "Paper", "paper", "recipe_file"]

PAPERS = {found.name: found for found in (p1.PAPER, p2.PAPER, p3.PAPER, p4.PAPER)}


def paper(name: str) -> Paper:
    """Return a paper by its name.

    Raises:
        ConfigError: If there is none.
    """
    if name not in PAPERS:
        raise ConfigError(f"There is no paper {name!r}. {suggestion(name, [*PAPERS])}")
    return PAPERS[name]
