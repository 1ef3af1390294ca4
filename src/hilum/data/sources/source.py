"""What a public data set is to hilum: a card that describes it, and a reading of its label lists.

A source turns the files its publisher ships into a `Listing`: one row an image that should exist,
with what is known of it, and a count of what was left out and why. Everything after that, finding
the files, reconciling, writing the manifest, is the same for every source and lives in `build`.
Adding a data set is one file here and one line in this package's `__init__`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import polars as pl

from hilum.errors import ConfigError, DataError
from hilum.registry import Registry, suggestion

__all__ = ["Access", "Card", "LeftOut", "Listing", "Request", "Source", "sources"]

Access = Literal["open", "account", "agreement", "yours"]
"""How a set is had: freely over HTTP, with a free account, after signing, or it is the user's."""

_LISTS = frozenset({".csv", ".txt", ".tsv", ".json", ".xlsx"})
_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a person should know of a data set before using it."""

    name: str
    """What is typed: lower case, words parted by hyphens."""

    title: str
    """What it is called in print."""

    about: str
    """One or two sentences: what the images are, whose, and how they were labelled."""

    licence: str
    """As the publisher words it, short; "per image" where it differs."""

    citation: str
    """What to cite; empty for the generic sources."""

    home: str
    """Page where the publisher describes it; empty for the generic sources."""

    access: Access
    """How it is had."""

    steps: tuple[str, ...]
    """Exactly what to do to have it, one step or command a line."""

    images: int | None = None
    """Images as published; None if it varies."""

    patients: int | None = None
    """Patients as published; None if unknown."""

    gigabytes: float | None = None
    """Size of the download in GB; None if unknown."""

    versions: tuple[str, ...] = ()
    """Published versions, oldest first."""

    default: str = ""
    """The version built if none is asked for; the last, if empty."""

    version_names: Mapping[str, str] = field(default_factory=dict)
    """What else a version is called, and which one it is."""

    labels: tuple[str, ...] = ()
    """Names of the label files of the version built by default; globs allowed."""

    flaws: tuple[str, ...] = ()
    """What is known to be wrong with it, one sentence each."""


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Rows of the published lists that are not in the listing, and why."""

    reason: str
    count: int
    examples: tuple[str, ...] = ()
    """Up to five of them, as a person would look for them."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a publisher's lists say should exist.

    Args:
        frame: One row an image, all text but `age` (years, float). Columns `file` (name or relative
            path as published), `patient_id`, `source` and `label` without nulls; others that the
            manifest keeps (split, study_id, view, sex, age, findings, ...) may hold nulls.
        listed: Rows in the lists, before anything was left out or merged.
        left_out: What was not taken, and why; their counts and the rows of `frame` sum to `listed`.
        notes: What a reader of any result on these images should know.
        skipped: Files of the rows that were left out, so that they do not count as files that no
            list names.
        found_by: How `file` is looked for: by its "name", in whatever folder and under names it
            once had; by its "path", every folder in it meant; or not at all, because the listing
            saw it on the "disk", below the root.
    """

    frame: pl.DataFrame
    listed: int
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = ()
    skipped: frozenset[str] = frozenset()
    found_by: Literal["name", "path", "disk"] = "name"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a person asks to be built.

    Args:
        labels: Folder of the publisher's label files; None if there is none.
        root: Folder that holds the images, at any depth; None when only lists are read.
        version: One of the card's versions, as anybody may write it; None for the default.
        options: What else the source takes, by name; each source refuses those it does not know.
    """

    labels: Path | None = None
    root: Path | None = None
    version: str | None = None
    options: Mapping[str, str] = field(default_factory=dict)

    def label_file(self, *names: str) -> Path:
        """Return the first of several files that lies among the labels, or in a folder below.

        Args:
            names: Names the publisher has given this file over time, globs allowed; case is
                ignored.

        Raises:
            DataError: If there is none; says where it was looked for and what lies there.
        """
        found = self.find_label_file(*names)
        if found is not None:
            return found
        if self.labels is None:
            raise DataError(
                f"Expected {names[0]} in a folder of label files; name it with --labels."
            )
        if not self.labels.is_dir():
            raise DataError(f"There is no folder {self.labels}, where {names[0]} was expected.")
        lists = [name for _, name in self._label_files() if Path(name).suffix.lower() in _LISTS]
        hint = suggestion(names[0], lists[:_SHOWN]) if lists else "It holds no list at all."
        raise DataError(f"{self.labels} holds no {' or '.join(names)}. {hint}")

    def find_label_file(self, *names: str) -> Path | None:
        """Return what `label_file` does, or None if there is no such file."""
        ranks = {name.lower(): rank for rank, name in reversed([*enumerate(names)])}
        globs = [name for name in ranks if "*" in name]
        found = [
            (ranks[wanted], folder.count(os.sep), Path(folder, name))
            for folder, name in self._label_files()
            for wanted in (name.lower(), *globs)
            if wanted in ranks and fnmatchcase(name.lower(), wanted)
        ]
        return min(found, default=(0, 0, None))[2]

    def _label_files(self) -> Iterator[tuple[str, str]]:
        """List (folder, name) of the files below the labels; none if there is no such folder."""
        for folder, below, names in os.walk(self.labels or ""):
            below[:] = sorted(name for name in below if name[0] != "." and name != "__MACOSX")
            yield from ((folder, name) for name in sorted(names) if name[0] != ".")

    def images(self) -> Path:
        """Return the folder of images.

        Raises:
            DataError: If none was given, or it is not there.
        """
        if self.root is None:
            raise DataError("This source has no label list: name the folder of images with --root.")
        if not self.root.is_dir():
            raise DataError(f"There is no folder {self.root}; --root names the folder of images.")
        return self.root

    def chosen(self, card: Card) -> str:
        """Return the version to build.

        Raises:
            ConfigError: If the card does not know the version asked for, or has none.
        """
        if not card.versions:
            if self.version is not None:
                raise ConfigError(f"{card.name} has no versions, got {self.version!r}.")
            return ""
        if self.version is None:
            return card.default or card.versions[-1]
        known = {_plain(name): name for name in card.versions}
        known |= {_plain(name): version for name, version in card.version_names.items()}
        asked = _plain(self.version)
        bare = asked.removeprefix(_plain(card.name))
        for name in (asked, bare, bare.removeprefix("v")):
            if name in known:
                return known[name]
        several = [name for name in card.versions if bare and _plain(name).startswith(bare)]
        hint = (
            f"Which of {' and '.join(several)}?"
            if len(several) > 1
            else suggestion(self.version, [*card.versions, *card.version_names])
        )
        raise ConfigError(f"{card.name} has no version {self.version!r}. {hint}")

    def check_options(self, *known: str) -> None:
        """Refuse options that the source does not take.

        Raises:
            ConfigError: Naming the option and the nearest one that is known.
        """
        for name in self.options:
            if name not in known:
                hint = suggestion(name, list(known)) if known else "It takes none."
                raise ConfigError(f"There is no option {name!r} here. {hint}")


@runtime_checkable
class Source(Protocol):
    """A public data set, or a generic layout."""

    card: Card

    def listing(self, request: Request) -> Listing:
        """Read the lists, or, where a set has none, the folder of images.

        Raises:
            DataError: If a list is missing or cannot be parsed; names the file and the line.
            ConfigError: If the version or an option is unknown.
        """


sources: Registry[Source] = Registry("data set")
"""Every source by its card's name."""


def _plain(name: str) -> str:
    """Return a version's name as it is compared: letters and digits only, in lower case."""
    return "".join(letter for letter in name.lower() if letter.isalnum())
