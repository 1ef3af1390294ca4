"""Every pair within a Hamming distance, checked against trying them all."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hilum.data.lint import neighbours
from hilum.data.lint.neighbours import MOST_BITS, HammingIndex

NUMBERS = st.integers(0, 2**64 - 1)


def brute(queries: np.ndarray, hashes: np.ndarray, radius: int) -> set[tuple[int, int]]:
    distance = np.array([[(int(a) ^ int(b)).bit_count() for b in hashes] for a in queries])
    return (
        {(int(a), int(b)) for a, b in np.argwhere(distance <= radius)} if distance.size else set()
    )


def listed(found: object) -> list[tuple[int, int]]:
    return [(int(a), int(b)) for part in found for a, b in zip(part.query, part.row, strict=True)]


def clustered(rng: np.random.Generator, count: int) -> np.ndarray:
    """Hashes around a few centres, at every distance from 0 to 20."""
    centres = rng.integers(0, 2**64, 4, dtype=np.uint64)
    hashes = centres[rng.integers(0, 4, count)]
    for row in range(count):
        for bit in rng.choice(64, rng.integers(0, 21), replace=False):
            hashes[row] ^= np.uint64(1 << int(bit))
    return hashes


@pytest.mark.parametrize("radius", range(MOST_BITS + 1))
def test_all_pairs_are_found_once_at_every_radius(radius: int) -> None:
    hashes = clustered(np.random.default_rng(radius), 120)
    found = listed(HammingIndex(hashes).pairs(radius))
    assert len(found) == len(set(found))
    assert set(found) == {(a, b) for a, b in brute(hashes, hashes, radius) if a < b}
    assert found


@pytest.mark.parametrize("radius", [0, 1, 8, 15])
def test_all_matches_of_other_hashes_are_found_once(radius: int) -> None:
    rng = np.random.default_rng(radius)
    hashes = clustered(rng, 90)
    queries = np.concatenate([clustered(rng, 40), hashes[:20]])
    found = listed(HammingIndex(hashes).matches(queries, radius))
    assert len(found) == len(set(found))
    assert set(found) == brute(queries, hashes, radius)


@settings(max_examples=60, deadline=None)
@given(st.lists(NUMBERS, max_size=12), st.lists(NUMBERS, max_size=12), st.integers(0, MOST_BITS))
def test_no_hashes_defeat_the_search(left: list[int], right: list[int], radius: int) -> None:
    queries, hashes = (np.array(values, np.uint64) for values in (left, right))
    found = listed(HammingIndex(hashes).matches(queries, radius))
    assert sorted(found) == sorted(brute(queries, hashes, radius))


def test_the_distance_given_is_the_number_of_bits() -> None:
    hashes = clustered(np.random.default_rng(1), 60)
    for part in HammingIndex(hashes).pairs(10):
        bits = [
            int(hashes[a] ^ hashes[b]).bit_count() for a, b in zip(part[0], part[1], strict=True)
        ]
        assert part.distance.tolist() == bits


def test_equal_hashes_come_in_chunks_of_bounded_size() -> None:
    sizes = [part.row.size for part in HammingIndex(np.full(1000, 7, np.uint64)).pairs(8)]
    assert sum(sizes) == 1000 * 999 // 2
    assert max(sizes) <= neighbours._BLOCK


def test_nothing_and_one_hash_have_no_pairs() -> None:
    assert listed(HammingIndex(np.empty(0, np.uint64)).pairs(8)) == []
    assert listed(HammingIndex(np.zeros(1, np.uint64)).pairs(8)) == []
    assert len(HammingIndex(np.zeros(3, np.uint64))) == 3


@pytest.mark.parametrize("radius", [-1, 16])
def test_a_radius_that_the_bands_cannot_honour_is_refused(radius: int) -> None:
    with pytest.raises(ValueError, match=r"radius must be in \[0, 15\] bits, got"):
        list(HammingIndex(np.zeros(2, np.uint64)).pairs(radius))


@pytest.mark.parametrize("bad", [np.zeros(3, np.int64), np.zeros((2, 2), np.uint64)])
def test_other_than_64_bit_numbers_are_refused(bad: np.ndarray) -> None:
    with pytest.raises(ValueError, match="hashes must be uint64 of shape"):
        HammingIndex(bad)
    with pytest.raises(ValueError, match="queries must be uint64 of shape"):
        list(HammingIndex(np.zeros(1, np.uint64)).matches(bad, 3))
