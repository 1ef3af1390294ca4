"""Nothing is locked at a version with a known hole, and the check can tell."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).resolve().parents[1] / ".ci" / "audit.py"


@pytest.fixture
def audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("ci_audit", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_nothing_is_locked_below_its_floor(audit: ModuleType) -> None:
    assert {"pillow", "pydicom", "starlette"} <= set(audit.locked())
    assert audit.below_floors() == []


def test_a_version_with_a_known_hole_is_named(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text("pillow==12.9.0 \\\n    --hash=sha256:00\njinja2==3.1.6 \\\n")
    monkeypatch.setattr(audit, "LOCK", lock)
    assert audit.below_floors() == ["pillow>=13.0.0, locked at 12.9.0"]
