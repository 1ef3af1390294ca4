"""What the node needs to be told."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from hilum.errors import ConfigError

__all__ = ["Destination", "NodeSettings", "WebDestination"]

_NOT_IN_TITLE = re.compile(r"[\\\x00-\x1f\x7f]|[^\x00-\x7f]")


def _title_problem(where: str, title: str) -> list[str]:
    if 1 <= len(title) <= 16 and title.strip() == title and not _NOT_IN_TITLE.search(title):
        return []
    return [f"{where} must be 1 to 16 ASCII characters without backslash, got {title!r}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A DICOM node that results, or commitment reports, go to."""

    title: str
    """Its AE title."""

    host: str
    """Its address."""

    port: int
    """Its port, 1 to 65535."""

    def problems(self, where: str) -> list[str]:
        """Return what is wrong with it."""
        found = _title_problem(f"{where}.title", self.title)
        if not self.host:
            found.append(f"{where}.host must not be empty")
        if not 1 <= self.port <= 65535:
            found.append(f"{where}.port must be 1 to 65535, got {self.port}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class WebDestination:
    """A DICOMweb server that results go to by STOW-RS."""

    url: str
    """Root of its service, for example https://pacs.example/dicom-web."""

    user: str = ""
    """For HTTP Basic authentication."""

    password: str = field(default="", repr=False)
    """Belongs to `user`."""

    token: str = field(default="", repr=False)
    """Bearer token, instead of user and password."""

    def problems(self, where: str) -> list[str]:
        """Return what is wrong with it."""
        if re.fullmatch(r"https?://[^/\s@?#]+(/[^\s?#]*)?", self.url):
            return []
        return [f"{where}.url must be http(s)://host[:port][/path], got {self.url!r}"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSettings:
    """How the node listens, whom it believes, and where results go. Reports all faults at once.

    Raises:
        ConfigError: If something does not make sense.
    """

    arrivals: Path
    """Folder for objects while they arrive; on the file system of the storage, nothing else's."""

    title: str = "HILUM"
    """AE title; associations that call another are rejected."""

    host: str = "127.0.0.1"
    """Address to listen on."""

    port: int = 11112
    """Port to listen on; 0 for any free one."""

    callers: tuple[str, ...] = ()
    """AE titles that may send."""

    any_caller: bool = False
    """Let anyone send who can reach the port. Said loudly at the start."""

    peers: tuple[Destination, ...] = ()
    """Where commitment reports go when the association that asked is gone, by AE title."""

    destinations: dict[str, Destination | WebDestination] = field(default_factory=dict)
    """Where results go, by a name of your choice."""

    max_pdu_bytes: int = 2**20
    """Largest protocol data unit a peer may claim."""

    max_object_bytes: int = 512 * 2**20
    """Largest object taken."""

    free_disk_bytes: int = 512 * 2**20
    """With less free space nothing is taken."""

    acse_timeout_s: float = 10.0
    """How long a connection may be silent before it has said who it is."""

    network_timeout_s: float = 60.0
    """How long an association may be silent."""

    connections: int = 100
    """At a time."""

    connections_per_address: int = 20
    """At a time."""

    retry_first_s: float = 10.0
    """Wait before the second try of a delivery; doubles each time, with jitter."""

    retry_most_s: float = 3600.0
    """Longest wait between two tries."""

    retry_age_s: float = 7 * 86400.0
    """Older deliveries are given up."""

    def __post_init__(self) -> None:
        problems = [*_title_problem("title", self.title), *self._caller_problems()]
        for name, destination in self.destinations.items():
            problems += destination.problems(f"destinations.{name}")
        for index, peer in enumerate(self.peers):
            problems += peer.problems(f"peers[{index}]")
        problems += self._number_problems()
        if problems:
            raise ConfigError("The node cannot start with these settings:", problems)

    def _caller_problems(self) -> list[str]:
        found = []
        for caller in self.callers:
            found += _title_problem("callers", caller)
        if not self.callers and not self.any_caller:
            found.append("callers is empty: name the AE titles that may send, or set any_caller")
        return found

    def _number_problems(self) -> list[str]:
        found = []
        if not 0 <= self.port <= 65535:
            found.append(f"port must be 0 to 65535, got {self.port}")
        if not 4096 <= self.max_pdu_bytes <= 2**24:
            found.append(f"max_pdu_bytes must be 4096 to {2**24}, got {self.max_pdu_bytes}")
        counts = ("max_object_bytes", "connections", "connections_per_address")
        found += [
            f"{name} must be at least 1, got {getattr(self, name)}"
            for name in counts
            if getattr(self, name) < 1
        ]
        if not 0 < self.acse_timeout_s <= 10:
            found.append(f"acse_timeout_s must be in (0, 10], got {self.acse_timeout_s}")
        times = ("network_timeout_s", "retry_first_s", "retry_most_s", "retry_age_s")
        return found + [
            f"{name} must be above 0, got {getattr(self, name)}"
            for name in times
            if not getattr(self, name) > 0
        ]
