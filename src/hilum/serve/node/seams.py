"""Where the node ends and storage begins: what it hands over, and what it asks for.

Whoever keeps films and results implements `Intake`, `FilmQueue` and `Outbox`; whoever reads films
implements `Reader`. All are called from several threads at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hilum.screening.result import Screening

__all__ = [
    "Delivery",
    "FilmQueue",
    "FilmToRead",
    "Intake",
    "Kind",
    "Outbox",
    "Outcome",
    "Reader",
    "Reading",
    "ReceivedObject",
    "ResultFile",
]


class Kind(Enum):
    """What a received object is to the node."""

    CANDIDATE = "frontal candidate: CR/DX image"
    ASIDE = "other object, kept aside"
    OWN = "our own result, never read"


class Outcome(Enum):
    """What became of a received object; only the first three say that it is safely kept."""

    STORED = "stored"
    DUPLICATE = "the same bytes were here already"
    CONFLICT = "same UID, other contents: the first is kept, the case is flagged"
    NO_SPACE = "no room"
    UNAVAILABLE = "storage does not answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedObject:
    """What is known of an object that arrived, all of it said by its sender: never trust it.

    UIDs hold digits and dots only, at most 64 of them; other text is one line of at most 256
    characters without control characters, and must be escaped wherever it is shown.

    Args:
        sop_class: SOP Class UID.
        sop_uid: SOP Instance UID, equal in the command and in the data set.
        study_uid: Study Instance UID.
        series_uid: Series Instance UID.
        transfer_syntax: Transfer Syntax UID the bytes are encoded in.
        calling: AE title the sender used.
        peer: Its address.
        kind: What to do with it.
        size: Bytes of the file, preamble and file meta information included.
        sha256: Hash of the data set as received, without preamble and file meta information,
            which are written anew each time; two arrivals of one object have the same.
    """

    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    transfer_syntax: str
    calling: str
    peer: str
    kind: Kind
    size: int
    sha256: str


class Intake(Protocol):
    """Keeps what arrives."""

    def receive(self, part: Path, facts: ReceivedObject) -> Outcome:
        """Take over a complete, fsynced Part 10 file, and say what became of it.

        STORED and DUPLICATE are acknowledged to the sender as soon as this returns: the object
        must then survive a power cut (rename into place, fsync of the folder, commit).

        Args:
            part: In the node's folder for arrivals, under a name of the node's own. Move it, or
                leave it to be removed.
            facts: What is known of it.
        """

    def holds(self, uids: Collection[str]) -> Collection[str]:
        """Return those SOP Instance UIDs whose objects are safely kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilmToRead:
    """A stored film that has no answer yet.

    Args:
        id: As the storage names it.
        path: The stored Part 10 file.
        calling: AE title of whoever sent it.
    """

    id: str
    path: Path
    calling: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a reader says of one film.

    Args:
        screening: The answer, refusal or failure.
        overlay: The picture to show with an answer, RGB, uint8 (h, w, 3); None without one.
        overlay_class: The class whose evidence the overlay shows.
        temperature: Of the bundle that answered.
        bundle_version: Version of hilum that exported the bundle.
    """

    screening: Screening
    overlay: NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)
    overlay_class: str = ""
    temperature: float = 1.0
    bundle_version: str = ""


class Reader(Protocol):
    """Reads films."""

    def read(self, path: Path) -> Reading:
        """Return the answer for one film; what goes wrong stands in its screening."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultFile:
    """One result object, ready to be kept and sent.

    Args:
        kind: "sr" or "capture".
        sop_uid: Its SOP Instance UID, derived from the film and the bundle.
        path: A fsynced Part 10 file in the node's folder; move it, it is removed otherwise.
    """

    kind: str
    sop_uid: str
    path: Path


class FilmQueue(Protocol):
    """Knows which films wait to be read."""

    def waiting(self, limit: int) -> Sequence[FilmToRead]:
        """Return at most `limit` candidates without an answer, oldest first."""

    def answered(self, film: FilmToRead, reading: Reading, results: Sequence[ResultFile]) -> None:
        """Keep the answer and its result files, and queue them for sending, in one transaction."""

    def failed(self, film: FilmToRead, why: str) -> None:
        """Mark a film that has no answer, so that it is not tried for ever."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Result files on their way to one destination.

    Args:
        id: As the storage names it.
        destination: Name of a destination in the node's settings; never a host from a film.
        paths: The files, sent in one association.
        attempts: How often it was tried.
        created: When it was queued, with time zone.
    """

    id: str
    destination: str
    paths: tuple[Path, ...]
    attempts: int
    created: datetime


class Outbox(Protocol):
    """Keeps what is to be sent until it is."""

    def due(self, now: datetime, limit: int) -> Sequence[Delivery]:
        """Return at most `limit` deliveries whose next try is not after `now`, oldest first."""

    def sent(self, id: str) -> None:  # noqa: A002 - the name the callers know it by
        """Note that the destination confirmed every file."""

    def failed(self, id: str, why: str, next_try: datetime) -> None:  # noqa: A002
        """Note a failure that may pass; count the attempt."""

    def dead(self, id: str, why: str) -> None:  # noqa: A002
        """Note that it is given up; a person may queue it again."""
