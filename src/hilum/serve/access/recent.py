"""What was looked up a moment ago, so that a program that sends many films is not each time.

What changes in between, a token that is revoked, a first user, is noticed when the moment has
passed. Nobody is kept here who is not let in.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable

from hilum.serve.access.tokens import Token

__all__ = ["Recent"]

_MOST = 256


class Recent:
    """Tokens, and whether there were no users.

    Args:
        seconds: How long what was looked up counts.
        tick: Seconds that never go back.
    """

    def __init__(self, seconds: float, *, tick: Callable[[], float] = time.monotonic) -> None:
        self._seconds, self.tick = seconds, tick
        self._tokens: dict[bytes, tuple[Token, float]] = {}
        self._no_users_at = float("-inf")

    def token(self, value: str) -> Token | None:
        """Return a token that was found within the last moment."""
        token, at = self._tokens.get(_hash(value), (None, 0.0))
        return token if self.tick() - at < self._seconds else None

    def keep_token(self, value: str, token: Token, at: float) -> None:
        """Keep a token that was found.

        Args:
            value: As the program sent it; its hash is kept.
            token: What is known of it.
            at: The tick before it was looked up.
        """
        if len(self._tokens) >= _MOST:
            self._tokens.clear()
        self._tokens[_hash(value)] = (token, at)

    @property
    def had_no_users(self) -> bool:
        """Whether there were none within the last moment."""
        return self.tick() - self._no_users_at < self._seconds

    def keep_users(self, there: bool, at: float) -> None:
        """Keep whether there were any at a tick."""
        self._no_users_at = float("-inf") if there else at


def _hash(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()
