"""What can go wrong with what is kept."""

from __future__ import annotations

from typing import Self

from hilum.errors import HilumError

__all__ = [
    "ConflictError",
    "FullError",
    "NotFoundError",
    "SchemaError",
    "UnavailableError",
    "UnwritableError",
]


class UnavailableError(HilumError):
    """The database cannot be reached, or went away. Nothing was kept; try again.

    Args:
        why: What the driver said.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"The database cannot be used now: {why.strip()}. Nothing was kept.")


class FullError(HilumError):
    """There is no room for what was to be kept.

    Args:
        why: What is full.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"There is no room: {why.strip()}. Nothing was kept.")


class UnwritableError(HilumError):
    """The folder for films cannot be written: it is read-only, or its disk fails.

    Args:
        why: What the system said.
    """

    def __init__(self, why: str) -> None:
        super().__init__(f"The folder for films cannot be written: {why}. Nothing was kept.")


class NotFoundError(HilumError):
    """Nothing has this name, or it has been removed."""


class ConflictError(HilumError):
    """What is asked for contradicts what is already kept."""


class SchemaError(HilumError):
    """The tables are of another version of hilum."""

    @classmethod
    def of(cls, found: str, wanted: str, *, older: bool) -> Self:
        """Return the error for tables at one revision where another was expected."""
        if older:
            return cls(
                f"The database has the tables of an older hilum ({found}; this one needs {wanted})."
                " Make a backup with `hilum backup`, then type `hilum db upgrade`."
            )
        return cls(
            f"The database has the tables of a newer hilum ({found}; this one knows up to "
            f"{wanted}). Install that hilum again; an older one must not write into it."
        )
