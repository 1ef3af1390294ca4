"""Whether the weights a run starts from have already seen its test patients."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from safetensors import safe_open

from hilum.data.manifest import Manifest
from hilum.data.patient_marks import patient_marks
from hilum.errors import LeakageError

__all__ = ["MARKS", "marks_of_weights", "refuse_seen_patients"]

MARKS = "trained_patients"
"""Key of the marks in the metadata of a weights file, parted by blanks."""

_FILES = (Path("weights.safetensors"), Path("checkpoints") / "best.safetensors")
_SHOWN = 5


def marks_of_weights(source: str | Path) -> frozenset[str] | None:
    """Return the marks of every patient the weights were trained or chosen on; None if unknown.

    Args:
        source: A bundle, a run, or a .safetensors file.
    """
    path = Path(source)
    files = [path / name for name in _FILES] if path.is_dir() else [path]
    file = next((name for name in files if name.is_file()), None)
    if file is None:
        return None
    with safe_open(file, framework="numpy") as weights:
        marks = (weights.metadata() or {}).get(MARKS)
    return None if marks is None else frozenset(marks.split())


def refuse_seen_patients(marks: Iterable[str], manifest: Manifest, source: str) -> None:
    """Refuse to test on patients that the starting weights were trained on.

    Args:
        marks: Of the patients the weights have seen.
        manifest: The images of the new run.
        source: Where the weights come from, for the message.

    Raises:
        LeakageError: With the patients of the test split among them.
    """
    test = patient_marks(manifest.select(split="test"))
    seen = sorted(test[mark] for mark in marks if mark in test)
    if seen:
        shown = "\n".join(f"  - {patient!r} of {origin!r}" for origin, patient in seen[:_SHOWN])
        raise LeakageError(
            f"{len(seen)} patient(s) of the test split were trained on by {source}, which this run "
            "starts from. Take them out of the test split, or start from other weights.\n" + shown
        )
