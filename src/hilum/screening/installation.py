"""What this installation can do, and which line installs what is missing.

Nothing heavy is imported to find out: versions come from the package metadata, the graphics card
from its driver. Only what screening itself stands on is really tried: a session is opened and run.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import tempfile
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import hilum
from hilum.screening.cores import usable_cores

__all__ = ["Finding", "core_works", "inspect_installation"]

_TINY_NETWORK = b64decode(
    "CAgSADo3Cg4KAXgKAXgSAXkiA0FkZBIBdFoQCgF4EgsKCQgBEgUKAxIBbmIQCgF5EgsKCQgBEgUKAxIBbkIECgAQDQ=="
)
"""An ONNX network of one node, y = x + x."""

_OPTIONAL = {
    "torch": ("training", "pip install 'hilum[train]'"),
    "torchvision": ("training", "pip install 'hilum[train]'"),
    "lightning": ("training", "pip install 'hilum[train]'"),
    "safetensors": ("weights", "pip install 'hilum[train]'"),
    "onnx": ("export", "pip install 'hilum[train]'"),
    "openvino": ("the fast engine", "pip install openvino"),
}
_SYNTAXES = {
    "JPEG baseline": "1.2.840.10008.1.2.4.50",
    "JPEG extended": "1.2.840.10008.1.2.4.51",
    "JPEG lossless": "1.2.840.10008.1.2.4.70",
    "JPEG-LS lossless": "1.2.840.10008.1.2.4.80",
    "JPEG-LS near lossless": "1.2.840.10008.1.2.4.81",
    "JPEG 2000 lossless": "1.2.840.10008.1.2.4.90",
    "JPEG 2000": "1.2.840.10008.1.2.4.91",
    "RLE lossless": "1.2.840.10008.1.2.5",
}
_DECODERS = "pip install pylibjpeg pylibjpeg-openjpeg pyjpegls"
_FEATURES = ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16", "asimd", "bf16")
_LOW_DISK_GB = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing looked at.

    Args:
        group: "core", "dicom", "optional" or "machine".
        name: What was looked at.
        ok: Whether it is there and works.
        detail: Version, count or what is wrong.
        mend: The line that installs it; empty if nothing is missing.
    """

    group: str
    name: str
    ok: bool
    detail: str
    mend: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as plain values."""
        return asdict(self)


def inspect_installation(folder: str | Path = ".") -> list[Finding]:
    """Return everything found, most needed first.

    Args:
        folder: Where free space and write access are looked at.
    """
    return [*_core(), *_dicom(), *_optional(), *_machine(Path(folder))]


def core_works(findings: list[Finding]) -> bool:
    """Say whether everything that screening stands on is there."""
    return all(finding.ok for finding in findings if finding.group == "core")


def _core() -> Iterator[Finding]:
    version = platform.python_version()
    yield Finding(group="core", name="python", ok=True, detail=f"{version} ({platform.machine()})")
    yield Finding(group="core", name="hilum", ok=True, detail=hilum.__version__)
    for package, distribution in (("numpy", "numpy"), ("PIL", "pillow"), ("typer", "typer")):
        yield _package(package, distribution, "core", f"pip install {distribution}")
    yield _engine()


def _package(module: str, distribution: str, group: str, mend: str) -> Finding:
    """Say whether a package is installed, and in which version, without importing it."""
    if importlib.util.find_spec(module) is None:
        return Finding(group=group, name=distribution, ok=False, detail="missing", mend=mend)
    try:
        version = importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        version = "installed, version unknown"
    return Finding(group=group, name=distribution, ok=True, detail=version)


def _engine() -> Finding:
    """Open and run a network of one node: the binary may not fit this processor."""
    name, mend = "onnxruntime", "pip install onnxruntime"
    try:
        import numpy as np
        import onnxruntime

        session = onnxruntime.InferenceSession(_TINY_NETWORK, providers=["CPUExecutionProvider"])
        (answer,) = session.run(None, {"x": np.array([1, 2], np.float32)})
        works = answer.tolist() == [2.0, 4.0]
    except (ImportError, OSError, RuntimeError) as error:
        return Finding(group="core", name=name, ok=False, detail=f"fails: {error}", mend=mend)
    providers = ", ".join(onnxruntime.get_available_providers())
    detail = f"{onnxruntime.__version__} ({providers})"
    return Finding(group="core", name=name, ok=works, detail=detail, mend="" if works else mend)


def _dicom() -> Iterator[Finding]:
    found = _package("pydicom", "pydicom", "dicom", "pip install 'pydicom>=3.0.2'")
    yield found
    if not found.ok:
        return
    from pydicom.pixels.decoders.base import get_decoder

    for name, uid in _SYNTAXES.items():
        own = ("hilum",) if name == "JPEG lossless" else ()
        plugins = (*get_decoder(uid).available_plugins, *own)
        limit = " (8 bits a pixel only)" if name == "JPEG extended" else ""
        yield Finding(
            group="dicom",
            name=name,
            ok=bool(plugins),
            detail=", ".join(plugins) + limit if plugins else "cannot be decoded",
            mend="" if plugins else _DECODERS,
        )


def _optional() -> Iterator[Finding]:
    for package, (purpose, mend) in _OPTIONAL.items():
        found = _package(package, package, "optional", mend)
        detail = found.detail if found.ok else f"missing; needed for {purpose}"
        yield Finding(group="optional", name=package, ok=found.ok, detail=detail, mend=found.mend)


def _machine(folder: Path) -> Iterator[Finding]:
    logical = os.cpu_count() or 1
    detail = f"{usable_cores()} usable cores of {logical} logical; {_cpu_features()}"
    yield Finding(group="machine", name="processor", ok=True, detail=detail)
    yield Finding(group="machine", name="memory", ok=True, detail=_memory())
    driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    shown = "NVIDIA driver found" if driver else "none found; training will use the processor"
    yield Finding(group="machine", name="graphics card", ok=True, detail=shown)
    free = shutil.disk_usage(folder).free / 1e9
    mend = "" if free > _LOW_DISK_GB else "free some space: caches and bundles need gigabytes"
    yield Finding(
        group="machine", name="disk", ok=not mend, detail=f"{free:,.1f} GB free", mend=mend
    )
    yield _writable(folder)


def _cpu_features() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "features unknown"
    lines = [line for line in text.splitlines() if line.startswith(("flags", "Features"))]
    flags = lines[0].split() if lines else []
    return ", ".join(name for name in _FEATURES if name in flags) or "no wide vector units named"


def _memory() -> str:
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return "unknown"
    return f"{total / 2**30:.1f} GiB"


def _writable(folder: Path) -> Finding:
    name = "write access"
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Finding(group="machine", name=name, ok=True, detail=str(folder.resolve()))
    except OSError as error:
        detail = f"{folder.resolve()}: {error.strerror}"
        mend = "work in a folder that you may write to"
        return Finding(group="machine", name=name, ok=False, detail=detail, mend=mend)
