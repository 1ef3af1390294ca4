"""What a bundle says of itself: the contents of `bundle.json`, checked field by field.

Separate from the folder it lies in, so that training and export can make one without writing, and
so that every fault of a hand-edited file is reported at once. Plain dataclasses and the standard
library: this is on the path of a cold start.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from hilum.data.preprocessing import Preprocessing
from hilum.errors import BundleError, ConfigError
from hilum.registry import suggestion
from hilum.screening.engines.record import ENGINE_FILES, EngineRecord, engine_from
from hilum.screening.fields import Faults, canonical
from hilum.screening.threshold import Threshold, threshold_from

__all__ = ["FORMAT", "FORMAT_VERSION", "Architecture", "BundleRecord", "StoredFile", "Threshold"]

FORMAT = "hilum-bundle"
FORMAT_VERSION = 2
"""The newest there is, of bundles with a fast engine; all others are written as version 1."""

INTENDED_USE = (
    "Research use only. Not a medical device; not for diagnosis, triage or treatment of patients."
)
STORED_FILES = ("model.onnx", "weights.safetensors", "README.md")

Task = Literal["binary", "multiclass", "segmentation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """Which network the weights belong to.

    Args:
        name: As a recipe names it.
        channels: Input channels, 1 or 3.
        outputs: Logits; 1 for a binary network.
        options: What else the factory was given.
    """

    name: str
    channels: int
    outputs: int
    options: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values."""
        return {
            "name": self.name,
            "channels": self.channels,
            "outputs": self.outputs,
            "options": dict(self.options),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """Size in bytes and SHA-256 (hexadecimal) of a file of the bundle."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleRecord:
    """Everything a bundle says of itself. Raises BundleError with every fault at once."""

    name: str
    """What to call the model; used in lists and on overlays."""

    created: str
    """When it was exported: UTC, ISO 8601."""

    hilum_version: str
    """The version of hilum that exported it."""

    task: Task
    """binary (one logit decides between two classes), multiclass, or segmentation (one a pixel)."""

    classes: tuple[str, ...]
    """Class names in the order of the probabilities; for a binary network the second is sigmoid."""

    architecture: Architecture
    """Which network the weights belong to."""

    preprocessing: Preprocessing
    """How a radiograph becomes network input."""

    temperature: float = 1.0
    """Logits are divided by this before they become probabilities; above 0."""

    thresholds: Mapping[str, Threshold] = field(default_factory=lambda: {"argmax": Threshold()})
    """Named rules of decision."""

    default_threshold: str = "argmax"
    """The rule used unless another is named."""

    gate: Mapping[str, Any] = field(default_factory=dict)
    """Limits of the input gate that differ from the built-in ones, and feature statistics."""

    training: Mapping[str, Any] = field(default_factory=dict)
    """manifest_sha256, n_images, n_patients, sources, recipe, command."""

    measured: Mapping[str, Any] = field(default_factory=dict)
    """Figures measured on held-out data, with their intervals."""

    versions: Mapping[str, str] = field(default_factory=dict)
    """Versions of the packages that trained and exported it."""

    licence: str = "not stated"
    """Terms under which the weights may be used."""

    intended_use: str = INTENDED_USE
    """Contains "Research use only"."""

    engine: EngineRecord | None = None
    """The fast engine beside `model.onnx` and what was measured of it, if there is one."""

    files: Mapping[str, StoredFile] = field(default_factory=dict)
    """Hashes of the other files; filled in by `write_bundle`."""

    id: str = ""
    """SHA-256 over the canonical JSON of everything else; filled in by `write_bundle`."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "classes", tuple(self.classes))
        problems = self._problems()
        if problems:
            raise BundleError(listed("This bundle record contradicts itself:", problems))

    def _problems(self) -> list[str]:
        found = [*self._class_problems(), *self._threshold_problems()]
        if not math.isfinite(self.temperature) or self.temperature <= 0:
            found.append(f"temperature must be above 0, got {self.temperature}")
        if self.architecture.channels != self.preprocessing.channels:
            found.append(
                f"architecture.channels is {self.architecture.channels} but "
                f"preprocessing.channels is {self.preprocessing.channels}; they must be equal"
            )
        if "research use only" not in self.intended_use.lower():
            found.append('intended_use must contain "Research use only"')
        return found

    def _class_problems(self) -> list[str]:
        found = []
        if len(set(self.classes)) != len(self.classes) or not all(self.classes):
            found.append(f"classes must be different, non-empty names, got {list(self.classes)}")
        if len(self.classes) < 2:
            found.append(f"classes must be at least two names, got {list(self.classes)}")
        if self.task != "multiclass" and len(self.classes) != 2:
            found.append(f"a {self.task} task has two classes, got {len(self.classes)}")
        expected = len(self.classes) if self.task == "multiclass" else 1
        if self.architecture.outputs != expected:
            found.append(
                f"architecture.outputs must be {expected} for a {self.task} task with "
                f"{len(self.classes)} classes, got {self.architecture.outputs}"
            )
        return found

    def _threshold_problems(self) -> list[str]:
        found = []
        for name, rule in self.thresholds.items():
            if rule.kind == "argmax":
                continue
            if rule.label not in self.classes:
                found.append(
                    f"thresholds.{name}: no class called {rule.label!r}. "
                    f"{suggestion(rule.label, list(self.classes))}"
                )
            if not 0 <= rule.value <= 1:
                found.append(f"thresholds.{name}.value must be in [0, 1], got {rule.value}")
        if self.default_threshold not in self.thresholds:
            found.append(
                f"default_threshold: no threshold called {self.default_threshold!r}. "
                f"{suggestion(self.default_threshold, list(self.thresholds))}"
            )
        return found

    @property
    def calibrated(self) -> bool:
        """Whether a temperature was fitted; a fresh bundle's is 1."""
        return self.temperature != 1

    @property
    def stored_files(self) -> tuple[str, ...]:
        """Names of the files that belong to the bundle, besides the record."""
        return STORED_FILES if self.engine is None else (*STORED_FILES, *ENGINE_FILES)

    def digest(self) -> str:
        """Return the SHA-256 over the canonical JSON of everything but `id`."""
        return hashlib.sha256(canonical(self._contents()).encode()).hexdigest()

    def threshold(self, name: str | None = None) -> tuple[str, Threshold]:
        """Return a named rule of decision and its name; the default one for None.

        Raises:
            ConfigError: If the bundle has no rule of that name.
        """
        name = self.default_threshold if name is None else name
        if name not in self.thresholds:
            raise ConfigError(
                f"The bundle {self.name!r} has no threshold called {name!r}. "
                f"{suggestion(name, list(self.thresholds))}"
            )
        return name, self.thresholds[name]

    def to_dict(self) -> dict[str, Any]:
        """Return the contents of `bundle.json`, as plain values."""
        contents = self._contents()
        return {
            "format": contents.pop("format"),
            "format_version": contents.pop("format_version"),
            "id": self.id or self.digest(),
            **contents,
        }

    def _contents(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "format_version": 1 if self.engine is None else 2,
            "name": self.name,
            "created": self.created,
            "hilum_version": self.hilum_version,
            "task": self.task,
            "classes": list(self.classes),
            "architecture": self.architecture.to_dict(),
            "preprocessing": self.preprocessing.to_dict(),
            "preprocessing_hash": self.preprocessing.hash,
            "temperature": self.temperature,
            "thresholds": {name: rule.to_dict() for name, rule in self.thresholds.items()},
            "default_threshold": self.default_threshold,
            "gate": dict(self.gate),
            "training": dict(self.training),
            "measured": dict(self.measured),
            "versions": dict(self.versions),
            "licence": self.licence,
            "intended_use": self.intended_use,
            **({} if self.engine is None else {"engine": self.engine.to_dict()}),
            "files": {
                name: {"sha256": entry.sha256, "bytes": entry.bytes}
                for name, entry in self.files.items()
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> BundleRecord:
        """Make a record from the contents of `bundle.json`.

        Raises:
            BundleError: With every missing, unknown, mistyped or contradictory field at once.
        """
        _check_format(values)
        faults = Faults()
        known = ["format", "format_version", "preprocessing_hash"]
        known += [entry.name for entry in fields(cls)]
        faults.keys("", values, known)
        parts = _parts(values, faults)
        faults.raise_if_any("This bundle.json cannot be used:")
        record = cls(**parts)
        _check_digests(values, record)
        return record


def listed(summary: str, problems: list[str]) -> str:
    """Return a message of one line a problem."""
    return "\n".join([summary, *(f"  - {problem}" for problem in problems)])


def _check_format(values: Mapping[str, Any]) -> None:
    if values.get("format") != FORMAT:
        raise BundleError(
            f"This is not a bundle: bundle.json must say format {FORMAT!r}, "
            f"got {values.get('format')!r}."
        )
    version = values.get("format_version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BundleError(f"format_version must be a whole number from 1, got {version!r}.")
    if version > FORMAT_VERSION:
        raise BundleError(
            f"This bundle has format version {version}; this hilum reads up to {FORMAT_VERSION}. "
            "Upgrade hilum: pip install --upgrade hilum"
        )


def _parts(values: Mapping[str, Any], faults: Faults) -> dict[str, Any]:
    """Return the constructor's arguments; what is wrong with them goes to `faults`."""
    texts = ("id", "name", "created", "hilum_version", "default_threshold", "licence")
    parts: dict[str, Any] = {key: faults.text(key, values) for key in (*texts, "intended_use")}
    for key in ("gate", "training", "measured"):
        parts[key] = faults.mapping(key, values)
    parts["versions"] = faults.texts_by_name("versions", values)
    # A segmenter's record is never written by hand, so what is advised are a classifier's tasks.
    if values.get("task") == "segmentation":
        parts["task"] = "segmentation"
    else:
        parts["task"] = faults.one_of("task", values, ("binary", "multiclass"))
    parts["classes"] = faults.list_of_texts("classes", values)
    parts["temperature"] = faults.number("temperature", values)
    parts["architecture"] = _architecture(values, faults)
    parts["preprocessing"] = _preprocessing(values, faults)
    parts["thresholds"] = {
        name: threshold_from(f"thresholds.{name}", rule, faults)
        for name, rule in faults.mapping("thresholds", values).items()
    }
    parts["engine"] = engine_from(values, faults)
    stored = STORED_FILES if parts["engine"] is None else (*STORED_FILES, *ENGINE_FILES)
    parts["files"] = _files(values, faults, stored)
    faults.text("preprocessing_hash", values)
    return parts


def _architecture(values: Mapping[str, Any], faults: Faults) -> Architecture:
    inner = faults.mapping("architecture", values)
    faults.keys("architecture.", inner, ["name", "channels", "outputs", "options"])
    return Architecture(
        name=faults.text("name", inner, "architecture."),
        channels=faults.whole("channels", inner, "architecture."),
        outputs=faults.whole("outputs", inner, "architecture."),
        options=faults.mapping("options", inner, "architecture."),
    )


def _preprocessing(values: Mapping[str, Any], faults: Faults) -> Preprocessing:
    inner = faults.mapping("preprocessing", values)
    missing = [entry.name for entry in fields(Preprocessing) if entry.name not in inner]
    if missing and inner:
        faults.add(f"preprocessing: missing {', '.join(missing)}")
    try:
        return Preprocessing.from_dict(inner)
    except ConfigError as error:
        for problem in error.problems or (str(error),):
            faults.add(f"preprocessing: {problem}")
    except (TypeError, ValueError) as error:
        faults.add(f"preprocessing: a value has the wrong type: {error}")
    return Preprocessing()


def _files(
    values: Mapping[str, Any], faults: Faults, stored: Sequence[str]
) -> dict[str, StoredFile]:
    entries = faults.mapping("files", values)
    faults.keys("files.", entries, stored)
    found = {}
    for name in stored:
        where = f"files.{name}."
        entry = faults.mapping(name, entries, "files.")
        if entry:
            faults.keys(where, entry, ["sha256", "bytes"])
            found[name] = StoredFile(
                sha256=faults.text("sha256", entry, where),
                bytes=faults.whole("bytes", entry, where),
            )
    return found


def _check_digests(values: Mapping[str, Any], record: BundleRecord) -> None:
    if values["preprocessing_hash"] != record.preprocessing.hash:
        raise BundleError(
            f"preprocessing_hash is {values['preprocessing_hash']}, but this hilum prepares the "
            f"recorded preprocessing as {record.preprocessing.hash}. Either the record was "
            f"changed, or the pixels are made differently since hilum {record.hilum_version}: "
            "export the bundle again."
        )
    rest = {key: value for key, value in values.items() if key != "id"}
    digest = hashlib.sha256(canonical(rest).encode()).hexdigest()
    if values["id"] != digest:
        raise BundleError(
            f"bundle.json was changed after it was written: its id is {values['id']}, its "
            f"contents give {digest}. Copy the bundle again from where it was exported."
        )


def parse_record(text: str) -> BundleRecord:
    """Read the text of a `bundle.json`.

    Raises:
        BundleError: If it is not strict JSON, not an object, or not a usable record.
    """

    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is not JSON")

    try:
        values = json.loads(text, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise BundleError(f"bundle.json is not valid JSON: {error}") from error
    if not isinstance(values, dict):
        raise BundleError(f"bundle.json must hold an object, got {type(values).__name__}.")
    return BundleRecord.from_dict(values)
