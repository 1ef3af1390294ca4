"""Whether several manifests speak of the same labels in the same words.

`COVID-19` beside `covid`, or `negative` beside `normal`, trains a network to tell manifests apart.
Words that mean one thing are found by a short list; words that nobody here knows are taken as they
are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["clashes"]

_MEANINGS: Mapping[str, str] = {
    "normal": "normal",
    "nofinding": "normal",
    "nofindings": "normal",
    "healthy": "normal",
    "covid": "covid",
    "covid19": "covid",
    "sarscov2": "covid",
    "covidpositive": "covid",
    "pneumonia": "pneumonia",
    "positive": "positive",
    "pos": "positive",
    "negative": "negative",
    "neg": "negative",
    "noncovid": "negative",
}
_BINARY = {"positive", "negative"}


def clashes(labels: Mapping[str, Sequence[str]]) -> list[str]:
    """Say which words of several manifests cannot stand in one; nothing if they can.

    Args:
        labels: The labels that occur in each manifest, by its name.
    """
    where: dict[str, list[str]] = {}
    for name, words in labels.items():
        for word in words:
            where.setdefault(word, []).append(name)
    return [*_spelt_twice(where), *_two_scales(where)]


def _spelt_twice(where: Mapping[str, Sequence[str]]) -> list[str]:
    """Find one meaning in two words."""
    words: dict[str, list[str]] = {}
    for word in where:
        plain = "".join(letter for letter in word.lower() if letter.isalnum())
        words.setdefault(_MEANINGS.get(plain, plain or word), []).append(word)
    return [
        " and ".join(f"{word!r} ({', '.join(where[word])})" for word in same) + " mean the same"
        for same in words.values()
        if len(same) > 1
    ]


def _two_scales(where: Mapping[str, Sequence[str]]) -> list[str]:
    """Find positive and negative beside words that say what the disease is."""
    binary = {word for word in where if word.lower() in _BINARY}
    other = [word for word in where if word not in binary]
    if not binary or not other:
        return []
    names = f"{_listed(sorted(binary), where)} stand beside {_listed(other, where)}"
    return [f"{names}: say which disease is meant"]


def _listed(words: Sequence[str], where: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{word!r} ({', '.join(where[word])})" for word in words)
