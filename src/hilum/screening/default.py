"""The bundle that comes with hilum: what `hilum screen film.dcm` answers with."""

from __future__ import annotations

from pathlib import Path

from hilum.errors import BundleError

__all__ = ["default_bundle"]

_FOLDER = Path(__file__).parent / "default_bundle"


def default_bundle() -> Path:
    """Return the folder of the bundle that is used where none is named.

    What it was trained on, what it can answer and what it cannot stands in its model card.

    Raises:
        BundleError: If this installation has none.
    """
    if not (_FOLDER / "bundle.json").is_file():
        raise BundleError(
            f"This installation of hilum has no default bundle (expected one in {_FOLDER}). "
            "Name one with --bundle; `hilum export` packs one from a training run."
        )
    return _FOLDER
