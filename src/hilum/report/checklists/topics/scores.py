"""What the facts say of how good the model is, and what speaks against believing it.

No figure without its n, and none of the model's own without the score of a rule that never looks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
from hilum.report.checklists.audited import audited, checks_about
from hilum.report.checklists.topics.data import one_class_sources
from hilum.report.checklists.words import (
    baseline_text,
    by_label,
    estimate_text,
    headline_names,
    scored_on,
    why_no_test,
)

__all__ = ["TOPICS", "known_limits"]

Topic = Callable[[Facts], Answer]

_NO_SCORES = "Give the evaluation (evaluation.json of `hilum evaluate --out`)."


def _scored(topic: Topic) -> Topic:
    def answered(facts: Facts) -> Answer:
        return topic(facts) if facts["evaluation"] else not_reported(_NO_SCORES)

    return answered


@_scored
def metrics(facts: Facts) -> Answer:
    """Name the figures and what they mean."""
    meanings = look(facts, "evaluation.definitions") or {}
    named = [f"{name} ({meaning})" for name, meaning in meanings.items()]
    return partly(
        sentence(
            f"Measured: {'; '.join(named)}" if named else f"Measured: {listed([*_figures(facts)])}",
            f"Decision: {look(facts, 'evaluation.decision')}",
            "Compared with rules that never look at the film",
        ),
        "Which figure is the main one and why it suits the question; comparison with other models.",
    )


def _figures(facts: Facts) -> Mapping[str, Any]:
    figures: Mapping[str, Any] = look(facts, "evaluation.metrics") or {}
    return figures


@_scored
def uncertainty(facts: Facts) -> Answer:
    """Say how intervals were made."""
    how = look(facts, "evaluation.intervals") or {}
    if not how.get("resamples"):
        return not_reported("How uncertain the figures are; they were made without resampling.")
    notes = [note for note in look(facts, "evaluation.notes") or [] if "limits" in note]
    return reported(
        sentence(
            str(how["method"]),
            f"Seed {how.get('seed')}; {look(facts, 'evaluation.n_images'):,} films of "
            f"{look(facts, 'evaluation.n_patients'):,} patients",
            "The evaluation holds no test of significance",
            *notes,
        )
    )


def robustness(facts: Facts) -> Answer:
    """Say what happens when films are changed."""
    return audited(facts, "change")


def explanation(facts: Facts) -> Answer:
    """Say how the model's reasons are shown, and whether anyone checked."""
    found = audited(facts, "maps")
    if found.status != "not reported":
        return found
    if not look(facts, "model.files"):
        return found
    return partly(
        "For each class a map of what in the last features moved its logit (Grad-CAM on the "
        "tensor the head receives).",
        sentence("Whether these maps were validated", found.missing),
    )


def _places(facts: Facts) -> tuple[list[str], list[str]] | None:
    """Return the sources scored that were trained on, and those that were not; None if unknown."""
    data, scored = facts["data"], look(facts, "evaluation.split")
    theirs = look(facts, "evaluation.manifest.sha256")
    if not data or theirs != data["sha256"] or scored not in data["splits"]:
        return None
    tested = data["splits"][scored]["sources"]
    if data["trained_on_it"]:
        trained = (data["splits"].get("train") or {}).get("sources")
    else:
        trained = look(facts, "training.train_sources")
    if trained is None:
        return None
    return [name for name in tested if name in trained], [n for n in tested if n not in trained]


@_scored
def internal(facts: Facts) -> Answer:
    """Say how it was tested on films from where the training films come from."""
    places = _places(facts)
    if places is None:
        return not_reported(
            "Whether the films scored come from where the training films come from. "
            "Give the manifest that was evaluated."
        )
    same, _ = places
    if not same:
        return not_reported("No film scored is from a source trained on.")
    problem = why_no_test(facts)
    text = (
        f"One split was scored: {scored_on(facts)}. From sources also trained on: {listed(same)}."
    )
    return partly(text, f"{problem}.") if problem else reported(text)


@_scored
def external(facts: Facts) -> Answer:
    """Say how it was tested on films from elsewhere."""
    places = _places(facts)
    new = places[1] if places else []
    elsewhere = audited(facts, "elsewhere")
    if not new and elsewhere.status != "not reported":
        return partly(elsewhere.text, "A test on films from hospitals with no part in the work.")
    if places is None:
        return not_reported("Whether any film scored is from elsewhere; give the manifest.")
    if not new:
        return not_reported(
            "External testing: every source scored was also trained on "
            f"({listed(places[0])}). Say why there is none."
        )
    sizes = look(facts, "data.splits")[look(facts, "evaluation.split")]["sources"]
    counts = by_label({name: sizes[name] for name in new})
    return partly(
        f"Scored on {scored_on(facts)}. Sources that were not trained on: {counts} films.",
        "That these are other hospitals and other patients, not the same under another name"
        + (f"; figures without {listed(places[0])}." if places[0] else "."),
    )


@_scored
def performance(facts: Facts) -> Answer:
    """Give the figures, beside the rule that never looks."""
    level, figures = look(facts, "evaluation.intervals.level"), _figures(facts)
    shown = [f"{name} {estimate_text(figures[name], level)}" for name in headline_names(figures)]
    text = sentence(
        f"On {scored_on(facts)}: {'; '.join(shown)}",
        baseline_text(facts),
    )
    left = sentence(why_no_test(facts), _without_limits(figures))
    return partly(text, left) if left else reported(text)


def _without_limits(figures: Mapping[str, Any]) -> str:
    bare = [name for name in headline_names(figures) if figures[name].get("low") is None]
    return f"Intervals of {listed(bare)}" if bare else ""


@_scored
def accuracy(facts: Facts) -> Answer:
    """Give sensitivity and specificity of each class."""
    level, rows = look(facts, "evaluation.intervals.level"), look(facts, "evaluation.per_class")
    if not rows:
        return not_reported(_NO_SCORES)
    names = {"recall": "sensitivity", "specificity": "specificity"}
    shown = [
        f"{label}: "
        + "; ".join(f"{names[key]} {estimate_text(row[key], level)}" for key in names if key in row)
        for label, row in rows.items()
    ]
    text = sentence(
        f"On {scored_on(facts)}", *shown, f"Decision: {facts['evaluation']['decision']}"
    )
    return partly(text, f"{left}.") if (left := why_no_test(facts)) else reported(text)


@_scored
def failures(facts: Facts) -> Answer:
    """Count the wrong answers by true and called class."""
    table, classes = look(facts, "evaluation.confusion.counts"), look(facts, "evaluation.classes")
    if not table or not classes:
        return not_reported("Which films were called wrongly, and what they share.")
    wrong = [
        f"{classes[i]} called {classes[j]} {n} of {sum(row)}"
        for i, row in enumerate(table)
        for j, n in enumerate(row)
        if i != j and n
    ]
    total = sum(n for i, row in enumerate(table) for j, n in enumerate(row) if i != j)
    n = look(facts, "evaluation.n_images")
    return partly(
        sentence(f"{total} of {n} films called wrongly", "; ".join(wrong)),
        "What the wrong films share and what a reader sees in them; `hilum errors` shows them.",
    )


def cluster_methods(facts: Facts) -> Answer:
    """Say how differences between sources were measured."""
    groups = _by_source(facts)
    found = audited(facts, "clusters", "elsewhere")
    if not groups and found.status == "not reported":
        return not_reported("How differences between hospitals were dealt with and measured.")
    parts = [f"Figures of each source by itself ({len(groups)} sources)"] if groups else []
    titles = _titles(facts, "clusters", "elsewhere")
    parts += [f"Checks of the audit: {titles}"] if titles else []
    return partly(
        sentence(*parts),
        "Whether a source is a hospital, and a model of the differences between them.",
    )


def _titles(facts: Facts, *subjects: str) -> str:
    ran = [c for c in checks_about(facts, *subjects) if c.get("verdict") != "not run"]
    return listed([str(check.get("title")) for check in ran])


def _by_source(facts: Facts) -> list[Mapping[str, Any]]:
    groups = look(facts, "evaluation.calibration") or []
    return [group for group in groups if group.get("group") != "all"]


def cluster_results(facts: Facts) -> Answer:
    """Give the figures of each source."""
    level = look(facts, "evaluation.intervals.level")
    shown = [
        f"{group['group']}: accuracy {estimate_text(group['accuracy'], level)}"
        for group in _by_source(facts)
    ]
    found = audited(facts, "clusters", "elsewhere")
    if not shown and found.status == "not reported":
        return not_reported("Figures of each hospital, if they were looked at.")
    alone = one_class_sources(facts)
    return partly(
        sentence(*shown, found.text),
        sentence(
            "Whether the differences are more than chance",
            f"Sources that hold one class only, where no such figure separates disease from "
            f"hospital: {listed(alone)}"
            if alone
            else "",
        ),
    )


def fairness(facts: Facts) -> Answer:
    """Say what was looked at by group of people."""
    wanted = "What was done so that the model serves all groups alike."
    found = audited(facts, "people", missing=wanted)
    if found.status == "not reported" and wanted not in found.missing:
        return not_reported(f"{wanted} {found.missing}")
    return found


def performance_groups(facts: Facts) -> Answer:
    """Give the figures, also by group of people."""
    answer = performance(facts)
    if answer.status == "not reported":
        return answer
    groups = audited(facts, "people")
    if groups.status == "not reported":
        return partly(
            answer.text,
            sentence(answer.missing, "Figures by sex, age and other groups of people"),
        )
    left = sentence(answer.missing, groups.missing)
    text = sentence(answer.text, groups.text)
    return partly(text, left) if left else reported(text)


def limitations(facts: Facts) -> Answer:
    """List what the facts themselves say against the study."""
    found = known_limits(facts)
    if not found:
        return not_reported("What limits the study; the facts given name nothing.")
    return partly(
        sentence(*found),
        "The authors' own account, with what each limit does to bias, uncertainty and reach.",
    )


def known_limits(facts: Facts) -> list[str]:
    """Return what the facts say against the study, a sentence or two each."""
    found = [*facts["caveats"], *(look(facts, "evaluation.notes") or []), *_confounding(facts)]
    found += [
        f"Audit, {check.get('title')} ({check.get('verdict')}): {check.get('summary', '')}"
        for check in look(facts, "audit.checks") or []
        if check.get("verdict") in ("warn", "fail")
    ]
    return [sentence(limit) for limit in dict.fromkeys(found)]


def _confounding(facts: Facts) -> list[str]:
    alone = one_class_sources(facts)
    found = []
    if alone:
        held = look(facts, "data.sources")
        shown = [f"{name} (only {next(iter(held[name]['labels']))})" for name in alone]
        found.append(
            f"Sources that hold one class only: {listed(shown)}. There the hospital gives the "
            "label away"
        )
    if look(facts, "evaluation.baselines.source_majority.available"):
        found.append(baseline_text(facts))
    return found


TOPICS: dict[str, Topic] = {
    "metrics": metrics,
    "uncertainty": uncertainty,
    "robustness": robustness,
    "explanation": explanation,
    "internal": internal,
    "external": external,
    "performance": performance,
    "accuracy": accuracy,
    "failures": failures,
    "cluster_methods": cluster_methods,
    "cluster_results": cluster_results,
    "fairness": fairness,
    "performance_groups": performance_groups,
    "limitations": limitations,
}
