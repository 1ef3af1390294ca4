"""The groups of cases by name, in the order in which they are run: those without torch first.

torch takes memory and threads from the moment it is imported; what is measured without it should
not pay for that.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from hilum.benchmark.case import Case
from hilum.errors import ConfigError

__all__ = ["GROUPS", "Group", "chosen_groups"]


@dataclass(frozen=True, kw_only=True)
class Group:
    """Cases that are measured together.

    Args:
        name: What a user types.
        summary: What is measured, in a few words.
        usual: Whether it is measured where no group is named and no peer is asked for.
        peers_only: Whether it has nothing to measure without peers.
    """

    name: str
    summary: str
    usual: bool = False
    peers_only: bool = False

    def cases(self) -> tuple[Case, ...]:
        """Return what is measured."""
        found: tuple[Case, ...] = import_module(f"hilum.benchmark.cases.{self.name}").CASES
        return found


GROUPS = (
    Group(name="cold", summary="one film in a new process, with heatmaps", usual=True),
    Group(name="film", summary="one film after another, with the default bundle", usual=True),
    Group(name="archive", summary="films a second with one worker and several", usual=True),
    Group(name="install", summary="bytes on the disk without extras"),
    Group(name="manifest", summary="a million rows loaded and split"),
    Group(name="cache", summary="prepared pictures beside reading files"),
    Group(name="evaluation", summary="intervals beside a loop over scikit-learn"),
    Group(name="reading", summary="from a file to the network's input", usual=True),
    Group(name="engine", summary="networks beside torch and OpenVINO", peers_only=True),
    Group(name="maps", summary="every class's map beside pytorch-grad-cam", peers_only=True),
    Group(name="training", summary="a training step beside paper 1's loop", peers_only=True),
    Group(name="feeding", summary="whether pictures keep up with the network", peers_only=True),
)


def chosen_groups(names: Sequence[str], *, against: bool) -> tuple[Group, ...]:
    """Return the groups that are named, or those that are usual.

    Args:
        names: In any order; without names all groups are run against peers, else the usual ones.
        against: Whether peers are run.

    Raises:
        ConfigError: If there is no such group, or one has nothing to measure without peers.
    """
    known = {group.name: group for group in GROUPS}
    problems = [
        f"expected a group of {', '.join(known)}; got {name!r}"
        for name in names
        if name not in known
    ]
    if not against:
        problems += [
            f"{name} is measured beside peers only; add --against peers"
            for name in names
            if name in known and known[name].peers_only
        ]
    if problems:
        raise ConfigError("There is nothing to measure:", problems)
    if names:
        return tuple(group for group in GROUPS if group.name in names)
    return tuple(group for group in GROUPS if against or group.usual)
