"""What a reproduction is asked for and what came of it: scale, rows, all of it.

Separate from the training, so that tables and pages need only this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from hilum.errors import ConfigError
from hilum.evaluation.record import Estimate, Evaluation
from hilum.models.registry import network_spec
from hilum.reproduce.paper import Paper
from hilum.reproduce.published_tables import PublishedTables, published
from hilum.training.recipe import Recipe

__all__ = ["Reproduction", "Row", "Scale", "Variant", "paper_metrics", "value_of"]

Variant = Literal["published", "repaired"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much of the paper's effort is spent; None keeps the recipe's own."""

    epochs: int | None = None
    size: int | None = None
    batch_size: int | None = None
    seed: int = 0
    resamples: int = 2000

    def changes(self, recipe: Recipe) -> list[str]:
        """Return the recipe settings it changes; a network of one size keeps that size."""
        spec = network_spec(recipe.model.name)
        found = [f"training.seed={self.seed}"]
        if self.epochs is not None:
            found.append(f"training.epochs={self.epochs}")
        if self.batch_size is not None:
            found.append(f"training.batch_size={self.batch_size}")
        if self.size is not None and (spec is None or spec.only_size is None):
            floor = spec.minimum_size if spec is not None else 32
            if spec is not None and recipe.loss.auxiliary and spec.auxiliary_size is not None:
                floor = spec.auxiliary_size
            found.append(f"preprocessing.size={max(self.size, floor)}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One network's figures on the test films."""

    network: str
    row: str
    """What the paper's tables call it."""

    variant: str
    """published, repaired, or the name of a fault."""

    metrics: Mapping[str, Estimate]
    """The paper's metrics, and macro_auroc, nll and ece."""

    about: Mapping[str, Any] = field(default_factory=dict)
    """Recipe, epochs, pixels, parameters, seconds, temperatures."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "metrics": {k: v.to_dict() for k, v in self.metrics.items()}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reproduction:
    """What came of it."""

    paper: Paper
    baseline: Row
    """The rule that knows each film's source and never looks."""

    rows: tuple[Row, ...]
    about: Mapping[str, Any]
    """Manifest, counts, scale, what differs from the paper."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "paper": self.paper.name,
            "title": self.paper.title,
            "citation": self.paper.citation,
            "about": dict(self.about),
            "baseline": self.baseline.to_dict(),
            "rows": [{**row.to_dict(), "printed": self._printed(row)} for row in self.rows],
        }

    def _printed(self, row: Row) -> dict[str, str]:
        """Return what the paper printed of a row, by metric."""
        found = {metric: self._tables.lookup(row.row, metric).printed for metric in row.metrics}
        return {metric: text for metric, text in found.items() if text is not None}

    @property
    def _tables(self) -> PublishedTables:
        return published(self.paper.name)


def paper_metrics(found: Evaluation, paper: Paper) -> dict[str, Estimate]:
    """Return the paper's figures, and those that every reader wants beside them."""
    names = dict.fromkeys((*paper.metrics, "accuracy", "macro_auroc", "nll", "ece"))
    return {name: value_of(found, name) for name in names}


def value_of(found: Evaluation, name: str) -> Estimate:
    """Return a figure by the name tables use: accuracy, macro_f1, recall_covid ...

    Raises:
        ConfigError: If the evaluation holds none of that name.
    """
    if name in found.metrics:
        return found.metrics[name]
    metric, _, label = name.partition("_")
    if label in found.per_class and metric in found.per_class[label]:
        return found.per_class[label][metric]
    raise ConfigError(f"There is no figure {name!r}; is it METRIC_CLASS with one of the classes?")
