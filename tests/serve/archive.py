"""Debian's Orthanc, for round trips of a film; where nothing else listens."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

__all__ = ["beside_orthanc", "errors_of"]

_ROOT = Path(__file__).resolve().parents[2]
_PACS = _ROOT.parent / "shared" / "pacs"


def beside_orthanc(module: str, film: Path, folder: Path, *more: str) -> dict[str, Any]:
    """Run a module of the tests in a network namespace of its own; return what it prints last.

    Skips where something it needs is not there.

    Args:
        module: Takes a film, a folder, the folder that starts Orthanc, and more words.
        film: A DICOM file.
        folder: An empty one.
        more: More words.
    """
    _need_pacs()
    done = subprocess.run(
        [_PACS / "in_netns", sys.executable, "-m", module, film, folder, _PACS, *more],
        capture_output=True, text=True, timeout=150, check=False, cwd=_ROOT,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said


def errors_of(path: str | Path) -> list[str]:
    """Return what dicom3tools finds wrong with a DICOM file; nothing where it is not installed."""
    if shutil.which("dciodvfy") is None:
        return []
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in said.stderr.splitlines() if line.startswith("Error")]


def _need_pacs() -> None:
    if not _PACS.is_dir():
        pytest.skip("no ../shared/pacs beside this checkout")
    for program in ("/usr/sbin/Orthanc", "curl", "unshare"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install orthanc, orthanc-dicomweb, orthanc-gdcm and curl")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces: they need root")
