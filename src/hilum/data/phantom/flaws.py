"""The flaws that can be planted in a cohort, one for each thing an audit has to find.

A flaw takes a plan and returns a worse one. Each is made with a strength in (0, 1]: the share of
films, or of subjects, that it touches. To add one, write a class like those below and register it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from hilum.data.phantom.plan import Film, Plan
from hilum.errors import ConfigError
from hilum.registry import Registry, suggestion

__all__ = ["Border", "Confounded", "Flaw", "Leak", "Marker", "flaws", "plant"]


PASTED = "ER"
"""What the marker flaw prints."""


class Flaw(Protocol):
    """Changes a plan for the worse."""

    def __call__(self, plan: Plan, rng: np.random.Generator) -> Plan:
        """Return the flawed plan."""
        ...


@dataclass(frozen=True, slots=True)
class Marker:
    """Paste a small token into the corner of the films of one class.

    Args:
        strength: Share of that class's films.
    """

    strength: float = 1.0

    def __call__(self, plan: Plan, rng: np.random.Generator) -> Plan:
        """Return the flawed plan."""
        return _touched(plan, rng, self.strength, lambda film: replace(film, token=PASTED))


@dataclass(frozen=True, slots=True)
class Border:
    """Lay a white frame round the films of one class.

    Args:
        strength: Share of that class's films.
    """

    strength: float = 1.0

    def __call__(self, plan: Plan, rng: np.random.Generator) -> Plan:
        """Return the flawed plan."""
        return _touched(plan, rng, self.strength, lambda film: replace(film, frame="white"))


@dataclass(frozen=True, slots=True)
class Confounded:
    """Let the label decide which hospital a subject comes from.

    Args:
        strength: Share of subjects whose hospital is so decided; the others keep theirs.
    """

    strength: float = 0.95

    def __call__(self, plan: Plan, rng: np.random.Generator) -> Plan:
        """Return the flawed plan.

        Raises:
            ConfigError: If there is one hospital only.
        """
        if len(plan.hospitals) < 2:
            raise ConfigError("The flaw 'confounded' needs at least 2 hospitals, got 1")
        decided = {
            patient: bool(rng.random() < self.strength)
            for patient in dict.fromkeys(film.patient_id for film in plan.films)
        }
        home = {
            label: plan.hospitals[place % len(plan.hospitals)]
            for place, label in enumerate(plan.classes)
        }
        return plan.with_films(
            [
                replace(film, hospital=home[film.label]) if decided[film.patient_id] else film
                for film in plan.films
            ]
        )


@dataclass(frozen=True, slots=True)
class Leak:
    """Put subjects of the test split into the training split under another name.

    One third come back as the very same file, one third as the same picture a little brighter, one
    third on another film. The new name hides the leak from a check of patient ids.

    Args:
        strength: Share of the test split's subjects.
    """

    strength: float = 0.5

    def __call__(self, plan: Plan, rng: np.random.Generator) -> Plan:
        """Return the flawed plan."""
        tested = [film for film in plan.films if film.split == "test" and film.number == 1]
        count = max(1, round(self.strength * len(tested))) if tested else 0
        known = len({film.patient_id for film in plan.films})
        copies = []
        for place, chosen in enumerate(rng.permutation(len(tested))[:count]):
            film = tested[int(chosen)]
            again = replace(film, patient_id=f"phantom-{known + place + 1:04d}", split="train")
            if place % 3 == 1:
                again = replace(again, regrade=0.03)
            elif place % 3 == 2:
                again = replace(again, exposure=(*film.exposure, 1))
            copies.append(again)
        return plan.with_films([*plan.films, *copies])


def _touched(
    plan: Plan, rng: np.random.Generator, strength: float, change: Callable[[Film], Film]
) -> Plan:
    """Change a share of the films of one class: the second, or the only one."""
    label = plan.classes[min(1, len(plan.classes) - 1)]
    chosen = rng.random(len(plan.films)) < strength
    return plan.with_films(
        [
            change(film) if film.label == label and touch else film
            for film, touch in zip(plan.films, chosen, strict=True)
        ]
    )


flaws: Registry[Flaw] = Registry("flaw")
flaws.register("confounded", Confounded)
flaws.register("marker", Marker)
flaws.register("border", Border)
flaws.register("leak", Leak)

_LAST = ("leak",)
"""What copies films comes after what changes them."""


def plant(plan: Plan, wanted: Sequence[str] | Mapping[str, float | None], seed: int) -> Plan:
    """Plant flaws in a plan.

    Args:
        plan: A cohort.
        wanted: Names of flaws, or names with strengths in (0, 1]; None is the flaw's own.
        seed: Decides whom they touch.

    Raises:
        ConfigError: If a flaw is not known or a strength is out of range; lists all.
    """
    strengths: dict[str, float | None]
    strengths = dict(wanted) if isinstance(wanted, Mapping) else dict.fromkeys(wanted)
    problems = [
        f"no flaw called {name!r}. {suggestion(name, [*flaws])}"
        for name in strengths
        if name not in flaws
    ]
    for name, strength in strengths.items():
        if strength is not None and not 0 < strength <= 1:
            problems.append(f"the strength of {name} must be in (0, 1], got {strength}")
    if problems:
        raise ConfigError("These flaws cannot be planted:", problems)
    for name in sorted(strengths, key=lambda name: (name in _LAST, name)):
        strength = strengths[name]
        options = {} if strength is None else {"strength": strength}
        salt = list(name.encode())
        plan = flaws.create(name, **options)(plan, np.random.default_rng([seed, 3, *salt]))
    return plan
