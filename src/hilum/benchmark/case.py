"""What can be measured: alone, beside a peer, and what the peer needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from hilum.benchmark.row import Row
from hilum.screening.cores import usable_cores

__all__ = ["Case", "Settings", "lacking", "versions_of"]

_INSTALL = {
    "torch": "hilum[train]",
    "torchvision": "hilum[train]",
    "lightning": "hilum[train]",
    "safetensors": "hilum[train]",
    "onnx": "hilum[train]",
    "onnxscript": "hilum[train]",
    "openvino": "hilum[fast]",
    "pytorch_grad_cam": "hilum[train,bench]",
    "torchxrayvision": "hilum[train,bench]",
    "sklearn": "hilum[bench]",
}
"""What to give pip for a module that a peer is made of."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How much is measured.

    Args:
        folder: For what is drawn and written on the way; empty, and deleted by whoever made it.
        against: Whether peers are run as well.
        rounds: Timed runs of what takes milliseconds.
        few: Timed runs of what takes seconds.
        films: Distinct films of each kind.
        small: Side of small films in pixels.
        large: Width and height of large films in pixels.
        archive: Films of an archive.
        rows: Rows of a manifest.
        images: Predictions that intervals are computed for.
        many: Predictions that everything is computed for.
        real: Folder of real films to be read besides those that are drawn.
        threads: Of one inference, hilum's and the peers' alike. With several on a busy machine
            those that wait for one another lose turns, torch's much more than hilum's.
        is_quick: Whether the figures say nothing.
    """

    folder: Path
    against: bool = False
    rounds: int = 15
    few: int = 5
    films: int = 6
    small: int = 1024
    large: tuple[int, int] = (2048, 2500)
    archive: int = 200
    rows: int = 1_000_000
    images: int = 10_000
    many: int = 30_000
    real: Path | None = None
    threads: int = field(default_factory=usable_cores)
    is_quick: bool = False

    @classmethod
    def quick(
        cls,
        folder: Path,
        *,
        against: bool = False,
        real: Path | None = None,
        threads: int | None = None,
    ) -> Settings:
        """Return settings that show that everything runs, and measure nothing to speak of."""
        return cls(
            folder=folder, against=against, rounds=1, few=1, films=1, small=256, large=(512, 640),
            archive=24, rows=1000, images=100, many=100, real=real, is_quick=True,
            threads=threads or usable_cores(),
        )  # fmt: skip


Measure = Callable[[Settings], Iterable[Row]]


@dataclass(frozen=True, kw_only=True)
class Case:
    """One or more rows that are measured together.

    Args:
        claim: What is measured, for the row that says why it could not be.
        alone: Measures it without a peer; None if there is nothing to measure then.
        beside: Measures it beside its peer, and whatever `alone` does; None without a peer.
        peer: Of `beside`.
        needs: Modules that `beside` imports.
        packages: Names of the packages whose versions stand in the rows, as pip knows them.
    """

    claim: str
    alone: Measure | None = None
    beside: Measure | None = None
    peer: str = ""
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ("numpy",)

    def rows(self, settings: Settings) -> list[Row]:
        """Measure; where a package is missing, return a row that says so."""
        if settings.against and self.beside is not None:
            line = lacking(*self.needs)
            if not line:
                return list(self.beside(settings))
            return [*self._without(settings), self.missing(line)]
        return self._without(settings)

    def _without(self, settings: Settings) -> list[Row]:
        return [] if self.alone is None else list(self.alone(settings))

    def missing(self, why: str) -> Row:
        """Return the row of a case that could not be measured."""
        return Row(
            claim=self.claim, peer=self.peer, ours=None, theirs=None, unit="", ratio=None,
            wanted="", met=None, missing=why,
        )  # fmt: skip


def lacking(*modules: str) -> str:
    """Return the line that installs the first module that cannot be found, or "".

    >>> lacking("json"), lacking("no_such_module")
    ('', 'pip install no_such_module')
    """
    for name in modules:
        if not _found(name):
            wanted = _INSTALL.get(name, name)
            return f"pip install {wanted!r}" if "[" in wanted else f"pip install {wanted}"
    return ""


def _found(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return False


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of those packages that are installed, by name."""
    found = {}
    for name in packages:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
