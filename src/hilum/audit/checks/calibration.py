"""Is the model as sure as it is right, and was anything chosen on the films it is judged by?"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hilum.audit.features import shown
from hilum.audit.probe import cross_probe
from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.strata import estimated
from hilum.audit.subject import Subject
from hilum.evaluation.confidence import Confidence, confidence_by_source, measure_confidence
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate
from hilum.evaluation.spread import share_estimate
from hilum.evaluation.temperature import fit_temperature, scale_by_temperature

__all__ = ["calibration", "confident_mistakes", "label_noise", "selected_on_test"]

Array = NDArray[np.float64]

_OFF = 0.05
_FAR_OFF = 0.15
_EXACT = 1e-3
"""Chance below which a temperature that fits these films this well was fitted on them."""

_NOISE = 0.05
_SHOWN = 25
_CHOSEN_ON = re.compile(r"chosen on split (?P<split>.+?) of manifest (?P<sha256>[0-9a-f]+)")


@check(
    "calibration",
    title="As sure as it is right",
    question="Is the model as sure as it is right, and was its temperature fitted on other films "
    "than these?",
    asked_by=(
        "Guo et al., International Conference on Machine Learning 2017",
        "TRIPOD+AI, BMJ 2024",
    ),
)
def calibration(subject: Subject) -> Outcome:
    """Measure confidence against accuracy, and look where temperature and thresholds come from."""
    said = subject.predictions()
    settings = subject.settings
    found = measure_confidence(said, resamples=settings.resamples, seed=settings.seed)
    groups = (found, *confidence_by_source(said, resamples=settings.resamples, seed=settings.seed))
    faults, doubts = _where_chosen(subject, said)
    verdict: Verdict = "fail" if faults else _gap_verdict(found)
    if verdict == "pass" and doubts:
        verdict = "warn"
    told = f" {' '.join((*faults, *doubts))}" if faults or doubts else ""
    return Outcome(
        verdict=verdict,
        summary=f"{_sentence(found)}{told}",
        reason=f"Fails when temperature or a threshold was chosen on the split audited, by the "
        "bundle's own record or because the temperature fits these films as exactly as chance does "
        f"less than once in {1 / _EXACT:,.0f}; or when over- or underconfidence is above "
        f"{_FAR_OFF}, by its nearer limit. Warns when that is above {_OFF}, or nothing says where "
        "the temperature comes from.",
        numbers={
            "mean confidence less accuracy": found.gap,
            "calibration error (ECE)": found.ece,
            "accuracy": found.accuracy,
            "Brier score": found.brier,
        },
        charts=(
            Bars(
                title="Mean confidence less accuracy: above 0 is overconfident",
                axis="share of films",
                limits=(-1.0, 1.0),
                rows=tuple((one.group, one.gap) for one in groups),
                references=(("as sure as right", 0.0),),
            ),
        ),
        tables=(_table(groups),),
        notes=(
            (
                f"By chance a perfectly calibrated model shows an error of {found.perfect_ece:.3f} "
                f"on as many films, and rarely more than {found.perfect_ece_high:.3f}."
            ),
        ),
    )


def _sentence(found: Confidence) -> str:
    return (
        f"{found.verdict[:1].upper()}{found.verdict[1:]}; calibration error {found.ece.text()}, "
        f"{found.n:,} films."
    )


def _gap_verdict(found: Confidence) -> Verdict:
    low, high = found.gap.low, found.gap.high
    if low is None or high is None:
        return "pass"
    nearest = max(low, -high)
    if nearest > _FAR_OFF:
        return "fail"
    return "warn" if nearest > _OFF else "pass"


def _where_chosen(subject: Subject, said: Predictions) -> tuple[list[str], list[str]]:
    """Return what was chosen on the films audited, and what is not known."""
    record = subject.bundle.record
    faults: list[str] = []
    doubts: list[str] = []
    about = record.measured.get("calibration")
    about = about if isinstance(about, Mapping) else {}
    if about and _is_audited(subject, str(about.get("split", "")), about.get("manifest_sha256")):
        what = "temperature" if about.get("method") != "none" else "thresholds"
        faults.append(f"Its {what} was chosen on the split audited, {subject.settings.split}.")
    for name, rule in record.thresholds.items():
        found = _CHOSEN_ON.search(getattr(rule, "source", "") or "")
        if found and _is_audited(subject, found["split"], found["sha256"]):
            faults.append(f"Its threshold {name} was chosen on the split audited.")
    if not record.calibrated or faults:
        return faults, doubts
    chance = _chance_of_exact(said)
    if chance < _EXACT:
        faults.append(
            f"Its temperature {record.temperature:.3g} fits these films as exactly as chance does "
            f"once in {1 / max(chance, 1e-9):,.0f}: it was fitted on them."
        )
    elif not about:
        doubts.append(
            f"Nothing says on which films its temperature {record.temperature:.3g} was fitted."
        )
    return faults, doubts


def _is_audited(subject: Subject, split: str, sha256: object) -> bool:
    """Say whether something was chosen on the split audited.

    A manifest by another hash may be the same films after a column was added; a split of the same
    name is then taken for the same films, unless it is a validation split that is audited.
    """
    return split == subject.settings.split and (
        split != "val" or subject.manifest.sha256.startswith(str(sha256 or "-"))
    )


def _chance_of_exact(said: Predictions) -> float:
    """Return how often a temperature from other films would fit these as well as this one does.

    The best further temperature of these films is f. If it was fitted elsewhere, log f spreads
    by at least the standard error s of fitting it on these films, so that |log f| is as small as
    it is in about 2 |log f| / (s sqrt(2 pi)) of cases.
    """
    factor = fit_temperature(said.labels, said.probabilities)
    information = _information(said, factor)
    if not information > 0 or not 0.06 < factor < 19:
        return 1.0
    error = 1 / math.sqrt(information)
    return min(1.0, 2 * max(abs(math.log(factor)), 1e-9) / (error * math.sqrt(2 * math.pi)))


def _information(said: Predictions, factor: float) -> float:
    """Return the Fisher information of log temperature: the variance of each film's logit, summed.

    d^2/d(log T)^2 of -log p(y) at the best T is the sum of Var_p(z / T) over films.
    """
    p = scale_by_temperature(said.probabilities, factor)
    z = np.log(np.maximum(said.probabilities, 1e-300)) / factor
    middle = (p * z).sum(axis=1, keepdims=True)
    return float((p * np.square(z - middle)).sum())


def _table(groups: Sequence[Confidence]) -> Table:
    return Table(
        title="Confidence and accuracy",
        columns=("films of", "n", "patients", "confidence", "accuracy", "less", "ECE", "by chance"),
        rows=tuple(
            (
                one.group,
                one.n,
                one.patients,
                round(one.confidence, 3),
                one.accuracy.text(),
                one.gap.text(),
                one.ece.text(),
                round(one.perfect_ece, 3),
            )
            for one in groups
        ),
    )


@check(
    "selected-on-test",
    title="Weights chosen on other films",
    question="Was the best network of the training chosen by its score on the films audited?",
    asked_by=(
        "Varma and Simon, BMC Bioinformatics 2006",
        "TRIPOD+AI, BMJ 2024",
    ),
)
def selected_on_test(subject: Subject) -> Outcome:
    """Read in the bundle's record which split taught it, and which chose its weights."""
    training: Mapping[str, Any] = subject.bundle.record.training
    split, chosen = subject.settings.split, _selection_split(training)
    score = subject.score(subject.predictions())
    if not training:
        return Outcome.not_run("The bundle says nothing of its training.")
    same = training.get("manifest_sha256") == subject.manifest.sha256
    taught = split == "train"
    verdict: Verdict = "fail" if taught or split == chosen else "pass"
    if verdict == "pass" and chosen is None:
        verdict = "warn"
    why = (
        f"The network was trained on the split audited, {split}"
        if taught
        else f"The weights were chosen on the split audited, {split}"
        if split == chosen
        else "The bundle does not say which split its weights were chosen on"
        if chosen is None
        else f"The weights were chosen on split {chosen}, and split {split} is audited"
    )
    return Outcome(
        verdict=verdict,
        summary=f"{why}; {subject.score_name} {score.text()} on {score.n:,} films.",
        reason="Fails when the bundle's record names the split audited as the one that its weights "
        "were chosen on, or as the one that taught; warns when it names none.",
        numbers={f"{subject.score_name} on the split audited": score},
        charts=(
            Bars(
                title=f"The score on split {split}",
                axis=subject.score_name,
                rows=((split, score),),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(
            Table(
                title="What the record says",
                columns=("what", "value"),
                rows=(
                    ("split the weights were chosen on", chosen or "not said"),
                    ("split audited", split),
                    ("the same manifest as in training", "yes" if same else "no, or changed since"),
                ),
            ),
        ),
        notes=()
        if same
        else (
            (
                "The manifest is not the one of the training, or was changed since: a split of the "
                "same name may hold other films."
            ),
        ),
    )


def _selection_split(training: Mapping[str, Any]) -> str | None:
    """Return the split that chose the weights: as the recipe says, else the one it watched."""
    recipe = training.get("recipe")
    fitting = recipe.get("training") if isinstance(recipe, Mapping) else None
    if not isinstance(fitting, Mapping):
        return None
    if fitting.get("selection_split"):
        return str(fitting["selection_split"])
    watched = str(fitting.get("monitor") or "")
    return watched.split("_", maxsplit=1)[0] if "_" in watched else None


@check(
    "label-noise",
    title="Labels that may be wrong",
    question="How many films audited look so much like another class that their own label may be "
    "wrong?",
    asked_by=(
        "Northcutt, Jiang and Chuang, Journal of Artificial Intelligence Research 2021",
        "Cohen et al., arXiv 2002.02497, 2020",
    ),
)
def label_noise(subject: Subject) -> Outcome:
    """Estimate the share of wrong labels from films whose held-out answer is sure of another."""
    said, by_whom = _held_out(subject)
    other = confident_mistakes(said.labels, said.probabilities)
    doubted = other != said.labels
    who = said.patient_index()
    share = estimated(
        _share(doubted, who), who, resamples=subject.settings.resamples, seed=subject.settings.seed
    )
    lowest = share.low if share.low is not None else share.estimate
    return Outcome(
        verdict="warn" if lowest is not None and lowest > _NOISE else "pass",
        summary=f"{share.text(percent=True)} of {share.n:,} films audited look confidently like "
        f"another class than their label, by {by_whom}.",
        reason=f"Warns when the lower limit is above {_NOISE:.0%}. A film counts when the "
        "probability of another class is at least the mean that films of that class have: a weak "
        "model doubts right labels too, so this never fails by itself.",
        numbers={"share of films that look confidently like another class": share},
        charts=(
            Bars(
                title="Films that look like another class, by their label",
                axis="share of films",
                rows=(
                    *(
                        (label, _of_class(said, doubted, c))
                        for c, label in enumerate(said.classes)
                        if (said.labels == c).any()
                    ),
                    ("all", share),
                ),
            ),
        ),
        tables=(_pairs_table(said, other), _films_table(said, other)),
        notes=(
            (
                "These are films to look at, not wrong ones: hard films and rare forms of a "
                "disease stand among them."
            ),
        ),
    )


def _held_out(subject: Subject) -> tuple[Predictions, str]:
    """Return answers to the films audited that no label of theirs had a part in."""
    films = shown(subject)
    if films is None or np.unique(films.labels).size < 2:
        return subject.predictions(), "the model itself"
    rng = np.random.default_rng(subject.settings.seed)
    answers = cross_probe(films.features, films.labels, films.patients, len(subject.classes), rng)
    return subject.said(films.rows, answers), "heads refitted on other patients' films"


def confident_mistakes(labels: NDArray[np.int64], probabilities: Array) -> NDArray[np.int64]:
    """Return the class each film confidently looks like; its own label where it looks like none.

    A film looks like class j when p_j is at least t_j, the mean of p_j over films labelled j; of
    several such classes, the most probable.

    Args:
        labels: Index of each film's given class, shape (n,).
        probabilities: P(class), shape (n, k), made without the film's own label.

    References:
        Northcutt, Jiang and Chuang, "Confident learning: estimating uncertainty in dataset
        labels", JAIR 70, 2021, equations 1 and 2.
    """
    k = probabilities.shape[1]
    limits = np.array(
        [probabilities[labels == j, j].mean() if (labels == j).any() else np.inf for j in range(k)]
    )
    above = np.where(probabilities >= limits, probabilities, -1.0)
    best = above.argmax(axis=1)
    return np.where(above.max(axis=1) >= 0, best, labels).astype(np.int64)


def _share(doubted: NDArray[np.bool_], who: NDArray[np.int64]) -> Any:
    people = int(who.max()) + 1
    of = np.bincount(who, weights=doubted, minlength=people)
    every = np.bincount(who, minlength=people).astype(np.float64)
    return lambda weights: (weights @ of) / (weights @ every)


def _of_class(said: Predictions, doubted: NDArray[np.bool_], c: int) -> Estimate:
    here = said.labels == c
    return share_estimate(doubted[here], said.patient_index()[here])


def _pairs_table(said: Predictions, other: NDArray[np.int64]) -> Table:
    k = len(said.classes)
    counts = np.zeros((k, k), dtype=np.int64)
    np.add.at(counts, (said.labels, other), 1)
    return Table(
        title="Films by label (rows) and by what they confidently look like (columns)",
        columns=("label", *said.classes),
        rows=tuple((label, *counts[c].tolist()) for c, label in enumerate(said.classes)),
    )


def _films_table(said: Predictions, other: NDArray[np.int64]) -> Table:
    p, rows = said.probabilities, np.flatnonzero(other != said.labels)
    gap = p[rows, other[rows]] - p[rows, said.labels[rows]]
    order = rows[np.argsort(-gap, kind="stable")][:_SHOWN]
    return Table(
        title=f"The films to look at first, {order.size} of {rows.size}",
        columns=("film", "label", "looks like", "P of that", "P of the label"),
        rows=tuple(
            (
                str(said.images[i]),
                said.classes[said.labels[i]],
                said.classes[other[i]],
                round(float(p[i, other[i]]), 3),
                round(float(p[i, said.labels[i]]), 3),
            )
            for i in order.tolist()
        ),
    )
