"""A full model card, drawn from the same facts as the checklists.

A bundle's own README is written when it is exported and knows only its record. This card is made
later and also knows what was measured since: the evaluation, with the score of a rule that never
looks beside it, the audit, and the films counted from their manifest. What is not in the facts
stands there as not known; nothing is filled in.

References:
    Mitchell et al., "Model Cards for Model Reporting", FAT* 2019: the sections, in hilum's words.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hilum.evaluation.record import RESEARCH_USE
from hilum.report.checklists.answer import Facts, look
from hilum.report.checklists.topics import TOPICS
from hilum.report.checklists.topics.scores import known_limits
from hilum.report.checklists.words import (
    baseline_text,
    by_label,
    estimate_text,
    films,
    headline_names,
    preprocessing_steps,
    scored_on,
    why_no_test,
)

__all__ = ["CardTable", "ModelCard", "Section", "model_card"]

Cells = tuple[str, ...]

_OUT_OF_SCOPE = (
    "Diagnosis, triage, treatment, or any decision about a person.",
    "Pictures that are no frontal chest radiographs: laterals, CT, photographs of screens.",
    "Hospitals, machines or groups of people other than those below, until it is measured there.",
    "Other diseases: every film gets one of the classes, whatever else it shows.",
)
_STANDING_LIMITS = (
    "It may have learnt the hospital, the machine or a marker instead of the disease.",
    "High figures on films of the training hospitals do not show that it has not.",
    "Probabilities hold for the mix of cases they were fitted on, not for yours.",
    "Evidence maps show which regions moved the answer, not that the answer is right.",
)
_UNSAID = (
    "Consent and ethics approval for the films, how they were de-identified, and what harm a wrong "
    "answer does: nothing recorded says it. The authors must."
)


@dataclass(frozen=True, slots=True)
class CardTable:
    """A table of a card; numbers are written out, each with its n."""

    title: str
    columns: Cells
    rows: tuple[Cells, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "title": self.title,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
        }


@dataclass(frozen=True, slots=True)
class Section:
    """One section of a card: points, then tables."""

    title: str
    points: Cells
    tables: tuple[CardTable, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "title": self.title,
            "points": list(self.points),
            "tables": [table.to_dict() for table in self.tables],
        }


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a person should know before believing a model."""

    name: str
    sections: tuple[Section, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "use": RESEARCH_USE,
            "name": self.name,
            "sections": [section.to_dict() for section in self.sections],
        }

    def markdown(self) -> str:
        """Return the card as Markdown."""
        lines = [f"# Model card: {_plain(self.name)}", "", f"**{RESEARCH_USE}**", ""]
        for section in self.sections:
            lines += [f"## {section.title}", ""]
            lines += [f"- {_plain(point)}" for point in section.points]
            lines += [""] if section.points else []
            for table in section.tables:
                lines += _table_lines(table)
        return "\n".join(lines).rstrip() + "\n"


def model_card(facts: Facts) -> ModelCard:
    """Write a model card.

    Args:
        facts: What `gather_facts` returned; `model` must be there.

    Raises:
        ValueError: If the facts are of no model.
    """
    if not facts["model"]:
        raise ValueError("A model card needs a model: gather the facts with a bundle or a run")
    makers = (
        _details, _uses, _out_of_scope, _data, _preprocessing, _training, _figures, _calibration,
        _decisions, _audit, _ethics, _limits, _versions,
    )  # fmt: skip
    return ModelCard(str(facts["model"]["name"]), tuple(make(facts) for make in makers))


def _details(facts: Facts) -> Section:
    model = facts["model"]
    known = {
        "Made": model.get("created") and f"{model['created']}, by hilum {model.get('hilum')}",
        "Bundle": model.get("id"),
        "Licence": model.get("licence") or "not stated",
    }
    points = [f"{name}: {value}" for name, value in known.items() if value]
    return Section("The model", (*_said("network", facts, "What it is"), *points))


def _said(topic: str, facts: Facts, label: str) -> Cells:
    """Return what the facts say to a topic as one point; what is missing is said, too."""
    answer = TOPICS[topic](facts)
    missing = f"Not known: {answer.missing}" if answer.missing else ""
    told = " ".join(text for text in (answer.text, missing) if text)
    return (f"{label}: {told}",) if told else ()


def _uses(facts: Facts) -> Section:
    return Section("Intended use", _said("intended_use", facts, "Use") or ("Not recorded.",))


def _out_of_scope(facts: Facts) -> Section:
    left = look(facts, "data.left_out")
    unseen = (f"Films it never met, left out by their label: {by_label(left)}.",) if left else ()
    return Section("Not for", (*_OUT_OF_SCOPE, *unseen))


def _data(facts: Facts) -> Section:
    if not facts["data"]:
        counts = look(facts, "training.counts")
        known = (f"Films by split and label: {by_label(counts)}.",) if counts else ()
        return Section("Data", (*known, "No manifest was given: sources and people not counted."))
    points = (
        *_said("sources", facts, "Sources"),
        *_said("separation", facts, "Separation"),
        *_said("characteristics", facts, "People"),
        *_said("labels", facts, "Labels"),
    )
    return Section("Data", points, (_tally(facts),))


def _tally(facts: Facts) -> CardTable:
    """Return films and patients by split, source and label."""
    rows = look(facts, "data.tally")
    labels = sorted({row["label"] for row in rows})
    lines = list(dict.fromkeys((row["split"], row["source"]) for row in rows))
    sizes = {(row["split"], row["source"], row["label"]): films(row) for row in rows}
    cells = (
        (split or "(no split)", source, *(sizes.get((split, source, name), "0") for name in labels))
        for split, source in lines
    )
    return CardTable("By split, source and label", ("split", "source", *labels), tuple(cells))


def _preprocessing(facts: Facts) -> Section:
    return Section("How a film becomes input", (f"In this order: {preprocessing_steps(facts)}.",))


def _training(facts: Facts) -> Section:
    topics = {
        "initialisation": "Weights to begin with",
        "training": "Fitting",
        "selection": "Choice of the weights kept",
        "imbalance": "Rare classes",
        "technical_details": "Record",
    }
    return Section(
        "Training", tuple(point for t, label in topics.items() for point in _said(t, facts, label))
    )


def _figures(facts: Facts) -> Section:
    if not facts["evaluation"]:
        return _validation(facts)
    problem = why_no_test(facts)
    points = (
        f"Films: {scored_on(facts)}.",
        f"{look(facts, 'evaluation.intervals.method')}",
        *((f"No test: {problem}.",) if problem else ()),
        *(() if _rule(facts) else (f"{baseline_text(facts)}.",)),
    )
    return Section("Figures", points, (_beside_never_looking(facts), _by_class(facts)))


def _rule(facts: Facts) -> Mapping[str, Any]:
    rule: Mapping[str, Any] = look(facts, "evaluation.baselines.source_majority") or {}
    return rule if rule.get("available") else {}


def _beside_never_looking(facts: Facts) -> CardTable:
    """Return the headline figures beside those of the rule that knows only the source."""
    level, figures = look(facts, "evaluation.intervals.level"), look(facts, "evaluation.metrics")
    blind, gain = (_rule(facts).get(key) or {} for key in ("metrics", "model_minus_baseline"))
    rows = tuple(
        (
            name,
            estimate_text(figures[name], level),
            estimate_text(blind[name], level) if name in blind else "not available",
            estimate_text(gain[name], level) if name in gain else "not available",
        )
        for name in headline_names(figures)
    )
    columns = ("figure", "model", "never looks, knows the source", "difference")
    return CardTable("The score beside that of never looking", columns, rows)


def _by_class(facts: Facts) -> CardTable:
    level, rows = look(facts, "evaluation.intervals.level"), look(facts, "evaluation.per_class")
    wanted = {"recall": "sensitivity", "specificity": "specificity", "auroc": "auroc"}
    cells = tuple(
        (label, *(estimate_text(row[key], level) if key in row else "" for key in wanted))
        for label, row in (rows or {}).items()
    )
    return CardTable("By class, against the rest", ("class", *wanted.values()), cells)


def _validation(facts: Facts) -> Section:
    """Return what the bundle measured of itself, where nothing else was given."""
    own = look(facts, "model.measured.validation")
    if not own:
        return Section("Figures", ("Nothing was measured. Believe no figure quoted elsewhere.",))
    rows = tuple(
        (name, estimate_text(value, None))
        for name, value in own.items()
        if isinstance(value, Mapping) and "value" in value
    )
    points = (
        "No evaluation was given; these are the bundle's own, on the split that chose its weights.",
        "No rule that never looks at the film was measured beside them.",
        str(own.get("note", "")),
    )
    table = CardTable("Validation split", ("figure", "model"), rows)
    return Section("Figures", tuple(point for point in points if point), (table,))


def _calibration(facts: Facts) -> Section:
    level, figures = look(facts, "evaluation.intervals.level"), look(facts, "evaluation.metrics")
    names = [name for name in ("ece", "nll", "brier") if name in (figures or {})]
    shown = tuple(f"{name}: {estimate_text(figures[name], level)}" for name in names)
    groups = look(facts, "evaluation.calibration") or []
    verdicts = tuple(
        f"{'All films' if group['group'] == 'all' else group['group']} "
        f"({films({'images': group['n'], 'patients': group['patients']})}): {group['verdict']}"
        for group in groups
    )
    return Section("Calibration", (*_said("updating", facts, "Temperature"), *shown, *verdicts))


def _decisions(facts: Facts) -> Section:
    level = look(facts, "evaluation.intervals.level")
    rows = tuple(
        (
            f"{point['label']}, {point['name']}",
            f"{point['threshold']:.3g}",
            estimate_text(point["sensitivity"], level),
            estimate_text(point["specificity"], level),
            str(point.get("chosen_on") or "these films: better here than elsewhere"),
        )
        for point in look(facts, "evaluation.operating_points") or []
    )
    columns = ("called if at least", "threshold", "sensitivity", "specificity", "chosen on")
    tables = (CardTable("Operating points", columns, rows),) if rows else ()
    return Section("How it decides", _said("output", facts, "Answer"), tables)


def _audit(facts: Facts) -> Section:
    if not facts["audit"]:
        why = (
            "No audit was given: whether the score is the disease's or the hospital's is not known."
        )
        return Section("Audit", (why,))
    rows = tuple(
        (str(c.get("verdict", "")).upper(), str(c.get("title", "")), str(c.get("summary", "")))
        for c in look(facts, "audit.checks")
    )
    return Section("Audit", (), (CardTable("Checks", ("verdict", "check", "found"), rows),))


def _ethics(facts: Facts) -> Section:
    return Section("Ethics", (_UNSAID, *_said("fairness", facts, "Groups of people")))


def _limits(facts: Facts) -> Section:
    return Section("Limits", (*_STANDING_LIMITS, *known_limits(facts)))


def _versions(facts: Facts) -> Section:
    model = facts["model"]
    hashes = {f"sha256 of {name}": digest for name, digest in (model.get("files") or {}).items()}
    also = {
        "preprocessing": model.get("preprocessing_hash"),
        "manifest trained on (sha256)": look(facts, "training.manifest_sha256"),
        "manifest scored (sha256)": look(facts, "evaluation.manifest.sha256"),
    }
    rows: Iterator[tuple[str, str]] = (
        (name, str(value))
        for name, value in {**hashes, **also, **(model.get("versions") or {})}.items()
        if value
    )
    return Section("Hashes and versions", (), (CardTable("", ("what", "value"), tuple(rows)),))


def _table_lines(table: CardTable) -> list[str]:
    if not table.rows:
        return []
    head = [f"**{table.title}**", ""] if table.title else []
    rows = [_row(table.columns), _row(("---",) * len(table.columns), plain=False)]
    return [*head, *rows, *(_row(row) for row in table.rows), ""]


def _row(cells: Cells, *, plain: bool = True) -> str:
    return f"| {' | '.join(_plain(cell) if plain else cell for cell in cells)} |"


def _plain(text: str) -> str:
    """Return text that Markdown shows as it is."""
    one_line = " ".join(text.split())
    for mark in ("\\", "*", "_", "`", "[", "<", "|"):
        one_line = one_line.replace(mark, f"\\{mark}")
    return one_line
