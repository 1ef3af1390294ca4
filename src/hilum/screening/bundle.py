"""A bundle: one folder that holds a model and everything needed to use it rightly.

    model.onnx            input `images`, outputs `logits` and `cams`; what screening runs
    weights.safetensors   the same weights, to train on
    bundle.json           the record: classes, preprocessing, temperature, thresholds, hashes ...
    README.md             the model card
    engine.xml, .bin      only of a bundle that `hilum optimize` wrote: the network made faster

Every file is compared with the size and SHA-256 in the record, the weights too, although screening
does not use them: a bundle with one changed byte is not that bundle. Nothing else in the folder is
ever opened, and nothing anywhere is unpickled.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.data.file_hash import file_sha256
from hilum.errors import BundleError, MissingExtraError
from hilum.screening.engines.record import ENGINE_FILES
from hilum.screening.record import BundleRecord, StoredFile, parse_record

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Bundle", "load_bundle", "refuse_to_replace", "write_bundle"]

_RECORD = "bundle.json"
_RECORD_LIMIT_BYTES = 16_000_000
_MAKE_ONE = "Make one with `make demo`, or export a training run with `hilum export`."

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle on disk whose record was read and whose files were checked.

    Args:
        folder: Where it lies.
        record: The contents of `bundle.json`.
    """

    folder: Path
    record: BundleRecord

    @classmethod
    def load(cls, folder: str | Path, *, verify: bool = True) -> Bundle:
        """Open a bundle and check it.

        Args:
            folder: The bundle's folder.
            verify: True compares every file with its hash; False trusts the files and only reads
                the record.

        Raises:
            BundleError: If the folder, the record or a file is not what it should be.
        """
        place = Path(folder)
        if not place.is_dir():
            found = "a file" if place.exists() else "nothing"
            raise BundleError(f"Expected a bundle folder at {place}, got {found}. {_MAKE_ONE}")
        try:
            bundle = cls(place, parse_record(_record_text(place)))
        except BundleError as error:
            raise BundleError(f"The bundle {place} cannot be used. {error}") from error
        if verify:
            bundle.verify()
        return bundle

    @property
    def id(self) -> str:
        """SHA-256 over the record, hexadecimal: the name of exactly this bundle."""
        return self.record.id

    @property
    def engine_path(self) -> Path:
        """Where the fast engine lies, if the record tells of one."""
        return self.folder / "engine.xml"

    @property
    def model_path(self) -> Path:
        """Where the ONNX network lies."""
        return self.folder / "model.onnx"

    def verify(self) -> None:
        """Compare the files with the record.

        Raises:
            BundleError: With every missing or changed file at once.
        """
        problems = []
        for name in self.record.stored_files:
            problem = _difference(self.folder / name, self.record.files[name])
            if problem:
                problems.append(f"{name}: {problem}")
        if problems:
            lines = "".join(f"\n  - {problem}" for problem in problems)
            raise BundleError(
                f"The files of the bundle {self.folder} are not those it was written with:{lines}"
            )

    def weights_path(self) -> Path:
        """Return the path of the weights after hashing them.

        Raises:
            BundleError: If they are missing or changed.
        """
        path = self.folder / "weights.safetensors"
        problem = _difference(path, self.record.files[path.name])
        if problem:
            raise BundleError(f"The weights of the bundle {self.folder} cannot be used: {problem}")
        return path

    def load_weights(self) -> Mapping[str, NDArray[np.generic]]:
        """Return the weights by parameter name, after hashing them.

        Raises:
            BundleError: If they are missing or changed.
            MissingExtraError: If safetensors is not installed.
        """
        path = self.weights_path()
        try:
            from safetensors import SafetensorError
            from safetensors.numpy import load
        except ImportError as error:
            raise MissingExtraError("safetensors", "train") from error
        try:
            tensors: Mapping[str, NDArray[np.generic]] = load(path.read_bytes())
        except SafetensorError as error:
            raise BundleError(f"{path} is not a safetensors file: {error}") from error
        return tensors


def load_bundle(folder: str | Path, *, verify: bool = True) -> Bundle:
    """Open a bundle and check it; the same as `Bundle.load`."""
    return Bundle.load(folder, verify=verify)


def write_bundle(
    folder: str | Path,
    record: BundleRecord,
    *,
    model_onnx: bytes | Path,
    weights: bytes | Path,
    card: str | None = None,
    engine: Mapping[str, bytes | Path] | None = None,
    overwrite: bool = False,
) -> Bundle:
    """Write a bundle so that a reader sees all of it or nothing.

    The files are written to a folder beside, synced to disk, checked, and renamed into place.

    Args:
        folder: Where the bundle goes; its parents are made.
        record: What it says of itself; hashes and id are filled in here.
        model_onnx: The network, as bytes or as a file to copy.
        weights: The safetensors weights, as bytes or as a file to copy.
        card: The model card, Markdown; written from the record unless given.
        engine: The files of the fast engine that the record tells of, by name. Without them the
            record's section is dropped: what was measured does not hold for another bundle.
        overwrite: Replace a bundle that is already there. Anything else is never replaced.

    Returns:
        The bundle, loaded from where it was written.

    Raises:
        BundleError: If something is there already, or the record cannot be written as JSON.
    """
    place = Path(folder).absolute()
    refuse_to_replace(place, overwrite=overwrite)
    place.parent.mkdir(parents=True, exist_ok=True)
    record = _with_engine(record, engine)
    if card is None:
        from hilum.screening.card import model_card

        card = model_card(record)
    contents = {
        "model.onnx": model_onnx,
        "weights.safetensors": weights,
        "README.md": card.encode(),
        **(engine or {}),
    }
    part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
    try:
        files = {name: _store(part / name, content) for name, content in contents.items()}
        full = replace(record, files=files, id="")
        text = json.dumps(full.to_dict(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        _store(part / _RECORD, text.encode())
        part.chmod(0o755)
        _sync_folder(part)
        Bundle.load(part)
        _move_into_place(part, place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return Bundle.load(place, verify=False)


def _with_engine(record: BundleRecord, engine: Mapping[str, bytes | Path] | None) -> BundleRecord:
    """Return the record, without its fast engine if that engine's files are not given."""
    if engine is not None and (record.engine is None or {*engine} != {*ENGINE_FILES}):
        told = "has one" if record.engine else "has none"
        raise BundleError(
            f"A fast engine is the files {' and '.join(ENGINE_FILES)} and a section of the "
            f"record; got the files {sorted(engine)}, and the record {told}."
        )
    if record.engine is not None and engine is None:
        logger.warning(
            "The fast engine is left out of the new bundle, as it was measured for the old one. "
            "Make another with `hilum optimize`."
        )
        return replace(record, engine=None)
    return record


def refuse_to_replace(place: Path, *, overwrite: bool) -> None:
    """Refuse a place for a new bundle where something is that may not be replaced.

    Args:
        place: Where the bundle would go.
        overwrite: Whether a bundle that is there may be replaced.

    Raises:
        BundleError: If something is there.
    """
    if not os.path.lexists(place):
        return
    if not overwrite:
        raise BundleError(
            f"There is already something at {place}. Choose another folder, or ask to overwrite "
            "it (--overwrite)."
        )
    if not (place / _RECORD).is_file() or place.is_symlink():
        raise BundleError(f"{place} is not a bundle, so it is not replaced. Choose another folder.")


def _store(path: Path, content: bytes | Path) -> StoredFile:
    """Write or copy `content` to `path`, synced to disk; return its size and hash."""
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as target:
        if isinstance(content, bytes):
            target.write(content)
            digest.update(content)
            size = len(content)
        else:
            with content.open("rb") as source:
                while chunk := source.read(1 << 20):
                    target.write(chunk)
                    digest.update(chunk)
                    size += len(chunk)
        target.flush()
        os.fsync(target.fileno())
    return StoredFile(sha256=digest.hexdigest(), bytes=size)


def _move_into_place(part: Path, place: Path) -> None:
    """Rename `part` to `place`, keeping what was there until the new one is in place."""
    if not os.path.lexists(place):
        part.rename(place)
    else:
        old = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".old", dir=place.parent))
        place.rename(old / "bundle")
        try:
            part.rename(place)
        except OSError:
            (old / "bundle").rename(place)
            raise
        finally:
            shutil.rmtree(old, ignore_errors=True)
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    """Ask the system to write the folder's list of names to disk, where it can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows cannot open a folder; the rename is still atomic there.
        logger.debug("cannot sync the folder %s", folder)
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _record_text(folder: Path) -> str:
    path = folder / _RECORD
    try:
        size = path.stat().st_size
        if size > _RECORD_LIMIT_BYTES:
            raise BundleError(f"bundle.json has {size:,} bytes; at most 16 MB are read.")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise BundleError(f"It has no bundle.json, so it is not a bundle. {_MAKE_ONE}") from error
    except UnicodeDecodeError as error:
        raise BundleError(f"bundle.json is not UTF-8 text (byte {error.start}).") from error
    except OSError as error:
        raise BundleError(f"bundle.json cannot be read: {error.strerror}.") from error


def _difference(path: Path, expected: StoredFile) -> str:
    """Say how the file at `path` differs from what the record expects; empty if it does not."""
    try:
        size = path.stat().st_size
        if size != expected.bytes:
            return (
                f"expected {expected.bytes:,} bytes, got {size:,}; the copy is incomplete or the "
                "file was changed"
            )
        actual = file_sha256(path)
    except FileNotFoundError:
        return "it is missing; copy the whole folder again"
    except OSError as error:
        return f"it cannot be read: {error.strerror}"
    if actual != expected.sha256:
        return f"expected sha256 {expected.sha256}, got {actual}; copy the bundle again"
    return ""
