"""What the gate's network does to films, and to films turned into wrong ones: shares and AUROCs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from hilum.evaluation.ranking import auroc
from hilum.evaluation.wilson import wilson_interval_of_patients
from hilum.screening.gate.layout import Layout, LayoutNetwork
from hilum.training.gate_films import GateFilms
from hilum.training.gate_network import SIDE
from hilum.training.gate_strangers import SKETCHES, draw_stranger

__all__ = ["WRONG", "choose_limits", "measure_films", "measure_strangers", "share"]

Picture = NDArray[np.uint8]
_EACH = 60
_RARE = {"chest": 0.005, "turned": 0.005, "negative": 0.005, "piece": 0.01, "mirrored": 0.01}
"""Share of held-out films that each limit may cost at most."""

_SURE = {"chest": 0.8, "turned": 0.5, "negative": 0.9, "piece": 0.9, "mirrored": 0.5}
"""How sure the network must be at least. Even odds do where it holds at a hospital it has not seen;
networks fitted without one found parts of chests, inverted films and strangers too often there."""


def _cut(top: float, bottom: float, left: float, right: float) -> Callable[[Picture], Picture]:
    def cut(film: Picture) -> Picture:
        side = film.shape[0]
        rows = slice(round(top * side), round(bottom * side))
        part = film[rows, round(left * side) : round(right * side)]
        return np.asarray(Image.fromarray(np.ascontiguousarray(part)).resize((side, side)))

    return cut


@dataclass(frozen=True, slots=True)
class _Wrong:
    make: Callable[[Picture], Picture]
    question: str


WRONG: dict[str, _Wrong] = {
    "on its left side": _Wrong(lambda film: np.rot90(film, 1), "turned"),
    "upside down": _Wrong(lambda film: np.rot90(film, 2), "turned"),
    "on its right side": _Wrong(lambda film: np.rot90(film, 3), "turned"),
    "flipped top to bottom": _Wrong(lambda film: film[::-1], "turned"),
    "mirrored": _Wrong(lambda film: film[:, ::-1], "mirrored"),
    "inverted": _Wrong(lambda film: 255 - film, "negative"),
    "left half": _Wrong(_cut(0, 1, 0, 0.5), "piece"),
    "right half": _Wrong(_cut(0, 1, 0.5, 1), "piece"),
    "upper half": _Wrong(_cut(0, 0.5, 0, 1), "piece"),
    "lower half": _Wrong(_cut(0.5, 1, 0, 1), "piece"),
    "corner": _Wrong(_cut(0.45, 1, 0.45, 1), "piece"),
    "detail": _Wrong(_cut(0.3, 0.7, 0.3, 0.7), "piece"),
}
"""Name to how a film (192, 192) is made wrong, and the question that should find it."""


def share(hits: NDArray[np.bool_], people: NDArray[np.int64]) -> dict[str, Any]:
    """Return how many of how many, and Wilson's limits with patients taken into account."""
    _, who = np.unique(people, return_inverse=True)
    low, high, _ = wilson_interval_of_patients(hits, who)
    return {"n": int(hits.size), "hits": int(hits.sum()), "low": round(low, 4),
            "high": round(high, 4)}  # fmt: skip


def _reduced(films: NDArray[np.uint8]) -> NDArray[np.uint8]:
    boxes = films.reshape(len(films), SIDE, 2, SIDE, 2).astype(np.uint16).sum((2, 4))
    small: NDArray[np.uint8] = ((boxes + 2) // 4).astype(np.uint8)
    return small


def _looks(network: LayoutNetwork, films: Sequence[Picture]) -> list[Layout]:
    squares = _reduced(np.stack(films))
    return [
        one
        for start in range(0, len(squares), 64)
        for one in network.look_at(squares[start : start + 64])
    ]


def _refused(looks: Sequence[Layout], limits: Mapping[str, float]) -> NDArray[np.bool_]:
    return np.array([bool(look.reasons(limits)) for look in looks])


def choose_limits(network: LayoutNetwork, films: GateFilms) -> dict[str, float]:
    """Return limits: fixed odds, or wider where those would cost more held-out films than wanted.

    Args:
        network: With any limits.
        films: That it did not learn from.
    """
    looks = _looks(network, list(films.squares))
    values = {
        "chest": [1 - look.chest for look in looks],
        "turned": [look.way for look in looks],
        "mirrored": [look.mirrored for look in looks],
        "negative": [look.negative for look in looks],
        "piece": [look.piece for look in looks],
    }
    limits = {}
    for name, doubts in values.items():
        allowed = int(_RARE[name] * len(doubts))
        worst = sorted(doubts)[-1 - allowed]
        limits[name] = round(max(_SURE[name], min(0.99, worst + 0.02)), 3)
    limits["chest"] = round(1 - limits["chest"], 3)
    return limits


def measure_films(network: LayoutNetwork, films: GateFilms) -> dict[str, Any]:
    """Count films accepted, by source, and films refused once they were made wrong.

    The AUROC is that of the score the question is decided by: for mirrored films that of being
    mirrored, for the others that of a whole chest film that lies right.

    Args:
        network: With the limits to be judged.
        films: That it did not learn from.
    """
    people, limits = films.people(), network.limits
    right = _looks(network, list(films.squares))
    taken = ~_refused(right, limits)
    accepted = {"all": share(taken, people)}
    for source in sorted(set(films.sources.tolist())):
        chosen = films.sources == source
        accepted[source] = share(taken[chosen], people[chosen])
    mirrored = np.array([look.mirrored for look in right])
    warned = share(mirrored > limits["mirrored"], people)
    found: dict[str, Any] = {}
    for name, wrong in WRONG.items():
        looks = _looks(network, [wrong.make(film) for film in films.squares])
        if wrong.question == "mirrored":
            hits = np.array([look.mirrored > limits["mirrored"] for look in looks])
            scores = [look.mirrored for look in right] + [look.mirrored for look in looks]
        else:
            hits = _refused(looks, limits)
            scores = [-look.score for look in right] + [-look.score for look in looks]
        truth = np.repeat([False, True], len(films))
        found[name] = {**share(hits, people), "auroc": round(auroc(truth, np.array(scores)), 5)}
    return {"accepted": accepted, "warned_mirrored": warned, "made_wrong": found}


def measure_strangers(
    network: LayoutNetwork, films: GateFilms, seed: Sequence[int]
) -> dict[str, Any]:
    """Count sketches refused, by kind, drawn with a seed that no training used.

    Args:
        network: With the limits to be judged.
        films: Real ones, to compare scores with.
        seed: Of the sketches.
    """
    rng = np.random.default_rng(list(seed))
    right = [-look.score for look in _looks(network, list(films.squares))]
    found = {}
    for kind in SKETCHES:
        looks = _looks(network, [draw_stranger(rng, kind) for _ in range(_EACH)])
        hits = _refused(looks, network.limits)
        truth = np.repeat([False, True], [len(right), len(looks)])
        scores = np.array(right + [-look.score for look in looks])
        found[kind] = {**share(hits, np.arange(_EACH)), "auroc": round(auroc(truth, scores), 5)}
    return found
