"""H301 to H304: is one class written in two ways, and is there anything to tell apart?"""

from __future__ import annotations

from collections.abc import Iterator

from hilum.data.lint.record import Finding
from hilum.data.lint.rules import rules
from hilum.data.lint.spelling import slips
from hilum.data.lint.table import MANY_LABELS, Table, counted, listed, plain

__all__ = ["misspelt_labels", "mixed_vocabularies", "single_label", "too_many_labels"]

_MEANINGS = {
    "COVID-19": "covid covid19 covid2019 sarscov2 2019ncov ncov coronavirus covidpositive",
    "no disease": "normal nofinding nofindings healthy",
}
_BINARY = frozenset({"positive", "negative", "pos", "neg"})


def mixed_vocabularies(table: Table) -> Iterator[Finding]:
    """Find labels that are one class under two names, and binary labels beside others."""
    counts = _label_counts(table) if table.few_labels else {}
    groups = [*_one_meaning(counts), *_binary_beside_others(counts)]
    if groups:
        yield Finding(
            code="H301",
            severity="error",
            title=f"label vocabularies are mixed: {groups[0]}",
            count=len(groups),
            examples=tuple(groups),
            why="Images of one class count as two, in training and in every score.",
            cure="Map the labels to one vocabulary, by name and never by position.",
            said_by="COVID-Net#209, #216",
        )


def misspelt_labels(table: Table) -> Iterator[Finding]:
    """Find labels one slip of the keys from a much commoner one."""
    counts = _label_counts(table) if table.few_labels else {}
    same = {name for group in _by_meaning(counts).values() if len(group) > 1 for name in group}
    found = {name: meant for name, meant in slips(counts).items() if name not in same}
    if found:
        images = sum(counts[name] for name in found)
        yield Finding(
            code="H302",
            severity="error",
            title=f"{counted(len(found), 'label')} looking misspelt ({counted(images, 'image')})",
            count=len(found),
            examples=tuple(
                f"{plain(name)} ({counts[name]:,} images) beside {plain(meant)} ({counts[meant]:,})"
                for name, meant in found.items()
            ),
            why="A misspelt label is a class of its own, which nothing can be learnt about.",
            cure="Correct the label.",
        )


def single_label(table: Table) -> Iterator[Finding]:
    """Say so where all images have one label."""
    counts = _label_counts(table)
    if len(counts) == 1:
        ((label, images),) = counts.items()
        yield Finding(
            code="H303",
            severity="note",
            title=f"all {images:,} labelled images are {plain(label)}",
            count=images,
            why="There is nothing to tell apart, and beside another set the hospital would.",
            cure="Merge it only with sets in which some images are "
            f"{plain(label)} and some are not.",
        )


def too_many_labels(table: Table) -> Iterator[Finding]:
    """Say so where the labels are so many that they are findings or free text."""
    counts = _label_counts(table)
    if len(counts) > MANY_LABELS:
        yield Finding(
            code="H304",
            severity="warning",
            title=f"{len(counts):,} different labels",
            count=len(counts),
            examples=tuple(f"{plain(name)}: {n:,} images" for name, n in [*counts.items()][:20]),
            why="So many are findings or sentences, not classes; what tells them is not looked at.",
            cure="Keep them in a column findings, and give each image one label.",
        )


def _label_counts(table: Table) -> dict[str, int]:
    if not table.has("label"):
        return {}
    counts = table.frame.lazy().select("label").drop_nulls().group_by("label").len()
    return dict(counts.sort("label").collect().iter_rows())


def _bare(label: str) -> str:
    return "".join(letter for letter in label.lower() if letter.isalnum())


def _by_meaning(counts: dict[str, int]) -> dict[str, list[str]]:
    word_means = {word: what for what, words in _MEANINGS.items() for word in words.split()}
    groups: dict[str, list[str]] = {}
    for label in counts:
        bare = _bare(label)
        if bare:
            groups.setdefault(word_means.get(bare, bare), []).append(label)
    return groups


def _one_meaning(counts: dict[str, int]) -> Iterator[str]:
    for names in _by_meaning(counts).values():
        if len(names) > 1:
            yield " and ".join(f"{plain(name)} ({counts[name]:,} images)" for name in names)


def _binary_beside_others(counts: dict[str, int]) -> Iterator[str]:
    binary = [name for name in counts if _bare(name) in _BINARY]
    others = [name for name in counts if _bare(name) not in _BINARY]
    if binary and others:
        images = sum(counts[name] for name in binary)
        yield f"{listed(binary)} ({images:,} images) beside {listed(others)}"


rules.register("mixed vocabularies", mixed_vocabularies)
rules.register("misspelt labels", misspelt_labels)
rules.register("single label", single_label)
rules.register("too many labels", too_many_labels)
