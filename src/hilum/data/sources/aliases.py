"""Names that publishers have given one file over the years.

Label lists outlive the archives they were made from: SIRM's `COVID(1).png` became `COVID-1.png`,
and an extension changes with every re-upload. Each rule here proposes other names for a listed
file; a file found under one of them counts as renamed, with the rule that matched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

__all__ = ["aliases"]

_NUMBERED = re.compile(r"^(?P<stem>[A-Za-z][A-Za-z\- ]*?)[ _-]?\(?(?P<number>\d+)\)?$")
_NUMBER_STYLES = (
    "{stem}({number})",
    "{stem} ({number})",
    "{stem}-{number}",
    "{stem} {number}",
    "{stem}_{number}",
    "{stem}{number}",
)
_STEMS = (("COVID", "COVID-19"),)
_ENDINGS = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".dcm")


def aliases(file: str) -> Iterator[tuple[str, str]]:
    """Propose other names for a listed file, the likeliest first, in lower case.

    Args:
        file: Name as listed; folders before it are dropped.

    Yields:
        (name, rule): another base name, and what the rule is called.

    >>> next(aliases("COVID(1).png"))
    ('covid (1).png', 'numbering')
    """
    path = PurePosixPath(file)
    stem, ending = path.stem, path.suffix.lower()
    seen = {path.name.lower()}
    for name, rule in _proposals(stem, ending):
        if (key := name.lower()) not in seen:
            seen.add(key)
            yield key, rule


def _proposals(stem: str, ending: str) -> Iterator[tuple[str, str]]:
    numbered = [*_renumbered(stem)]
    yield from ((name + ending, rule) for name, rule in numbered)
    yield from ((stem + other, "extension") for other in _ENDINGS)
    yield from (
        (name + other, f"{rule} and extension") for name, rule in numbered for other in _ENDINGS
    )


def _renumbered(stem: str) -> Iterator[tuple[str, str]]:
    """Write a name that ends in a number in the other ways that have been used."""
    match = _NUMBERED.match(stem)
    if match is None:
        return
    word, number = match["stem"].rstrip(" -_"), match["number"]
    yield from ((style.format(stem=word, number=number), "numbering") for style in _NUMBER_STYLES)
    for pair in _STEMS:
        for other in (name for name in pair if word.upper() in pair and name != word.upper()):
            yield from (
                (style.format(stem=other, number=number), "series name and numbering")
                for style in _NUMBER_STYLES
            )
