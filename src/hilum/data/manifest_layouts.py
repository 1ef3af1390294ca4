"""Images without a manifest: folders named after classes, and plain lists.

Both lack the one fact that matters most, who the patient is. Each file is therefore taken for a
patient of its own, and a note says so: no split of such images can be shown to be free of leaks.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from hilum.data.manifest_checks import SPLITS
from hilum.data.manifest_table import ROW
from hilum.errors import ManifestError

__all__ = ["IMAGE_SUFFIXES", "NO_PATIENTS", "folder_table", "list_table", "parse_list"]

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".jfif", ".webp", ".dcm", ".dicom"})
NO_PATIENTS = (
    "Patient identity is unknown: each file counts as its own patient, so images of one patient "
    "may stand in several splits, and intervals may be too narrow."
)

_SPLIT_FOLDERS = {name: name for name in SPLITS} | {"valid": "val", "validation": "val"}


def folder_table(root: Path, source: str) -> pl.DataFrame:
    """List the images below `root`, whose folders are classes, or splits that hold classes.

    Args:
        root: Folder of `class/image.png`, or of `train/class/image.png`, any depth below.
        source: Name of the hospital or data set.

    Raises:
        ManifestError: If there is no folder, or no image in any of them.
    """
    folders = sorted(entry.name for entry in os.scandir(root) if entry.is_dir())
    folders = [name for name in folders if not name.startswith(".")]
    splits = {name: _SPLIT_FOLDERS.get(name.lower()) for name in folders}
    depth = 1 if folders and all(splits.values()) else 0
    paths = [path for name in folders for path in _images_below(root, name)]
    parts = [path.split("/") for path in paths]
    loose = [path for path, names in zip(paths, parts, strict=True) if len(names) < depth + 2]
    if not paths or loose:
        raise ManifestError(
            f"{root} does not hold one folder a class with images in it: expected "
            f"{root.name}/normal/a.png or {root.name}/train/normal/a.png, got "
            + (f"{loose[0]}" if loose else f"folders {', '.join(folders) or '(none)'}")
            + ". Read its manifest file instead, if it has one."
        )
    table = list_table(paths, [names[depth] for names in parts], source)
    if depth:
        table = table.with_columns(split=pl.Series([splits[names[0]] for names in parts]))
    return table


def _images_below(root: Path, name: str) -> list[str]:
    found = []
    for folder, below, files in os.walk(root / name):
        below[:] = sorted(entry for entry in below if not entry.startswith("."))
        within = Path(folder).relative_to(root).as_posix()
        wanted = (file for file in sorted(files) if Path(file).suffix.lower() in IMAGE_SUFFIXES)
        found += [f"{within}/{file}" for file in wanted if not file.startswith(".")]
    return found


def list_table(paths: Sequence[str], labels: Sequence[str] | None, source: str) -> pl.DataFrame:
    """Make a table of paths and labels; without labels they are empty, for screening only.

    Raises:
        ValueError: If there are not as many labels as paths.
    """
    if labels is not None and len(labels) != len(paths):
        raise ValueError(f"Expected one label a path, got {len(labels)} for {len(paths)} paths")
    text = dict.fromkeys(("path", "patient_id", "source", "label"), pl.String)
    columns = {
        "path": list(paths),
        "patient_id": list(paths),
        "source": [source] * len(paths),
        "label": [""] * len(paths) if labels is None else list(labels),
    }
    return pl.DataFrame(columns, schema=text).with_row_index(ROW, offset=1)


def parse_list(path: Path) -> tuple[list[str], list[str] | None]:
    """Read a text file of one path a line, each followed by a label or none of them.

    A tab parts path and label; without one, the last blank does, unless what follows it ends like
    an image's name. Empty lines and lines that begin with # are left out.

    Raises:
        ManifestError: If the file is not UTF-8, is empty, or labels only some of its lines.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ManifestError(f"{path} is not UTF-8: {error}") from error
    lines = [(row, line.strip()) for row, line in enumerate(text.splitlines(), 1)]
    split = [(row, *_path_and_label(line)) for row, line in lines if line and line[0] != "#"]
    bare = [row for row, _, label in split if not label]
    if not split:
        raise ManifestError(f"{path} lists no image; expected one path and label a line")
    if bare and len(bare) < len(split):
        faults = [f"row {row}: no label, while other rows have one" for row in bare]
        raise ManifestError(f"{path} labels only some of its images:", faults)
    return [name for _, name, _ in split], None if bare else [label for *_, label in split]


def _path_and_label(line: str) -> tuple[str, str]:
    name, mark, label = line.rpartition("\t")
    if mark:
        return name.strip(), label.strip()
    name, _, label = line.rpartition(" ")
    if not name or Path(label).suffix.lower() in IMAGE_SUFFIXES:
        return line, ""
    return name.strip(), label
