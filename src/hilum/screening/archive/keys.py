"""A set of film keys that takes 16 bytes a key: which films an archive run has done already."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

__all__ = ["KeySet"]

_BYTES = 16
_PENDING = 65_536


class KeySet:
    """Remember keys by a 128-bit hash.

    Two of 100 million keys share one with a probability of 1.5e-23: less than that of a memory
    error on the way. With 64 bits it would be 3e-4, and a film would be lost without a word.
    """

    def __init__(self, keys: Iterable[str] = ()) -> None:
        self._sorted: NDArray[np.bytes_] = np.empty(0, f"S{_BYTES}")
        self._pending: set[bytes] = set()
        for key in keys:
            self.add(key)

    def __len__(self) -> int:
        return int(self._sorted.size) + len(self._pending)

    def __contains__(self, key: str) -> bool:
        return self._has(_digest(key))

    def add(self, key: str) -> bool:
        """Add a key; return whether it is new."""
        digest = _digest(key)
        if self._has(digest):
            return False
        self._pending.add(digest)
        if len(self._pending) >= max(_PENDING, self._sorted.size // 8):
            self._merge()
        return True

    def _has(self, digest: bytes) -> bool:
        if digest in self._pending:
            return True
        place = int(np.searchsorted(self._sorted, np.bytes_(digest)))
        # numpy gives an element back without the zero bytes at its end.
        return place < self._sorted.size and bool(self._sorted[place] == digest.rstrip(b"\0"))

    def _merge(self) -> None:
        fresh = np.array(list(self._pending), self._sorted.dtype)
        self._pending.clear()
        joined = np.concatenate([self._sorted, fresh])
        joined.sort(kind="stable")
        self._sorted = joined


def _digest(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=_BYTES).digest()
