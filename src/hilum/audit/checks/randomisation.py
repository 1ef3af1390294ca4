"""Whether the maps depend on what was learnt."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from hilum.audit.asking import Asking, Film, Stranger
from hilum.audit.maps import mean_over_patients, rank_correlation
from hilum.audit.perturb import AS_THEY_ARE
from hilum.audit.randomised import shuffle_weights
from hilum.audit.record import Lines, Outcome, Table
from hilum.audit.registry import check
from hilum.audit.subject import Answers, Subject
from hilum.errors import BundleError
from hilum.evaluation.record import Estimate
from hilum.screening.heatmap import is_empty

__all__ = ["maps_under_randomisation"]

Array = NDArray[np.float64]

_FILMS = 32
_FEW = 10
_SEEDS = (1, 2, 3)
_STAGES = (1 / 3, 2 / 3, 1.0)
_NAMES = {1 / 3: "last third of the layers", 2 / 3: "last two thirds", 1.0: "all layers"}
_ALIKE = 0.5


@check(
    "maps-under-randomisation",
    title="Maps of a network that knows nothing",
    question="Do the maps change when what was learnt is destroyed, or do they show the film "
    "whatever the network knows?",
    asked_by=("Adebayo et al., NeurIPS 2018",),
)
def maps_under_randomisation(subject: Subject) -> Outcome:
    """Compare maps with those of the network with its weights shuffled, last layers first."""
    answers = subject.answers()
    places = _sample(answers, subject.settings.seed)
    if len(places) < _FEW:
        return Outcome.not_run(f"{len(places)} films have a map; at least {_FEW} are needed.")
    try:
        found = {
            share: np.stack([_likeness(subject, answers, places, share, seed) for seed in _SEEDS])
            for share in _STAGES
        }
    except BundleError as error:
        return Outcome.not_run(f"The weights cannot be shuffled: {error}")
    stages = {
        share: _over_networks(subject, answers, places, values) for share, values in found.items()
    }
    last = stages[1.0]
    if last.estimate is None:
        return Outcome.not_run("No network with shuffled weights gave a map that holds anything.")
    least = min(mean for mean in map(_mean, found[1.0]) if mean is not None)
    alike = last.low is not None and min(last.low, least) > _ALIKE
    return Outcome(
        verdict="fail" if alike else "warn" if last.estimate > _ALIKE else "pass",
        summary=f"With the weights of every layer shuffled, the maps of {last.n:,} films have a "
        f"rank correlation of {last.text()} with the trained network's, over {len(_SEEDS)} "
        "shufflings; 1 would mean that they do not depend on what was learnt.",
        reason=f"Fails when the lower limit of the rank correlation and the mean of every single "
        f"shuffling are above {_ALIKE}; warns when the correlation itself is.",
        numbers={
            f"rank correlation, {_NAMES[share]} shuffled": stages[share]
            for share in reversed(_STAGES)
        },
        charts=(_cascade(stages),),
        tables=(_table(found),),
        notes=tuple(_notes(answers, places, found)),
    )


def _sample(answers: Answers, seed: int) -> list[int]:
    """Return places among the answers of some films with a map that holds something."""
    if answers.cams is None:
        return []
    called = answers.probabilities.argmax(axis=1)
    shown = [
        place
        for place, cams in enumerate(answers.cams)
        if not is_empty(cams)[called[place]] and np.ptp(cams[called[place]]) > 0
    ]
    drawn = np.random.default_rng(seed).permutation(len(shown))[:_FILMS]
    return sorted(shown[int(one)] for one in drawn)


def _likeness(
    subject: Subject, answers: Answers, places: Sequence[int], share: float, seed: int
) -> Array:
    """Return the rank correlation of each film's maps; NaN where the shuffled one is empty."""
    model = shuffle_weights(subject.bundle.model_path.read_bytes(), seed, share=share)
    stranger = Stranger(f"randomised-{seed}-{share:.2f}", model)
    asking = Asking(
        subject.bundle, subject.store, subject.masks, subject.unreadable, stranger=stranger
    )
    frame = subject.tested.frame
    rows = [int(answers.rows[place]) for place in places]
    films = [Film(subject.path(row), frame.row(row, named=True)) for row in rows]
    asking.ask([(film, (AS_THEY_ARE,)) for film in films])
    found = []
    for place, said in zip(places, asking.answers(films, AS_THEY_ARE), strict=True):
        cams = None if said is None else said.cams
        index = int(answers.probabilities[place].argmax())
        if cams is None or answers.cams is None or is_empty(cams)[index]:
            found.append(float("nan"))
        else:
            found.append(rank_correlation(answers.cams[place][index], cams[index]))
    return np.array(found)


def _over_networks(
    subject: Subject, answers: Answers, places: Sequence[int], values: Array
) -> Estimate:
    """Return the mean over networks and films, each film's mean over networks taken first."""
    known: NDArray[np.bool_] = np.asarray(~np.isnan(values).all(axis=0))
    means = np.nanmean(values[:, known], axis=0)
    people = subject.tested.frame.select("source", "patient_id").rows()
    who = ["/".join(map(str, people[int(answers.rows[place])])) for place in places]
    return mean_over_patients(
        means,
        [one for one, kept in zip(who, known, strict=True) if kept],
        resamples=subject.settings.resamples,
        seed=subject.settings.seed,
    )


def _mean(values: Array) -> float | None:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else None


def _different_films(answers: Answers, places: Sequence[int]) -> float:
    """Return the mean rank correlation of the maps of two films called alike; NaN without any."""
    if answers.cams is None:
        return float("nan")
    called = answers.probabilities.argmax(axis=1)
    found = [
        rank_correlation(answers.cams[a][called[a]], answers.cams[b][called[b]])
        for a, b in itertools.combinations(places, 2)
        if called[a] == called[b]
    ]
    return float(np.mean(found)) if found else float("nan")


def _notes(answers: Answers, places: Sequence[int], found: Mapping[float, Array]) -> list[str]:
    apart, empty = _different_films(answers, places), int(np.isnan(found[1.0]).sum())
    notes = ["The limits are over patients; the table has each shuffling by itself."]
    if not np.isnan(apart):
        notes.append(
            f"For comparison: maps of two different films called alike, as trained, have a rank "
            f"correlation of {apart:.3f} on average."
        )
    if empty:
        notes.append(
            f"{empty} of {found[1.0].size} maps with every layer shuffled held nothing and are "
            "left out."
        )
    return notes


def _cascade(stages: Mapping[float, Estimate]) -> Lines:
    return Lines(
        title="Likeness to the trained network's maps as more layers are shuffled",
        x="share of layers shuffled, from the output down",
        y="rank correlation",
        curves=(("maps of the same film", tuple(stages.items())),),
        limits=(-1.0, 1.0),
        references=(("unrelated", 0.0), ("the same", 1.0)),
    )


def _table(found: Mapping[float, Array]) -> Table:
    return Table(
        title="Mean rank correlation of each shuffling",
        columns=("shuffled", *(f"shuffling {seed}" for seed in _SEEDS)),
        rows=tuple(
            (
                _NAMES[share],
                *(None if mean is None else round(mean, 3) for mean in map(_mean, values)),
            )
            for share, values in found.items()
        ),
    )
