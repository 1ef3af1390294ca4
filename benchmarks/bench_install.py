"""How many bytes `pip install hilum` puts on a disk, in a fresh environment and without extras."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rows import Row

WANTED_MB = 400
ROOT = Path(__file__).resolve().parents[1]
_NOT_OURS = ("pip", "setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")


def rows() -> list[Row]:
    """Install into a new environment and weigh it; needs the package index."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run([sys.executable, "-m", "venv", name], check=True)
        python = Path(name, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", ROOT], check=True)
        (packages,) = Path(name, "lib").glob("python3*/site-packages")
        sizes = {
            path: path.stat().st_size
            for entry in packages.iterdir()
            if not entry.name.startswith(_NOT_OURS)
            for path in ([entry] if entry.is_file() else entry.rglob("*"))
            if path.is_file() and not path.is_symlink()
        }
    whole = sum(sizes.values()) / 1e6
    installed = sum(size for path, size in sizes.items() if path.suffix != ".pyc") / 1e6
    return [
        Row(
            claim="core install, as the packages hold it", peer="limit", ours=installed,
            theirs=None, unit="MB", ratio=None, wanted=f"under {WANTED_MB} MB",
            met=installed < WANTED_MB,
        ),
        Row(
            claim="with what Python compiles of it", peer="", ours=whole, theirs=None, unit="MB",
            ratio=None, wanted="", met=True,
        ),
    ]  # fmt: skip
