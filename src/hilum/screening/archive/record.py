"""`run.json`: what an archive run was asked for, and whether another may go on with it."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from hilum import __version__
from hilum.data.atomic import replacing
from hilum.errors import DataError
from hilum.screening.bundle import Bundle

__all__ = ["RECORD_NAME", "RunRecord", "write_json"]

RECORD_NAME = "run.json"
_FORMAT = "hilum-archive-run"
_PACKAGES = ("numpy", "onnxruntime", "pillow", "polars", "pydicom")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What decides the answers of a run, and must be the same when it goes on.

    Args:
        sources: Absolute paths or URLs, in the order given.
        bundle: The bundle's id.
        threshold: The rule that decides, as plain values, with its name.
        force: Whether refused films get probabilities.
        hilum: The version of hilum.
    """

    sources: tuple[str, ...]
    bundle: str
    threshold: Mapping[str, Any]
    force: bool
    hilum: str = __version__

    @classmethod
    def of(
        cls, sources: tuple[str, ...], bundle: Bundle, threshold: str | None, *, force: bool
    ) -> RunRecord:
        """Return the record of a run that is about to begin."""
        name, rule = bundle.record.threshold(threshold)
        decided = {"name": name, **rule.to_dict()}
        return cls(sources=sources, bundle=bundle.id, threshold=decided, force=force)

    def write(self, folder: Path, bundle: Bundle) -> None:
        """Write `run.json`, with what is good to know but may differ."""
        write_json(
            folder / RECORD_NAME,
            {
                "format": _FORMAT,
                **self._same(),
                "bundle_name": bundle.record.name,
                "bundle_folder": str(bundle.folder),
                "classes": list(bundle.record.classes),
                "calibrated": bundle.record.calibrated,
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "versions": {"python": platform.python_version(), **_versions()},
                "notice": "Research use only",
            },
        )

    def check(self, folder: Path) -> None:
        """Refuse to go on with a run that was asked for something else.

        Raises:
            DataError: With everything that differs.
        """
        path = folder / RECORD_NAME
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise DataError(
                f"{path} cannot be read ({error}), so it is not known whether this is the same run."
            ) from error
        lines = [
            f"\n  - {name}: it has {_short(found.get(name))}, now {_short(value)}"
            for name, value in self._same().items()
            if found.get(name) != value
        ]
        if lines:
            raise DataError(
                f"The run in {folder} cannot be resumed, because its answers would be mixed with "
                f"others:{''.join(lines)}\nAsk for the same, or name another folder."
            )

    def _same(self) -> dict[str, Any]:
        return {
            "bundle": self.bundle,
            "threshold": dict(self.threshold),
            "force": self.force,
            "sources": list(self.sources),
            "hilum": self.hilum,
        }


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Replace a JSON file; a reader sees the old one or the new one."""
    text = json.dumps(values, indent=2, ensure_ascii=True, allow_nan=False)
    with replacing(path) as file:
        file.write(f"{text}\n".encode())


def _short(value: object) -> str:
    return json.dumps(value)[:200]


def _versions() -> dict[str, str]:
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found
