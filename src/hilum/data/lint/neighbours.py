"""All pairs of 64-bit hashes within a Hamming distance: exactly those, without trying all pairs.

A hash is cut into r + 1 bands. Two hashes that differ in at most r bits agree in at least one band
(pigeonhole), so only hashes that share a band's value are compared; nothing within the radius is
missed and nothing outside it is returned. Hashes of chest films are not evenly spread, which is why
a band takes every (r + 1)-th bit and why those who share a value are compared in dense blocks: that
costs 1 to 2 ns a pair, where following a table of candidates costs 20. Matches come in chunks, so
a set whose hashes are all alike takes time but never memory.

References:
    Manku, Jain and Das Sarma, "Detecting Near-Duplicates for Web Crawling", WWW 2007.
    Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", CVPR 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BITS", "MOST_BITS", "HammingIndex", "Matches"]

BITS = 64
MOST_BITS = 15
"""Largest radius; beyond it the bands are so short that everything is compared anyway."""

_BLOCK = 1 << 17
"""Pairs compared at a time: 1 MiB of differences, which stays in a processor's own cache."""


class Matches(NamedTuple):
    """Some of the pairs found: `distance[k]` bits lie between `query[k]` and `row[k]`."""

    query: NDArray[np.int64]
    row: NDArray[np.int64]
    distance: NDArray[np.uint8]


class HammingIndex:
    """Hashes that can be searched by distance.

    Args:
        hashes: Shape (n,), uint64.

    Raises:
        ValueError: If they are not.

    >>> index = HammingIndex(np.array([0b0000, 0b0111, 0b1111], np.uint64))
    >>> [(int(q), int(r), int(d)) for found in index.pairs(1) for q, r, d in zip(*found)]
    [(1, 2, 1)]
    """

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self._hashes = _checked("hashes", hashes)

    def __len__(self) -> int:
        return int(self._hashes.size)

    def pairs(self, radius: int) -> Iterator[Matches]:
        """Yield every pair of rows at most `radius` bits apart once, the smaller row as `query`.

        Raises:
            ValueError: If `radius` is not in [0, 15].
        """
        yield from self._search(self._hashes, radius, itself=True)

    def matches(self, queries: NDArray[np.uint64], radius: int) -> Iterator[Matches]:
        """Yield every (query, row) at most `radius` bits apart once, in no given order.

        Args:
            queries: Shape (m,), uint64.
            radius: Bits, in [0, 15].

        Raises:
            ValueError: If either is not.
        """
        yield from self._search(_checked("queries", queries), radius, itself=False)

    def _search(
        self, queries: NDArray[np.uint64], radius: int, *, itself: bool
    ) -> Iterator[Matches]:
        if not 0 <= radius <= MOST_BITS:
            raise ValueError(f"radius must be in [0, {MOST_BITS}] bits, got {radius}")
        masks = _masks(radius + 1)
        for band, mask in enumerate(masks):
            for ours, theirs in _sharing(queries & mask, self._hashes & mask):
                for found in _blocks(queries, self._hashes, ours, theirs, radius, itself=itself):
                    differing = queries[found.query] ^ self._hashes[found.row]
                    first = np.ones(differing.size, bool)
                    for earlier in masks[:band]:
                        first &= (differing & earlier) != 0
                    if first.any():
                        yield Matches(found.query[first], found.row[first], found.distance[first])


def _checked(name: str, hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    if hashes.ndim != 1 or hashes.dtype != np.uint64:
        raise ValueError(
            f"{name} must be uint64 of shape (n,), got {hashes.dtype} of shape {hashes.shape}"
        )
    return hashes


def _masks(bands: int) -> list[np.uint64]:
    """Return the bits of each band: every `bands`-th one."""
    return [np.uint64(sum(1 << bit for bit in range(first, BITS, bands))) for first in range(bands)]


def _sharing(
    queries: NDArray[np.uint64], hashes: NDArray[np.uint64]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield, for each value that both sides have, the rows that have it, ascending."""
    query_order = np.argsort(queries, kind="stable")
    hash_order = np.argsort(hashes, kind="stable")
    shared = np.intersect1d(queries, hashes)
    left = _places(queries[query_order], shared)
    right = _places(hashes[hash_order], shared)
    for (first, stop), (begin, end) in zip(left, right, strict=True):
        yield query_order[first:stop], hash_order[begin:end]


def _places(ordered: NDArray[np.uint64], values: NDArray[np.uint64]) -> list[list[int]]:
    """Return where each value begins and ends."""
    ends = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    return np.stack(list(ends), axis=1).tolist()  # type: ignore[no-any-return]


def _blocks(
    queries: NDArray[np.uint64],
    hashes: NDArray[np.uint64],
    ours: NDArray[np.int64],
    theirs: NDArray[np.int64],
    radius: int,
    *,
    itself: bool,
) -> Iterator[Matches]:
    """Compare all of `ours` with all of `theirs`, or each pair once where both are the same."""
    if itself and ours.size < 2:
        return
    values = hashes[theirs]
    rows = max(_BLOCK // theirs.size, 1)
    for at in range(0, ours.size, rows):
        begin = at if itself else 0
        some = queries[ours[at : at + rows]]
        distance = np.bitwise_count(some[:, None] ^ values[None, begin:])
        near = distance <= radius
        if not near.any():
            continue
        left, right = np.nonzero(near)
        if itself:
            ahead = left < right
            left, right = left[ahead], right[ahead]
        if left.size:
            yield Matches(ours[at + left], theirs[begin + right], distance[left, right])
