"""One way to give things names.

Networks, optimisers and data sources are all chosen by a name written in a recipe or typed on a
command line. A registry maps that name to a factory, refuses the same name twice, and answers a
misspelt one with the nearest name it knows.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from hilum.errors import ConfigError

__all__ = ["Registry", "suggestion"]

T = TypeVar("T")


def suggestion(name: str, known: list[str]) -> str:
    """Return a sentence that names the closest known name, or lists them all.

    >>> suggestion("resnet5", ["alexnet", "resnet50"])
    "Did you mean 'resnet50'?"
    """
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(sorted(known))}."


class Registry(Generic[T]):
    """Map names to factories of `T`.

    Args:
        kind: What the things are, for error messages: "network", "source".
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._factories: dict[str, Callable[..., T]] = {}

    def register(self, name: str, factory: Callable[..., T]) -> None:
        """Add `factory` under `name`.

        Raises:
            ValueError: If the name is taken.
        """
        if name in self._factories:
            raise ValueError(f"There is already a {self.kind} called {name!r}")
        self._factories[name] = factory

    def create(self, name: str, /, *args: Any, **options: Any) -> T:
        """Call the factory registered under `name`.

        Raises:
            ConfigError: If no such name is registered.
        """
        try:
            factory = self._factories[name]
        except KeyError:
            raise ConfigError(
                f"No {self.kind} called {name!r}. {suggestion(name, list(self._factories))}"
            ) from None
        return factory(*args, **options)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(self._factories))

    def __contains__(self, name: object) -> bool:
        return name in self._factories

    def __len__(self) -> int:
        return len(self._factories)
