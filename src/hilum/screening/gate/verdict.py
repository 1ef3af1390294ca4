"""The gate at work: tags, rules and a look at the layout make one verdict with its reasons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError
from hilum.screening.gate.layout import LayoutNetwork, shipped
from hilum.screening.gate.limits import Limits
from hilum.screening.gate.rules import (
    about_colour,
    about_greys,
    about_shape,
    looks_inverted,
    small_copy,
)
from hilum.screening.gate.tags import about_tags, doubts_about_tags

__all__ = ["Gate", "Verdict", "check"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found: reasons to refuse, and warnings that do not.

    Args:
        reasons: Why it is no frontal chest radiograph of an adult that lies right; sentences.
        warnings: What looks doubtful; sentences.
        measured: What the layout network said, by name; empty where it was not asked.
    """

    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether the picture is taken for a frontal chest radiograph."""
        return not self.reasons


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """What a picture is judged by before the bundle's network sees it.

    Args:
        limits: Where the lines are.
        layout: Gives what tells how the film lies, opened when first asked for; None to go by
            the rules alone.
    """

    limits: Limits
    layout: Callable[[], LayoutNetwork] | None

    @classmethod
    def from_record(cls, gate: Mapping[str, Any]) -> Gate:
        """Make the gate of a bundle's record: `{"limits": {...}, "layout": true}`.

        Raises:
            BundleError: If the record cannot be honoured.
        """
        limits = Limits.from_gate(gate)
        wanted = gate.get("layout", True)
        if not isinstance(wanted, bool):
            raise BundleError(f"gate.layout must be true or false, got {wanted!r:.80}")
        return cls(limits=limits, layout=shipped if wanted else None)

    def open(self) -> None:
        """Open the layout network now, if the gate has one, rather than at the first film.

        Raises:
            BundleError: If hilum's own network is missing or damaged.
        """
        if self.layout is not None:
            self.layout()

    def check(self, radiograph: Radiograph) -> Verdict:
        """Judge whether a picture is a frontal chest radiograph of an adult that lies right.

        Args:
            radiograph: As `read_radiograph` returned it.

        Raises:
            BundleError: If hilum's own network is missing or damaged.
        """
        look = small_copy(radiograph)
        reasons = [
            *about_tags(radiograph, self.limits),
            *about_shape(radiograph, self.limits),
            *about_colour(radiograph, self.limits),
            *about_greys(look, self.limits),
        ]
        warnings = doubts_about_tags(radiograph)
        if self.layout is None:
            if looks_inverted(look, self.limits):
                warnings.append(
                    "The lungs look brighter than what lies between: the grey scale may be "
                    "inverted."
                )
            return Verdict(tuple(reasons), tuple(warnings))
        network = self.layout()
        layout, limits = network.look(radiograph), network.limits_of(self.limits)
        # What is plainly something else needs no second opinion on how it lies.
        if not reasons:
            reasons += layout.reasons(limits)
        if not reasons:
            warnings += layout.warnings(limits)
        return Verdict(tuple(reasons), tuple(warnings), layout.to_dict())


def check(radiograph: Radiograph, gate: Mapping[str, Any] | Limits | Gate | None = None) -> Verdict:
    """Judge whether a picture is a frontal chest radiograph of an adult that lies right.

    Args:
        radiograph: As `read_radiograph` returned it.
        gate: A gate, a bundle's gate record, or limits; None for hilum's own.

    Raises:
        BundleError: If the gate record cannot be honoured.
    """
    if isinstance(gate, Limits):
        gate = Gate(limits=gate, layout=shipped)
    elif not isinstance(gate, Gate):
        gate = Gate.from_record(gate or {})
    return gate.check(radiograph)
