"""What the facts say of the people of each partition and of what was done with whom."""

from __future__ import annotations

from collections.abc import Mapping
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
from hilum.report.checklists.topics.data import Topic, counted, roles
from hilum.report.checklists.words import by_label, by_name, films

__all__ = ["TOPICS"]


@counted
def flow(facts: Facts) -> Answer:
    """Count what came in and what was left out."""
    left = look(facts, "data.left_out_by_split")
    out = [f"{split}: {by_label(n)}" for split, n in left.items()]
    return partly(
        sentence(
            f"Manifest: {look(facts, 'data.images'):,} films of {look(facts, 'data.patients'):,} "
            "patients",
            f"Left out by label: {'; '.join(out)} films" if out else "Left out: none",
            f"Used: {films(look(facts, 'data.used'))}",
            *(
                f"{name}: {films(part)} ({by_label(part['labels'])})"
                for name, part in look(facts, "data.splits").items()
            ),
        ),
        "What was excluded before the manifest was made, and for which reasons; a flow diagram.",
    )


@counted
def characteristics(facts: Facts) -> Answer:
    """Describe the people of each partition."""
    parts = look(facts, "data.splits")
    known = [name for name, part in parts.items() if part["sex"] or part["age"]]
    if not known:
        return not_reported("Age, sex and clinical picture; the manifest holds none of it.")
    return partly(
        sentence(*(f"{name}: {_people(part)}" for name, part in parts.items())),
        "Clinical characteristics: symptoms, severity, other diseases, treatment, ethnicity"
        + _unknown_people(parts),
    )


def _people(part: Mapping[str, Any]) -> str:
    texts = [films(part), f"labels {by_label(part['labels'])}"]
    if part["sex"]:
        texts.append(f"patients by sex {by_label(part['sex'])}")
    if age := part["age"]:
        texts.append(
            f"median age {age['median']:g} years (quartiles {age['q1']:g} to {age['q3']:g}; known "
            f"of {age['known']:,} patients, not of {age['unknown']:,})"
        )
    else:
        texts.append("age not known")
    return "; ".join(texts)


def _unknown_people(parts: Mapping[str, Mapping[str, Any]]) -> str:
    total = sum(part["patients"] for part in parts.values())
    sex = sum(
        part["sex"].get("", 0) if part["sex"] else part["patients"] for part in parts.values()
    )
    return f"; sex of {sex:,} of {total:,} patients." if sex else "."


@counted
def comparison(facts: Facts) -> Answer:
    """Put the films trained on beside those scored."""
    parts, scored = look(facts, "data.splits"), look(facts, "evaluation.split") or "test"
    if "train" not in parts or scored not in parts:
        return not_reported("How the data for making and for testing differ.")
    one, other = parts["train"], parts[scored]
    new = [name for name in other["sources"] if name not in one["sources"]]
    return partly(
        sentence(
            f"Trained on: {_people(one)}; by source {by_label(one['sources'])}",
            f"Split {scored!r}: {_people(other)}; by source {by_label(other['sources'])}",
            f"Sources only in split {scored!r}: {listed(new)}"
            if new
            else "The sources are the same",
        ),
        "Differences in setting, eligibility, how the outcome was established, and acquisition.",
    )


@counted
def numbers(facts: Facts) -> Answer:
    """Count patients and outcomes of each analysis."""
    text = sentence(
        *(
            f"{name}: {films(part)}; {by_name(part['labels'])}"
            for name, part in look(facts, "data.splits").items()
        ),
        roles(facts),
    )
    if not look(facts, "data.has_splits"):
        return partly(text, "How many of these made the model and how many tested it.")
    left = _unscored(facts)
    return partly(text, left) if left else reported(text)


def _unscored(facts: Facts) -> str:
    """Say what hinders taking the counts of the splits for those of the analyses."""
    if not facts["evaluation"]:
        return "Which of these were scored; give the evaluation."
    split, scored = look(facts, "evaluation.split"), look(facts, "evaluation.n_images")
    part = look(facts, "data.splits").get(split)
    if part is None:
        return f"Counts of the {scored:,} films scored: they are of no split of this manifest."
    if part["images"] != scored:
        return f"Why {scored:,} of the {part['images']:,} films of split {split!r} were scored."
    return ""


TOPICS: dict[str, Topic] = {
    "flow": flow,
    "characteristics": characteristics,
    "comparison": comparison,
    "numbers": numbers,
}
