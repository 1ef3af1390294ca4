"""Names that publishers have given one file over the years.

Label lists outlive the archives they were made from: SIRM's `COVID(1).png` became `COVID-1.png`,
and an extension changes with every re-upload. Each rule here proposes other names for a listed
file; a file found under one of them counts as renamed, with the rule that matched.

Release 4 of the Radiography Database, the first to write `COVID-1.png`, also gave its images other
numbers than release 3 had. A name that crosses that border is still proposed, but its rule says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

__all__ = ["aliases"]

_NUMBERED = re.compile(
    r"^(?P<stem>COVID-19(?=[ _(-])|[A-Za-z][A-Za-z\- ]*?)[ _-]?\(?(?P<number>\d+)\)?$",
    re.IGNORECASE,
)
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
    series = next((pair for pair in _STEMS if word.upper() in pair), ())
    names = [(word, "numbering")]
    names += [(name, "series name and numbering") for name in series if name != word.upper()]
    hyphen = stem.endswith(f"-{number}")
    for name, rule in names:
        for style in _NUMBER_STYLES:
            if style == "{stem}{number}" and name[-1].isdigit():
                continue  # COVID-19 and 1 would be COVID-191
            anew = series and hyphen != style.endswith("-{number}")
            said = f"{rule} of a release that counts anew: compare the films" if anew else rule
            yield style.format(stem=name, number=number), said
