"""Names of people and programs, and words from outside in a log.

Two spellings of one name are one name: NFKC, then case folding (UAX 15, UTS 39). A name may be
of any script. It holds nothing invisible, nothing that turns the direction of writing, and no
colon, because `token:NAME` is how the audit trail names a program.
"""

from __future__ import annotations

import unicodedata

from hilum.errors import ConfigError

__all__ = ["MOST", "RESERVED", "checked_name", "folded", "for_log"]

MOST = 64
"""Characters of a name, before and after folding."""

RESERVED = frozenset({"local", "system", "unknown", "hilum", "node"})
"""Names that the audit trail gives to no person."""

_MARKS = frozenset("._-@'+")
_SHOWN = 120


def folded(name: str) -> str:
    """Return the one spelling under which a name is kept.

    >>> folded(" \uff21nna K\u00f6rner ") == folded("ANNA KO\u0308RNER")
    True
    """
    text = name[: 4 * MOST]
    for _ in range(3):  # folding can undo what NFKC did, and the other way round
        text = unicodedata.normalize("NFKC", text).casefold()
    return text.strip()


def checked_name(name: str) -> tuple[str, str]:
    """Return a new name as it is kept and as it is shown.

    Raises:
        ConfigError: If it is empty, long, reserved, or holds what no name holds.
    """
    shown = unicodedata.normalize("NFC", name).strip()
    kept = folded(name)
    problems = []
    if not kept or len(shown) > MOST or len(kept) > MOST:
        problems.append(f"expected 1 to {MOST} characters, got {len(shown)}")
    if kept in RESERVED:
        problems.append(f"{kept!r} is reserved; choose another name")
    wrong = sorted({letter for letter in shown + kept if not _is_allowed(letter)})
    if wrong:
        listed = ", ".join(f"U+{ord(letter):04X}" for letter in wrong[:8])
        marks = " ".join(sorted(_MARKS))
        problems.append(f"expected letters, digits, single spaces and {marks}; got {listed}")
    if "  " in shown:
        problems.append("expected single spaces between words")
    if problems:
        raise ConfigError("This cannot be a name.", problems)
    return kept, shown


def for_log(text: object) -> str:
    r"""Return words from outside as one printable line of at most 120 characters.

    >>> for_log("eve\nINFO admin logged in")
    'eve\\nINFO admin logged in'
    """
    whole = str(text)
    cut = whole[:_SHOWN]
    safe = "".join(letter if letter.isprintable() else _escaped(letter) for letter in cut)
    return safe if len(whole) <= _SHOWN else f"{safe}..."


def _is_allowed(letter: str) -> bool:
    return letter == " " or letter in _MARKS or unicodedata.category(letter)[0] in "LMN"


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode("ascii")
