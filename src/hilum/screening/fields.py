"""Checks of plain JSON values that collect every fault before any is raised."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from hilum.errors import BundleError
from hilum.registry import suggestion

__all__ = ["Faults", "canonical"]


def canonical(value: Any) -> str:
    """Return JSON text that is the same for the same value: sorted keys, no spaces, no NaN.

    Raises:
        BundleError: If the value cannot be written as strict JSON.
    """
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise BundleError(
            f"A bundle's record must hold plain JSON values (no NaN, no arrays): {error}"
        ) from error


class Faults:
    """Read fields out of mappings; note what is wrong and go on with a stand-in.

    Every method takes the key, the mapping it should be in and the path in front of the key, and
    returns a value of the promised type whatever was found.
    """

    def __init__(self) -> None:
        self._found: list[str] = []

    def add(self, problem: str) -> None:
        """Note a problem."""
        self._found.append(problem)

    def raise_if_any(self, summary: str) -> None:
        """Raise one error for everything noted.

        Raises:
            BundleError: If there is anything.
        """
        if self._found:
            raise BundleError("\n".join([summary, *(f"  - {line}" for line in self._found)]))

    def keys(self, where: str, values: Mapping[str, Any], known: Sequence[str]) -> None:
        """Note keys that are not among `known`."""
        for key in values:
            if key not in known:
                self.add(f"{where}{key}: unknown field. {suggestion(str(key), list(known))}")

    def text(self, key: str, values: Mapping[str, Any], where: str = "") -> str:
        """Read a non-empty text."""
        value = values.get(key)
        if isinstance(value, str) and value:
            return value
        self._note(key, where, values, "a non-empty text")
        return ""

    def one_of(
        self, key: str, values: Mapping[str, Any], choices: Sequence[str], where: str = ""
    ) -> str:
        """Read one of some texts."""
        value = values.get(key)
        if isinstance(value, str) and value in choices:
            return value
        self._note(key, where, values, " or ".join(repr(choice) for choice in choices))
        return choices[0]

    def number(self, key: str, values: Mapping[str, Any], where: str = "") -> float:
        """Read a finite number, kept as it was written."""
        value = values.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return value
        self._note(key, where, values, "a finite number")
        return 1.0

    def whole(self, key: str, values: Mapping[str, Any], where: str = "") -> int:
        """Read a whole number."""
        value = values.get(key)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        self._note(key, where, values, "a whole number")
        return 1

    def mapping(self, key: str, values: Mapping[str, Any], where: str = "") -> dict[str, Any]:
        """Read an object."""
        value = values.get(key)
        if isinstance(value, dict):
            return value
        self._note(key, where, values, "an object")
        return {}

    def texts_by_name(self, key: str, values: Mapping[str, Any]) -> dict[str, str]:
        """Read an object whose values are texts."""
        value = self.mapping(key, values)
        if not all(isinstance(entry, str) for entry in value.values()):
            self._note(key, "", values, "an object of texts")
        return value

    def list_of_texts(self, key: str, values: Mapping[str, Any]) -> tuple[str, ...]:
        """Read a list of texts."""
        value = values.get(key)
        if isinstance(value, list) and all(isinstance(entry, str) for entry in value):
            return tuple(value)
        self._note(key, "", values, "a list of texts")
        return ("", "")

    def _note(self, key: str, where: str, values: Mapping[str, Any], expected: str) -> None:
        if key not in values:
            self.add(f"{where}{key}: missing; expected {expected}")
        else:
            self.add(f"{where}{key} must be {expected}, got {values[key]!r:.80}")
