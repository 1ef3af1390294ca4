"""Passwords: which are taken, and how they are kept.

Kept as argon2id in the second recommended form of RFC 9106: 64 MiB, 3 passes, 4 lanes. It costs an
attacker three times the memory of OWASP's least (19 MiB), and a login here a fifth of a second.
Two are checked at a time, so that logins never take more than 128 MiB from reading films.

Taken as NIST SP 800-63B asks: 12 to 128 characters of any kind, no rules about which; refused are
the commonest, what repeats itself, and the user's own name.

References:
    RFC 9106, section 4. NIST SP 800-63B, section 3.1.1. OWASP Password Storage Cheat Sheet.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager

from argon2 import PasswordHasher, profiles
from argon2.exceptions import InvalidHashError, VerificationError

from hilum.errors import ConfigError
from hilum.serve.access.errors import BusyError
from hilum.serve.access.names import folded

__all__ = ["LEAST", "MOST", "Passwords", "check_password"]

LEAST, MOST = 12, 128
"""Characters of a password."""

_AT_A_TIME = 2
_WAITING = 8
_WAIT_S = 10.0

_KEYS = (
    "1234567890",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "abcdefghijklmnopqrstuvwxyz",
    "1q2w3e4r5t6y7u8i9o0p",
    "1qaz2wsx3edc4rfv5tgb",
)
_ROWS = tuple(row * 2 for row in _KEYS) + tuple(row[::-1] * 2 for row in _KEYS)
_RUN = 4
_OTHERS = 3
_LISTED = """
    password passwort motdepasse contrasena contraseña wachtwoord parola senha secret
    administrator administrador administrateur changeme changemenow letmein welcome default
    iloveyou trustno sunshine princess football baseball superman batman dragon monkey master
    correcthorsebatterystaple hospital radiology radiologist radiologie xray chestxray covid
    hilum
"""
_COMMON = frozenset(_LISTED.split())


def check_password(password: str, name: str) -> None:
    """Check that a new password may be taken.

    Args:
        password: As it was typed.
        name: Of the user.

    Raises:
        ConfigError: If it is short, long, common, repeats itself or is the name. The message does
            not hold it.
    """
    if not LEAST <= len(password) <= MOST:
        raise ConfigError(
            f"A password has {LEAST} to {MOST} characters; got {len(password)}. "
            "A few words in a row are easy to keep in mind."
        )
    text = _stable(password).casefold()
    if _period(text) <= max(4, len(text) // 3):
        raise ConfigError("This password repeats itself. Take a few words in a row instead.")
    if _is_guessed(text, name):
        raise ConfigError(
            "This password is among the first that anyone would try. "
            "Take a few words in a row that belong to nobody else."
        )


class Passwords:
    """Hash and check passwords, a few at a time.

    Args:
        hasher: argon2id and its cost; the default is for use, a cheaper one for tests.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher.from_parameters(profiles.RFC_9106_LOW_MEMORY)
        self._waiting = threading.BoundedSemaphore(_AT_A_TIME + _WAITING)
        self._working = threading.BoundedSemaphore(_AT_A_TIME)
        self._dummy = ""

    def hashed(self, password: str) -> str:
        """Return what is kept of a password: argon2id with its parameters and a random salt."""
        with self._turn():
            return self._hasher.hash(_stable(password))

    def fits(self, kept: str | None, password: str) -> bool:
        """Return whether a password is the one that is kept.

        Where none is kept, one is checked all the same, so that the time it takes does not tell
        whether a name is known.

        Args:
            kept: A hash; None for a name that is not known, or has no password.
            password: As it was typed.

        Raises:
            BusyError: If too many are waiting.
        """
        if len(password) > MOST:
            password = ""  # never taken, so never kept; it takes as long as any other
        with self._turn():
            against = kept or self._nobody()
            try:
                found = self._hasher.verify(against, _stable(password))
            except (VerificationError, InvalidHashError):
                return False
        return found and kept is not None

    def is_outdated(self, kept: str) -> bool:
        """Return whether a hash was made with other parameters than are used now."""
        return self._hasher.check_needs_rehash(kept)

    def _nobody(self) -> str:
        if not self._dummy:
            self._dummy = self._hasher.hash("nobody's password")
        return self._dummy

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._waiting.acquire(blocking=False):
            raise BusyError
        try:
            if not self._working.acquire(timeout=_WAIT_S):
                raise BusyError
            try:
                yield
            finally:
                self._working.release()
        finally:
            self._waiting.release()


def _stable(password: str) -> str:
    """Return one spelling of what two keyboards type differently (SP 800-63B asks for it)."""
    return unicodedata.normalize("NFKC", password)


def _period(text: str) -> int:
    """Return the length of the shortest piece that, repeated, gives the text."""
    return (text + text).find(text, 1)


def _is_guessed(text: str, name: str) -> bool:
    """Return whether a password is the name, common words and rows of keys, and little else.

    Digits between them are little else, too: `radiology2024`.
    """
    letters, known = _letters(text), _letters(folded(name))
    words = _COMMON | ({known} if len(known) >= 3 else set())
    rest, at = [], 0
    while at < len(letters):
        piece = _piece(letters, at, words)
        if not piece:
            rest.append(letters[at])
        at += piece or 1
    others = [letter for letter in rest if not letter.isdigit()]
    return len(rest) < len(letters) and len(others) <= _OTHERS


def _piece(letters: str, at: int, words: frozenset[str]) -> int:
    """Return the length of the longest common word, or row of keys, that starts at a place."""
    found = [len(word) for word in words if letters.startswith(word, at)]
    for row in _ROWS:
        length = _RUN
        while at + length <= len(letters) and letters[at : at + length] in row:
            found.append(length)
            length += 1
    return max(found, default=0)


def _letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())
