"""The reader's page, the interface for programs, the DICOM node, and what they keep."""

from __future__ import annotations

from importlib.util import find_spec

from hilum.errors import MissingExtraError

__all__ = ["need_dicom", "need_extra"]


def need_dicom() -> None:
    """Check that what the DICOM node needs is installed.

    Raises:
        MissingExtraError: If it is not; with the line that installs it.
    """
    _need(("pynetdicom", "highdicom"), "dicom")


def need_extra() -> None:
    """Check that what a server needs is installed.

    Raises:
        MissingExtraError: If it is not; with the line that installs it.
    """
    _need(("sqlalchemy", "alembic", "fastapi", "uvicorn", "argon2", "prometheus_client"), "serve")


def _need(packages: tuple[str, ...], extra: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            raise MissingExtraError(package, extra)
