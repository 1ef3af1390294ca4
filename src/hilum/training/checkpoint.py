"""Checkpoints that are whole or not there.

A checkpoint is written to a temporary file, synced, and renamed to a name that holds the epoch and
the hash of its bytes. A file whose bytes do not match its name is never resumed from: the one
before it is taken instead, and the run repeats an epoch with the same result.
"""

from __future__ import annotations

import hashlib
import io
import logging
import re
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from hilum.data.atomic import PART_SUFFIX, replacing

__all__ = ["AtomicCheckpointIO", "CheckpointStore", "write_atomically"]

_log = logging.getLogger(__name__)
_NAME = re.compile(r"last-(\d{6})-([0-9a-f]{32})\.ckpt")


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` so that a crash leaves the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(content)


class AtomicCheckpointIO(TorchCheckpointIO):
    """Lightning's checkpoint writer, made atomic; reading runs no code from the file."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None
    ) -> None:
        """Write one checkpoint into the folder `path`, named by epoch and content."""
        del storage_options
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        content = buffer.getvalue()
        digest = hashlib.sha256(content).hexdigest()[:32]
        name = f"last-{int(checkpoint['epoch']):06d}-{digest}.ckpt"
        write_atomically(Path(path) / name, content)

    def load_checkpoint(self, path: str | Path, *_: Any, **__: Any) -> dict[str, Any]:
        """Read one checkpoint with torch's restricted unpickler."""
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        return state


class CheckpointStore:
    """The checkpoints of one run.

    Args:
        folder: Where they are.
        keep: How many of the newest to keep.
    """

    def __init__(self, folder: Path, *, keep: int = 2) -> None:
        self.folder = folder
        self.keep = keep

    def _all(self) -> list[Path]:
        """Return every checkpoint, newest first."""
        found = [path for path in self.folder.glob("last-*.ckpt") if _NAME.fullmatch(path.name)]
        return sorted(found, key=lambda path: (path.name[:11], path.stat().st_mtime), reverse=True)

    def newest(self) -> Path | None:
        """Return the newest checkpoint whose bytes match its name, if there is one."""
        for path in self._all():
            match = _NAME.fullmatch(path.name)
            digest = hashlib.sha256(path.read_bytes()).hexdigest()[:32]
            if match is not None and digest == match[2]:
                return path
            _log.warning(
                "The checkpoint %s is damaged (its content hashes to %s); taking the one before.",
                path,
                digest,
            )
        return None

    def prune(self) -> None:
        """Remove all but the newest, and what a killed run left half-written."""
        for path in self._all()[self.keep :]:
            path.unlink(missing_ok=True)
        for path in self.folder.glob(f".*{PART_SUFFIX}"):
            path.unlink(missing_ok=True)
