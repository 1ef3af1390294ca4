"""What the facts say of the films: sources, choice, preparation, partitions.

Everything here is counted from a manifest. If it is not the one the model was trained on, nothing
counted from it is passed off as the training data: what would be reported is then partly, at best.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from hilum.report.checklists.answer import (
    Answer,
    Facts,
    listed,
    look,
    not_reported,
    partly,
    reported,
    sentence,
)
from hilum.report.checklists.audited import checks_about
from hilum.report.checklists.words import (
    by_label,
    by_name,
    cropping,
    films,
    preprocessing_steps,
)

__all__ = ["TOPICS", "Topic", "counted", "one_class_sources", "roles"]

Topic = Callable[[Facts], Answer]

_NO_MANIFEST = "Give the manifest of the study, and the films are counted here."
_DICOM = (".dcm", ".dicom")


def counted(topic: Topic) -> Topic:
    """Answer only from a manifest, and say so if it is not the one trained on."""

    @wraps(topic)
    def answered(facts: Facts) -> Answer:
        if not facts["data"]:
            return not_reported(_NO_MANIFEST)
        answer = topic(facts)
        if facts["data"]["trained_on_it"] or answer.status not in ("reported", "partly"):
            return answer
        other = (
            "The same of the films the model was trained on: the manifest given is not, or not "
            "known to be, the one it was trained on."
        )
        return partly(answer.text, sentence(answer.missing, other))

    return answered


@counted
def sources(facts: Facts) -> Answer:
    """Name the sources and how many films each gave."""
    terms = [f"{text} ({n:,} films)" for text, n in look(facts, "data.licences").items() if text]
    return partly(
        sentence(
            f"By source, of the labels the model knows: {by_name(look(facts, 'data.sources'))}",
            f"Terms the manifest notes: {'; '.join(terms)}" if terms else "",
        ),
        "What each source is (hospital, register, journal figures), when and how its films were "
        "collected, why it was taken, and whom it stands for.",
    )


def one_class_sources(facts: Facts) -> list[str]:
    """Name the sources all of whose films have one label, where there is more than one label."""
    found = look(facts, "data.sources") or {}
    labels = {label for source in found.values() for label in source["labels"]}
    if len(labels) < 2:
        return []
    return [name for name, source in found.items() if len(source["labels"]) == 1]


@counted
def eligibility(facts: Facts) -> Answer:
    """Say by which rule films were taken."""
    return partly(
        f"A film was used if its label is one of {listed(_classes(facts))}{_left(facts)}.",
        "Who was eligible as a patient, how patients were found, where and when.",
    )


def _classes(facts: Facts) -> list[str]:
    known = look(facts, "model.classes")
    if known:
        return list(known)
    return sorted({label for s in look(facts, "data.sources").values() for label in s["labels"]})


def _left(facts: Facts) -> str:
    left = look(facts, "data.left_out")
    return f"; left out by their label: {by_label(left)} films" if left else "; none was left out"


@counted
def subsets(facts: Facts) -> Answer:
    """Say which films and which part of each were used."""
    used, images = look(facts, "data.used"), look(facts, "data.images")
    return partly(
        sentence(
            f"Of {images:,} films in the manifest {films(used)} were used{_left(facts)}",
            f"Of each film the same part, by rule and not by hand: {listed(cropping(facts))}"
            if look(facts, "model.preprocessing")
            else "",
        ),
        "How the films in the manifest were chosen from what the sources hold.",
    )


@counted
def missing_data(facts: Facts) -> Answer:
    """Count what the manifest does not know."""
    n, missing = look(facts, "data.used.images"), look(facts, "data.missing")
    columns = look(facts, "data.columns")
    unknown = [f"{name} for {k:,} of {n:,}" for name, k in missing.items() if name in columns]
    absent = [name for name in missing if name not in columns]
    return partly(
        sentence(
            f"Not known, of {n:,} films: {', '.join(unknown)}" if unknown else "",
            f"Not in the manifest at all: {', '.join(absent)}" if absent else "",
            "The model takes none of these, so no film was left out and nothing was filled in "
            "for them",
        ),
        "Why these are missing, and what was missing or left out before the manifest was made.",
    )


@counted
def acquisition(facts: Facts) -> Answer:
    """Say what is known of how films were taken."""
    views = _added(facts, "views")
    if not views:
        return not_reported("Machines, technique and views; the manifest holds none of it.")
    formats = look(facts, "data.formats")
    return partly(
        sentence(
            f"Views: {by_label(views)} films",
            f"Files: {by_label(formats)}",
        ),
        "Machines and their makers, exposure, detector, and who was filmed lying or standing.",
    )


def _added(facts: Facts, what: str) -> dict[str, int]:
    """Add a count over all splits."""
    total: dict[str, int] = {}
    for part in look(facts, "data.splits").values():
        for name, n in part[what].items():
            total[name] = total.get(name, 0) + n
    return total


def preparation(facts: Facts) -> Answer:
    """Say how files become network input, and whether they are the original files."""
    if not look(facts, "model.preprocessing"):
        return not_reported()
    text = f"Each film, alike in training and use: {preprocessing_steps(facts)}."
    formats = look(facts, "data.formats")
    if formats and look(facts, "data.trained_on_it") and all(f in _DICOM for f in formats):
        return reported(f"{text} Input files are DICOM ({by_label(formats)}).")
    held = f" Files: {by_label(formats)}." if formats else ""
    return partly(
        text + held,
        "What was done to the films before they became these files: conversion, windowing, "
        "scaling, compression, each source by itself.",
    )


def quality(facts: Facts) -> Answer:
    """Say how data were prepared and checked."""
    answer = preparation(facts)
    if not facts["data"] or answer.status == "not reported":
        return answer
    shared = look(facts, "data.patients_in_several_splits")
    return partly(
        sentence(
            answer.text,
            "Checked on reading the manifest: no file listed twice, no row without patient, source "
            f"or label; patients in more than one split: {shared} of "
            f"{look(facts, 'data.used.patients'):,}",
        ),
        sentence(
            answer.missing,
            "Whether anyone looked at the films, and whether quality is alike for all groups",
        ),
    )


def labels(facts: Facts) -> Answer:
    """Name the labels: how they came about is never in the facts."""
    known = look(facts, "model.classes")
    named = f" hilum knows only their names: {listed(known)}." if known else ""
    return not_reported(f"How each label was established, by whom, from what, and when.{named}")


@counted
def assignment(facts: Facts) -> Answer:
    """Say how many films each partition has."""
    if not look(facts, "data.has_splits"):
        return not_reported("How the data were parted; the manifest has no splits.")
    total = look(facts, "data.used.images")
    shares = [
        f"{name} {films(part)}, {part['images'] / total:.0%} of the films"
        for name, part in look(facts, "data.splits").items()
    ]
    return partly(
        sentence("; ".join(shares), roles(facts)),
        "How the split was drawn (by chance and with which seed, by date, by hospital, as "
        "published), and why in these shares.",
    )


def roles(facts: Facts) -> str:
    """Say what each partition was used for; empty where no recipe says it."""
    chosen = look(facts, "training.recipe.training.selection_split")
    if not facts["training"] or not look(facts, "training.recipe"):
        return ""
    scored = look(facts, "evaluation.split")
    parts = ["split 'train' fitted the weights", f"split {chosen or 'val'!r} chose among epochs"]
    if scored:
        parts.append(f"split {scored!r} was scored")
    return f"Use: {listed(parts)}"


@counted
def separation(facts: Facts) -> Answer:
    """Say at which level partitions are disjoint, having counted."""
    if not look(facts, "data.has_splits"):
        return not_reported("At which level partitions are disjoint; the manifest has no splits.")
    n = look(facts, "data.used.patients")
    shared = look(facts, "data.patients_in_several_splits")
    if shared:
        return partly(
            f"Not disjoint: {shared} of {n:,} patients stand in more than one split.",
            "Why, and what it does to every figure.",
        )
    text = (
        "Disjoint by patient (source and patient number together): counted over "
        f"{films(look(facts, 'data.used'))}, none in more than one split."
    )
    checks = [c for c in checks_about(facts, "leaks") if c.get("verdict") != "not run"]
    told = sentence(
        text, *(f"{c.get('title')} ({c.get('verdict')}): {c.get('summary', '')}" for c in checks)
    )
    doubts = sentence(*_doubts_about_people(facts, checks))
    return partly(told, doubts) if doubts else reported(told)


def _doubts_about_people(facts: Facts, checks: list[Mapping[str, Any]]) -> list[str]:
    """Say why patient numbers may not keep people apart."""
    doubts = []
    if names := look(facts, "data.one_film_a_patient"):
        sizes = look(facts, "data.sources")
        counts = listed([f"{name} ({sizes[name]['images']:,} films)" for name in names])
        doubts.append(
            f"That patient numbers stand for people where every film has its own: {counts}. If "
            "they stand for files, one person's films may lie on both sides"
        )
    if any(check.get("verdict") in ("warn", "fail") for check in checks):
        doubts.append("What the audit found shared between partitions, and what it does to figures")
    return doubts


def sample_size(facts: Facts) -> Answer:
    """Say only what was there: what was intended is never in the facts."""
    found = facts["evaluation"] or {}
    scored = {"images": found.get("n_images"), "patients": found.get("n_patients")}
    size = (
        f" What was scored is {films(scored)}; nothing says that so many were wanted."
        if scored["images"]
        else ""
    )
    return not_reported(f"How many cases were wanted, and the calculation behind it.{size}")


@counted
def predictor_definition(facts: Facts) -> Answer:
    """Define the predictor."""
    return partly(
        sentence(
            "The predictor is one frontal chest radiograph",
            f"Views, as the manifest notes them: {by_label(_added(facts, 'views'))}"
            if _added(facts, "views")
            else "",
            f"Files: {by_label(look(facts, 'data.formats'))}",
        ),
        "How, when and with what the films were taken, and what those who took them knew.",
    )


TOPICS: dict[str, Topic] = {
    "sources": sources,
    "eligibility": eligibility,
    "subsets": subsets,
    "missing_data": missing_data,
    "acquisition": acquisition,
    "preparation": preparation,
    "quality": quality,
    "labels": labels,
    "assignment": assignment,
    "separation": separation,
    "sample_size": sample_size,
    "predictor_definition": predictor_definition,
}
