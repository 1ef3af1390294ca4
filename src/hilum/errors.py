"""Every error this package raises on purpose.

* HilumError                 something about the world is wrong: a file, a recipe, weights
  - ConfigError              a recipe or setting is wrong; lists every problem at once
  - DataError                a file, manifest, split or cache is wrong
    - ImageReadError         one image could not be read; has `.path` and `.reason`
    - ManifestError          a manifest is wrong; lists every fault with its row
    - LeakageError           a patient stands in more than one split
    - CacheError             a prepared cache is damaged or does not belong to these images
    - PredictionsError       a table of predictions is wrong; lists every fault with its row
  - BundleError              a bundle is damaged, incomplete or asks for what cannot be honoured
  - TrainingError            a run cannot start, resume or go on
  - MissingExtraError        an optional package is not installed; names the line that installs it

Programming mistakes (a wrong type, a wrong shape) stay TypeError and ValueError.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

__all__ = [
    "BundleError",
    "CacheError",
    "ConfigError",
    "DataError",
    "HilumError",
    "ImageReadError",
    "LeakageError",
    "ManifestError",
    "MissingExtraError",
    "PredictionsError",
    "TrainingError",
]

_SHOWN = 20


class HilumError(Exception):
    """Say what was expected, what came, and how to mend it."""


class _ListingError(HilumError):
    """Carry several problems in one message.

    Args:
        summary: One sentence that says what is wrong with what.
        problems: One line a problem; the message shows the first 20, `.problems` holds all.
    """

    def __init__(self, summary: str, problems: Sequence[str] = ()) -> None:
        self.summary = summary
        self.problems = tuple(problems)
        shown = [f"  - {problem}" for problem in self.problems[:_SHOWN]]
        rest = len(self.problems) - len(shown)
        if rest > 0:
            shown.append(f"  - ... and {rest} more")
        super().__init__("\n".join([summary, *shown]))


class ConfigError(_ListingError):
    """Refuse a recipe or a setting, with every problem at once."""


class DataError(HilumError):
    """Refuse a file, a manifest, a split or a cache."""


class ImageReadError(DataError):
    """Refuse one image.

    Args:
        path: The file, or a name for bytes that have none.
        reason: What was expected, what came, and what to do.
    """

    def __init__(self, path: str | Path, reason: str) -> None:
        self.path = str(path)
        self.reason = reason
        super().__init__(f"{path}: {reason}")


class ManifestError(_ListingError, DataError):
    """Refuse a manifest, with every fault and its row."""


class LeakageError(DataError):
    """Refuse a split in which one patient stands on both sides."""


class CacheError(DataError):
    """Refuse a prepared cache that is damaged or belongs to other images."""


class PredictionsError(_ListingError, DataError):
    """Refuse a table of predictions, with every fault and its row."""


class BundleError(HilumError):
    """Refuse a bundle that is damaged, incomplete or cannot be honoured."""


class TrainingError(HilumError):
    """Stop a run that cannot start, resume or go on."""


class MissingExtraError(HilumError, ImportError):
    """Name the extra that brings a missing package.

    Args:
        package: The module that could not be imported.
        extra: The extra of hilum that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        self.package = package
        self.extra = extra
        super().__init__(
            f"This needs the package {package!r}, which is not installed. "
            f"Install it with: pip install 'hilum[{extra}]'"
        )
