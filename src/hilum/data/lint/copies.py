"""Which files show the same film: byte for byte, pixel for pixel, or re-encoded, toned and cropped.

Three sieves, each finer and slower than the one before: a 64-bit hash within `RADIUS` bits (see
`neighbours`), a 256-bit hash, and the correlation of detail after alignment. All thresholds were
measured on real films of 1,920 patients; `benchmarks/bench_duplicates.py` prints what each
alteration of a film leaves of them, and how often two patients are taken for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from hilum.data.lint.alignment import aligned_correlation, correlation, detail
from hilum.data.lint.fingerprint import WINDOWS, Window, ranked, window_of
from hilum.data.lint.fingerprints import Fingerprints
from hilum.data.lint.neighbours import HammingIndex, Matches

__all__ = [
    "CERTAIN",
    "DETAIL_RADIUS",
    "POSSIBLE",
    "RADIUS",
    "Copies",
    "Copy",
    "find_copies",
    "first_places",
]

Kind = Literal["bytes", "pixels", "picture", "crop", "mirrored", "negative"]

RADIUS = 8
"""Bits of 64 that may differ."""

DETAIL_RADIUS = 80
"""Bits of 256 that may differ."""

CERTAIN = 0.95
"""Correlation from which two files show one film, or two films of one patient taken in a row; two
patients reached 0.90."""

POSSIBLE = 0.91
"""Correlation from which they may, or show one patient twice."""

_WORTH_ALIGNING = 0.6
_MOST_ALIGNED = 100_000
_BATCH = 64
_CHUNK = 1024
_COMPARED = 2
"""Pairs compared as they lie, a window, for each pair that may be aligned."""

_BOTH_WAYS = ("picture", "mirrored", "negative")
_FEWEST_LEVELS = 8
_LEAST_SPREAD = 0.03


class _Candidate(NamedTuple):
    """Two pictures to align: a window of one, and the other; how alike they are as they lie."""

    moving: int
    fixed: int
    window: Window
    kind: Kind
    likeness: float


class Copy(NamedTuple):
    """Two files, the smaller place first, that show the same film, or may.

    Args:
        left: Place of one.
        right: Place of the other.
        kind: What is the same: bytes, pixels, the picture (other size, tone or compression), a part
            of it, or the picture mirrored or turned into its negative.
        similarity: Correlation of detail, in [`POSSIBLE`, 1].
    """

    left: int
    right: int
    kind: Kind
    similarity: float

    @property
    def certain(self) -> bool:
        """Whether both surely show one film."""
        return self.similarity >= CERTAIN


@dataclass(frozen=True, slots=True)
class Copies:
    """What was found.

    Args:
        pairs: One entry a pair, by place. Of n files that are the same to the byte, or to the
            pixel, each is paired with the first only.
        left_out: Candidates that were not looked at closely, because there were too many; they
            were the least likely ones.
    """

    pairs: tuple[Copy, ...]
    left_out: int = 0


def first_places(pairs: Iterable[Copy]) -> dict[int, int]:
    """Return, for every place in a pair, the first place that shows the same film.

    Args:
        pairs: Copies; a copy of a copy shows the same film, too.
    """
    leader: dict[int, int] = {}

    def leads(place: int) -> int:
        while leader.setdefault(place, place) != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    for pair in pairs:
        one, other = leads(pair.left), leads(pair.right)
        leader[max(one, other)] = min(one, other)
    return {place: leads(place) for place in leader}


def find_copies(prints: Fingerprints, *, most_aligned: int = _MOST_ALIGNED) -> Copies:
    """Find every pair of files that show the same film.

    Args:
        prints: Of the files; those that could not be read are left out.
        most_aligned: Pairs to look at closely, the most promising first; one takes about 2 ms.
    """
    readable = np.array([place not in prints.errors for place in range(len(prints.sha256))], bool)
    places = np.flatnonzero(readable)
    pairs, alone = _same(places, np.array(prints.sha256)[places], "bytes")
    pixels = prints.records["pixels"][alone]
    same, alone = _same(alone, pixels[:, 0] ^ (pixels[:, 1] << np.uint64(1)), "pixels")
    levels, spread = (prints.records[name][alone] for name in ("levels", "spread"))
    alone = alone[(levels >= _FEWEST_LEVELS) & (spread >= _LEAST_SPREAD)]
    near, left_out = _Search(prints.records[alone], most_aligned).run()
    pairs += same
    for one in near:
        pairs.append(one._replace(left=int(alone[one.left]), right=int(alone[one.right])))
    return Copies(tuple(sorted(pairs)), left_out)


def _same(
    places: NDArray[np.int64], values: NDArray[np.generic], kind: Kind
) -> tuple[list[Copy], NDArray[np.int64]]:
    """Pair each file with the first of the same value; also return the first of every value."""
    _, first, group = np.unique(values, return_index=True, return_inverse=True)
    leader = places[first[group]] if places.size else places
    pairs = [
        Copy(int(one), int(other), kind, 1.0)
        for one, other in zip(leader, places, strict=True)
        if one != other
    ]
    return pairs, np.sort(places[first])


class _Search:
    """The search for near copies among pictures that all differ in their pixels.

    Args:
        records: Shape (n,), dtype `PRINT`.
        most_aligned: Pairs to align; the least likely ones beyond are left out.
    """

    def __init__(self, records: NDArray[np.void], most_aligned: int) -> None:
        self._records = records
        self._found: dict[tuple[int, int], Copy] = {}
        self._waiting: dict[tuple[int, int], _Candidate] = {}
        self._most = most_aligned
        self._left_out = 0

    def run(self) -> tuple[list[Copy], int]:
        """Return the pairs found, and how many candidates were not looked at closely."""
        hashes = np.ascontiguousarray(self._records["hashes"])
        details = self._records["details"]
        index = HammingIndex(hashes[:, 0])
        whole = details[:, 0]
        self._sieve(index.pairs(RADIUS), whole, whole, "whole", "picture")
        for place, window in enumerate(WINDOWS[1:], 1):
            kind: Kind = "mirrored" if window == "mirror" else "crop"
            found = index.matches(np.ascontiguousarray(hashes[:, place]), RADIUS)
            self._sieve(found, details[:, place], whole, window, kind)
        self._sieve(index.matches(~hashes[:, 0], RADIUS), ~whole, whole, "whole", "negative")
        self._forget_the_least_likely()
        promising = [*self._waiting.values()]
        for at in range(0, len(promising), _BATCH):
            self._align(promising[at : at + _BATCH])
        return [*self._found.values()], self._left_out

    def _sieve(
        self,
        matches: Iterator[Matches],
        ours: NDArray[np.uint64],
        theirs: NDArray[np.uint64],
        window: Window,
        kind: Kind,
    ) -> None:
        """Compare, as they lie, the matches whose longer hashes agree as well."""
        pairs, left_out = _likeliest(matches, ours, theirs, kind, _COMPARED * self._most)
        self._left_out += left_out
        fresh = pairs[[not self._settled(*pair) for pair in pairs[:, 1:].tolist()], 1:]
        for at in range(0, len(fresh), _CHUNK):
            left, right = fresh[at : at + _CHUNK].T
            likeness = correlation(self._detail(left, window, kind), self._detail(right))
            for k in np.flatnonzero(likeness > _WORTH_ALIGNING).tolist():
                pair = int(left[k]), int(right[k])
                self._note(_Candidate(*pair, window, kind, float(likeness[k])))

    def _align(self, candidates: list[_Candidate]) -> None:
        """Keep the candidates whose detail agrees once they are aligned."""
        moving = np.concatenate(
            [self._detail([one.moving], one.window, one.kind) for one in candidates]
        )
        alike = aligned_correlation(moving, self._detail([one.fixed for one in candidates]))
        for one, similarity in zip(candidates, alike, strict=True):
            if similarity >= POSSIBLE:
                self._keep(one, float(similarity))

    def _detail(
        self,
        rows: Sequence[int] | NDArray[np.int64],
        window: Window = "whole",
        kind: Kind = "picture",
    ) -> NDArray[np.float32]:
        """Return the detail of one window of each picture, shape (n, 64, 64)."""
        windows = [
            window_of(thumb, window, (int(height), int(width)))
            for thumb, (width, height) in zip(
                self._records["thumb"][rows], self._records["content"][rows], strict=True
            )
        ]
        found = detail(ranked(np.stack(windows)))
        return -found if kind == "negative" else found

    def _settled(self, left: int, right: int) -> bool:
        return (min(left, right), max(left, right)) in self._found

    def _note(self, one: _Candidate) -> None:
        """Keep a pair that is plainly the same; let one that may be wait, by its best window."""
        key = min(one.moving, one.fixed), max(one.moving, one.fixed)
        if one.likeness >= CERTAIN:
            self._keep(one, one.likeness)
            self._waiting.pop(key, None)
        elif key not in self._waiting or self._waiting[key].likeness < one.likeness:
            self._waiting[key] = one
            if len(self._waiting) > 2 * self._most:
                self._forget_the_least_likely()

    def _forget_the_least_likely(self) -> None:
        """Keep as many candidates as may be aligned, so that memory stays bounded."""
        if len(self._waiting) > self._most:
            ordered = sorted(self._waiting.items(), key=lambda item: -item[1].likeness)
            self._left_out += len(ordered) - self._most
            self._waiting = dict(ordered[: self._most])

    def _keep(self, one: _Candidate, similarity: float) -> None:
        left, right = min(one.moving, one.fixed), max(one.moving, one.fixed)
        self._found[left, right] = Copy(left, right, one.kind, min(similarity, 1.0))


def _likeliest(
    matches: Iterator[Matches],
    ours: NDArray[np.uint64],
    theirs: NDArray[np.uint64],
    kind: Kind,
    most: int,
) -> tuple[NDArray[np.int64], int]:
    """Return the pairs whose longer hashes agree, the nearest `most` of them, and how many more.

    Returns:
        Rows of (bits that differ, query, row), shape (k, 3), and the number left out.
    """
    kept = np.empty((0, 3), np.int64)
    waiting: list[NDArray[np.int64]] = []
    count = left_out = 0
    for found in matches:
        distance = np.bitwise_count(ours[found.query] ^ theirs[found.row]).sum(1, dtype=np.int64)
        near = distance <= DETAIL_RADIUS
        near &= found.query < found.row if kind in _BOTH_WAYS else found.query != found.row
        if near.any():
            waiting.append(np.stack([distance, found.query, found.row], axis=1)[near])
            count += len(waiting[-1])
        if count > 2 * most:
            kept, more = _nearest(np.concatenate([kept, *waiting]), most)
            left_out, count = left_out + more, 0
            waiting.clear()
    kept, more = _nearest(np.concatenate([kept, *waiting]), most)
    return kept, left_out + more


def _nearest(pairs: NDArray[np.int64], most: int) -> tuple[NDArray[np.int64], int]:
    """Keep the pairs with the smallest first column; also say how many were dropped."""
    if len(pairs) <= most:
        return pairs, 0
    chosen = np.argpartition(pairs[:, 0], most)[:most]
    return pairs[chosen], len(pairs) - most
