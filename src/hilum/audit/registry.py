"""The checks an audit knows, in the order a reader meets them.

A check is a function from a `Subject` to an `Outcome`, registered with what it asks and who asked
it first. What changed films it will want is said beforehand, so that every film is read once for
all checks together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hilum.audit.perturb import AS_THEY_ARE, Change
from hilum.audit.record import Outcome
from hilum.errors import ConfigError
from hilum.registry import suggestion

if TYPE_CHECKING:
    from hilum.audit.subject import Part, Subject

__all__ = ["Check", "check", "chosen", "known"]

Wanted = tuple["Part", Change]
"""Films of the part that is tested or of the part that taught, and what is done to them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check."""

    name: str
    """What is typed: "lungs-blacked-out"."""

    title: str
    question: str
    """What it asks, in words a clinician reads."""

    asked_by: tuple[str, ...]
    """Papers that showed why it must be asked."""

    wants: tuple[Wanted, ...]
    """Answers it needs of the network."""

    run: Callable[[Subject], Outcome]


_CHECKS: dict[str, Check] = {}


def check(
    name: str,
    *,
    title: str,
    question: str,
    asked_by: Sequence[str],
    wants: Sequence[Wanted] = (("tested", AS_THEY_ARE),),
) -> Callable[[Callable[[Subject], Outcome]], Callable[[Subject], Outcome]]:
    """Register a function as a check.

    Raises:
        ValueError: If the name is taken.
    """

    def register(function: Callable[[Subject], Outcome]) -> Callable[[Subject], Outcome]:
        if name in _CHECKS:
            raise ValueError(f"There is already a check called {name!r}")
        _CHECKS[name] = Check(
            name=name,
            title=title,
            question=question,
            asked_by=tuple(asked_by),
            wants=tuple(wants),
            run=function,
        )
        return function

    return register


def known() -> Iterator[Check]:
    """Yield every check, in order."""
    import hilum.audit.checks  # noqa: F401 - importing it registers them

    yield from _CHECKS.values()


def chosen(only: Sequence[str] = (), skip: Sequence[str] = ()) -> tuple[Check, ...]:
    """Return the checks asked for.

    Raises:
        ConfigError: If a name is unknown, or none is left.
    """
    checks = {one.name: one for one in known()}
    for name in (*only, *skip):
        if name not in checks:
            raise ConfigError(f"No check is called {name!r}. {suggestion(name, list(checks))}")
    left = tuple(
        one for name, one in checks.items() if (not only or name in only) and name not in skip
    )
    if not left:
        raise ConfigError("No check is left: everything that was asked for is also skipped.")
    return left
