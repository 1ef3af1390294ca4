"""Which distribution films are drawn from, as an option of several commands."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hilum.generate.prior import FittedPrior

__all__ = ["Prior", "prior_of"]


class Prior(str, Enum):  # noqa: UP042 - typer shows the values of a str Enum on 3.11 too
    """Where latents are drawn from."""

    STANDARD = "standard"
    FITTED = "fitted"


def prior_of(run: Path, prior: Prior) -> FittedPrior | None:
    """Return the run's fitted prior if that is asked for, else None."""
    from hilum.generate.prior import load_prior
    from hilum.generate.run_folder import VaeFolder

    return load_prior(VaeFolder(run).prior_file) if prior is Prior.FITTED else None
