"""Labels shuffled: what the score would be if it meant nothing, or nothing but the source."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hilum.audit.features import NO_FEATURES, Shown, refitted, shown, taught_shown
from hilum.audit.perturb import AS_THEY_ARE
from hilum.audit.probe import Design, choose_strength
from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.strata import StratifiedAreas
from hilum.audit.subject import Subject
from hilum.evaluation.predictions import Predictions
from hilum.evaluation.record import Estimate

__all__ = ["Dealer", "beyond_the_source", "shuffled_labels"]

Array = NDArray[np.float64]
Index = NDArray[np.int64]

_SHUFFLES = 1000
_HEADS = 50
_MISSED = 0.1
_SKEW = 0.05
"""How far from 0.5 the mean may lie without meaning anything: where one class is rare, labels dealt
anew are not as often near-opposites of the true ones as near-copies, and the mean leaves 0.5 by a
few hundredths."""
_LEVEL = 0.05


@check(
    "shuffled-labels",
    title="A head that learnt shuffled labels",
    question="Does a head that learnt from shuffled labels fall to chance, and one that learnt "
    "from the true labels come back to the model's score?",
    asked_by=(
        "Ojala and Garriga, Journal of Machine Learning Research 2010",
        "Roberts et al., Nature Machine Intelligence 2021",
    ),
    wants=(("tested", AS_THEY_ARE), ("taught", AS_THEY_ARE)),
)
def shuffled_labels(subject: Subject) -> Outcome:
    """Refit the head on what taught, patients' labels shuffled, and score it.

    What this can find: features or a way of scoring that favour a class whatever was learnt. What
    it cannot find: copies across the split, whose labels are shuffled with the others, and
    anything the trunk has learnt, as only the head is refitted.

    References:
        Ojala and Garriga, "Permutation tests for studying classifier performance", JMLR 11, 2010.
    """
    tested, taught = shown(subject), taught_shown(subject)
    if tested is None:
        return Outcome.not_run(NO_FEATURES)
    if taught is None or np.unique(taught.labels).size < 2:
        return Outcome.not_run("There are no films of two classes that taught to refit a head on.")
    rng = np.random.default_rng(subject.settings.seed)
    model = subject.score(subject.predictions())
    refit = subject.score(refitted(subject, taught, tested, rng))
    scores = _shuffled_heads(subject, taught, tested, rng)
    null = _mean_of(scores, tested)
    verdict = _verdict(null, refit, model)
    rows = tuple((f"shuffle {i + 1}", round(float(score), 3)) for i, score in enumerate(scores))
    return Outcome(
        verdict=verdict,
        summary=f"Heads that learnt shuffled labels score {subject.score_name} {null.text()} on "
        f"the mean of {scores.size}; one that learnt the true ones {refit.text()}, the model "
        f"{model.text()}, {len(tested):,} films.",
        reason=f"Fails when the mean over shuffles is more than {_SKEW} from 0.5 by its nearer "
        "limit, as a rare class alone may move it a little; warns when a head with true labels "
        f"stays more than {_MISSED} below the model, for then this check sees too little of the "
        "model to vouch for it.",
        numbers={
            f"{subject.score_name} with shuffled labels": null,
            f"{subject.score_name} with true labels, head refitted": refit,
            f"{subject.score_name} of the model": model,
        },
        charts=(
            Bars(
                title="The score with shuffled labels, and with true ones",
                axis=subject.score_name,
                rows=(
                    ("labels shuffled", null),
                    ("true labels, head refitted", refit),
                    ("the model", model),
                ),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(
            Table(
                title="The score of each head that learnt shuffled labels",
                columns=("head", subject.score_name),
                rows=rows,
            ),
        ),
        notes=(
            "Only the head is refitted; the trunk keeps what it learnt from true labels.",
            "Copies of films across the split are not found this way: see the check of duplicates.",
        ),
    )


def _verdict(null: Estimate, refit: Estimate, model: Estimate) -> Verdict:
    if null.low is not None and null.high is not None:
        nearest = max(null.low - 0.5, 0.5 - null.high)
        if nearest > _SKEW:
            return "fail"
    if refit.estimate is None or model.estimate is None:
        return "not run"
    return "warn" if refit.estimate < model.estimate - _MISSED else "pass"


def _shuffled_heads(
    subject: Subject, taught: Shown, tested: Shown, rng: np.random.Generator
) -> Array:
    """Return the score of heads that each learnt other shuffled labels."""
    design, k = Design(taught.features), len(subject.classes)
    dealer = Dealer(taught.labels, taught.patients)
    strength = choose_strength(taught.features, taught.labels, taught.patients, rng)
    one = np.ones((1, int(tested.patients.max()) + 1))
    found = []
    for _ in range(_HEADS):
        labels = dealer.deal(rng)
        said = design.fit(labels, k, strength=strength).probabilities(tested.features)
        areas = StratifiedAreas(tested.labels, said, None, tested.patients)
        found.append(float(areas.mean(one)[0]))
    return np.array(found)


def _mean_of(scores: Array, tested: Shown) -> Estimate:
    """Return the mean with limits by Student's t at 99.9 %: a false alarm in a thousand audits."""
    from hilum.evaluation.wilson import student_quantile

    half = student_quantile(0.999, scores.size - 1) * scores.std(ddof=1) / np.sqrt(scores.size)
    middle = float(scores.mean())
    return Estimate(
        estimate=middle,
        low=max(0.0, middle - float(half)),
        high=min(1.0, middle + float(half)),
        n=len(tested),
        patients=int(np.unique(tested.patients).size),
        method=f"Student's t over {scores.size} shuffles, 99.9 %",
    )


class Dealer:
    """Deals labels anew to patients, within strata if there are any.

    What is dealt is the label of all films that a patient has of one label, so that these stay
    together.

    Args:
        labels: Index of each film's class, shape (n,).
        patients: Whom each film shows, shape (n,), whole numbers from 0.
        strata: What labels stay within, shape (n,), the same for all films of a patient.
    """

    def __init__(
        self, labels: Index, patients: Index, strata: NDArray[np.generic] | None = None
    ) -> None:
        _, first, unit = np.unique(
            np.stack([patients, labels]), axis=1, return_index=True, return_inverse=True
        )
        self._labels, self._unit = labels[first], unit.ravel()
        home = np.zeros(first.size) if strata is None else strata[first]
        self._strata = [np.flatnonzero(home == stratum) for stratum in np.unique(home)]

    def deal(self, rng: np.random.Generator) -> Index:
        """Return labels dealt anew, shape (n,)."""
        dealt = self._labels.copy()
        for here in self._strata:
            dealt[here] = self._labels[rng.permutation(here)]
        found: Index = dealt[self._unit]
        return found


@check(
    "beyond-the-source",
    title="More than the source",
    question="Would the score be as high if the labels were dealt at random within each hospital?",
    asked_by=(
        "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
        "Ojala and Garriga, Journal of Machine Learning Research 2010",
    ),
)
def beyond_the_source(subject: Subject) -> Outcome:
    """Test whether the model knows anything that its films' source does not say already.

    The labels of tested patients are dealt anew within their source. What is left of the score
    then is what knowing the source alone can earn with these answers.
    """
    said = subject.predictions()
    sources = said.sources
    if sources is None or np.unique(sources).size < 2:
        return Outcome.not_run("All films audited are of one source.")
    score = subject.score(said)
    rng = np.random.default_rng(subject.settings.seed)
    within, free = (_dealt(said, rng, strata) for strata in (sources, None))
    if score.estimate is None or np.isnan(within).all():
        return Outcome.not_run("The score is undefined: a class has no film.")
    p_within, p_free = _p_value(score.estimate, within), _p_value(score.estimate, free)
    earned, chance = _range(within, score), _range(free, score)
    return Outcome(
        verdict=_beyond_verdict(p_within, p_free),
        summary=f"With labels dealt at random within each source {subject.score_name} is still "
        f"{earned.text()}; the model's is {score.text()} on {score.n:,} films, p = "
        f"{p_within:.3f}{_meaning(p_within, p_free)}",
        reason="Fails when the score is above chance (p at most 0.05 with all labels dealt anew) "
        "but not above what labels dealt within each source leave (p above 0.05); warns when the "
        "score is not even above chance.",
        numbers={
            f"{subject.score_name} of the model": score,
            f"{subject.score_name} with labels dealt within each source": earned,
            f"{subject.score_name} with all labels dealt anew": chance,
        },
        charts=(
            Bars(
                title="The score, and what it is with labels dealt anew",
                axis=subject.score_name,
                rows=(
                    ("the model", score),
                    ("labels dealt within each source", earned),
                    ("all labels dealt anew", chance),
                ),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(_table(subject, score, within, free),),
        notes=(
            f"The limits of dealt labels hold 95 % of {_SHUFFLES:,} deals.",
            "A patient's films of one label stay together.",
        ),
    )


def _dealt(said: Predictions, rng: np.random.Generator, strata: NDArray[np.str_] | None) -> Array:
    """Return the score under labels dealt anew, shape (shuffles,)."""
    dealer = Dealer(said.labels, said.patient_index(), strata)
    order = np.argsort(said.probabilities, axis=0, kind="stable")
    ranks = np.argsort(order, axis=0).astype(np.float64) + 1.0
    for c in range(ranks.shape[1]):
        _, place = np.unique(said.probabilities[:, c], return_inverse=True)
        ranks[:, c] = (np.bincount(place, ranks[:, c]) / np.bincount(place))[place]
    found = np.empty(_SHUFFLES)
    for number in range(_SHUFFLES):
        found[number] = _mean_area(ranks, dealer.deal(rng))
    return found


def _mean_area(ranks: Array, labels: Index) -> float:
    """Return the mean AUROC over the classes from midranks, (n, k): of two classes the second."""
    k = ranks.shape[1]
    areas = []
    for c in [1] if k == 2 else range(k):
        of_class = labels == c
        m, n = int(of_class.sum()), int((~of_class).sum())
        if m and n:
            areas.append((ranks[of_class, c].sum() - m * (m + 1) / 2) / (m * n))
    return float(np.mean(areas)) if len(areas) == (1 if k == 2 else k) else float("nan")


def _p_value(score: float, dealt: Array) -> float:
    """Return the share of deals that score at least as high, the true one among them."""
    return float((1 + np.count_nonzero(dealt >= score - 1e-12)) / (1 + dealt.size))


def _range(dealt: Array, score: Estimate) -> Estimate:
    low, high = np.quantile(dealt, [0.025, 0.975])
    return Estimate(
        estimate=float(dealt.mean()),
        low=float(low),
        high=float(high),
        n=score.n,
        patients=score.patients,
        method=f"the middle 95 % of {dealt.size} deals",
    )


def _beyond_verdict(p_within: float, p_free: float) -> Verdict:
    if p_free > _LEVEL:
        return "warn"
    return "fail" if p_within > _LEVEL else "pass"


def _meaning(p_within: float, p_free: float) -> str:
    if p_free > _LEVEL:
        return ". The score is not shown to be above chance at all."
    if p_within > _LEVEL:
        return ": nothing is shown of the disease that the source does not say."
    return ": the model knows more than the source."


def _table(subject: Subject, score: Estimate, within: Array, free: Array) -> Table:
    rows = []
    for name, dealt in (("within each source", within), ("all labels", free)):
        middle = float(dealt.mean())
        above = None if score.estimate is None else round(score.estimate - middle, 3)
        rows.append((name, round(middle, 3), above, round(_p_value(score.estimate or 0, dealt), 4)))
    return Table(
        title="Labels dealt anew",
        columns=("labels dealt", f"{subject.score_name} on average", "the model above it", "p"),
        rows=tuple(rows),
    )
