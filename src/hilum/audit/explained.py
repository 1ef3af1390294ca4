"""One film's answer explained by several methods: their maps, how far they agree, what each took.

The methods come from outside as functions, because one of them needs torch and this room does
without. The network's own map is not made here: it comes with the answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from hilum.audit.agreement import Agreement, MethodMap, compare_maps, in_words, share_in
from hilum.data.preprocessing import Preprocessing, normalize, prepare
from hilum.data.radiograph import Radiograph
from hilum.errors import BundleError, HilumError, ImageReadError
from hilum.screening.engine import Engine
from hilum.screening.occlusion import Drops
from hilum.screening.result import Screening
from hilum.screening.screener import Screener

if TYPE_CHECKING:
    from hilum.screening.lungs import LungSegmenter

__all__ = ["GRAD_CAM", "NAMES", "ClassExplained", "Explained", "Explainer"]

GRAD_CAM = "grad-cam"
NAMES: Mapping[str, str] = {
    GRAD_CAM: "Grad-CAM",
    "grad-cam++": "Grad-CAM++",
    "occlusion": "occlusion",
}
"""Method to what a reader calls it."""

Picture = NDArray[np.uint8]
Method = Callable[[Picture], "NDArray[np.float32] | Drops"]
"""A prepared picture (size, size) to maps (classes, rows, columns), at least 0; or to drops."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ClassExplained:
    """The evidence for one class.

    Args:
        label: The class.
        probability: What the bundle says of it.
        maps: One a method.
        agreement: Of each two of them.
        drops: What covering takes at most: `logit` and `probability`, and what it adds at most;
            None without occlusion.
    """

    label: str
    probability: float
    maps: tuple[MethodMap, ...]
    agreement: tuple[Agreement, ...]
    drops: Mapping[str, Any] | None = None

    @property
    def disagree(self) -> bool:
        """Whether any two maps point to different places."""
        return any(one.disagree for one in self.agreement)

    @property
    def words(self) -> str:
        """What a reader may conclude."""
        if len(self.maps) < 2:
            return "One method alone: nothing confirms the map."
        return in_words(self.label, self.maps, self.agreement, NAMES)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "class": self.label,
            "probability": self.probability,
            "disagree": self.disagree,
            "words": self.words,
            "agreement": [one.to_dict() for one in self.agreement],
            "maps": [one.to_dict() for one in self.maps],
            "occlusion": None if self.drops is None else dict(self.drops),
        }


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Explained:
    """A film with its answer and what explains it.

    Args:
        answer: As screening gives it, the film inside.
        classes: Explained; none if there is no answer.
        seconds: What each method took, by name; of Grad-CAM the inference it comes with.
        lungs: Share of the square that is lung, in [0, 1]; None if it is not known.
        no_lungs: Why not.
    """

    answer: Screening
    classes: tuple[ClassExplained, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    lungs: float | None = None
    no_lungs: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            **self.answer.to_dict(),
            "lungs": self.lungs,
            "no_lungs": self.no_lungs,
            "classes": [one.to_dict() for one in self.classes],
            "method_seconds": {name: round(value, 4) for name, value in self.seconds.items()},
        }


class Explainer:
    """Explains films with several methods. For research use only.

    Args:
        screener: Answers; must keep the films.
        engine: The same network, opened once more: the time of its own map is taken of it.
        methods: Further methods by name, of those in `NAMES`, in the order wanted.
        segmenter: Finds the lungs; None: shares inside them are not given.
        own: Whether the engine's own map is wanted.
    """

    def __init__(
        self,
        screener: Screener,
        engine: Engine,
        methods: Mapping[str, Method],
        *,
        segmenter: LungSegmenter | None = None,
        own: bool = True,
    ) -> None:
        self._screener, self._engine, self._methods = screener, engine, methods
        self._segmenter, self._own = segmenter, own
        self._warm = False

    def explain(self, film: Path, wanted: Sequence[str] | None = None) -> Explained:
        """Explain one film; what goes wrong with it stands in the answer's `error`.

        Args:
            film: The file.
            wanted: Classes; None for the one decided for.

        Raises:
            BundleError: If a method cannot work with this bundle.
        """
        answer = self._screener.screen(film)
        if answer.probabilities is None or answer.decision is None or answer.cams is None:
            return Explained(answer=answer)
        try:
            radiograph, picture = self._screener.read(film)
        except (ImageReadError, OSError) as error:
            return Explained(answer=replace(answer, error=str(error)))
        maps, seconds = self._maps(picture)
        lungs, no_lungs = self._lungs(radiograph)
        labels = [answer.decision] if wanted is None else wanted
        found = [self._one(label, answer, maps, lungs) for label in labels]
        return Explained(
            answer=answer,
            classes=tuple(found),
            seconds=seconds,
            lungs=None if lungs is None else float(lungs.mean()),
            no_lungs=no_lungs,
        )

    def _maps(
        self, picture: Picture
    ) -> tuple[dict[str, NDArray[np.float32] | Drops], dict[str, float]]:
        """Return what each method says, and the seconds it took."""
        how = self._screener.bundle.record.preprocessing
        methods: dict[str, Method] = {
            GRAD_CAM: lambda given: self._engine.run(normalize(given[None], how))[1][0],
            **self._methods,
        }
        if not self._warm:  # the first run of a network is slower, and says nothing of the next
            for name, method in methods.items():
                if name != "occlusion":
                    method(picture)
            self._warm = True
        maps, seconds = {}, {}
        for name, method in methods.items():
            start = time.perf_counter()
            maps[name] = method(picture)
            seconds[name] = time.perf_counter() - start
        return maps, seconds

    def _lungs(self, film: Radiograph) -> tuple[NDArray[np.bool_] | None, str | None]:
        """Return the lungs in the square the network sees, or why they are not known."""
        if self._segmenter is None:
            return None, "they were not looked for"
        try:
            found = self._segmenter.mask(film)
        except HilumError as error:
            return None, str(error)
        if not found.good:
            return None, f"the lungs found are poor: {'; '.join(found.faults)}"
        how = self._screener.bundle.record.preprocessing
        mask = replace(film, pixels=found.mask.astype(np.uint8) * 255, white=255)
        geometry = Preprocessing(top=how.top, square=how.square, size=how.size)
        square = prepare(mask, geometry) > 127
        return (square, None) if square.any() else (None, "they lie outside what the network sees")

    def _one(
        self,
        label: str,
        answer: Screening,
        maps: Mapping[str, NDArray[np.float32] | Drops],
        lungs: NDArray[np.bool_] | None,
    ) -> ClassExplained:
        index = self._screener.bundle.record.classes.index(label)
        if answer.probabilities is None or answer.cams is None:
            raise BundleError("a film without an answer cannot be explained")
        grid = answer.cams.shape[1], answer.cams.shape[2]
        bare = (
            MethodMap(method=method, label=label, values=_of_class(made, index), grid=grid)
            for method, made in self._with_own(answer.cams, maps)
        )
        found = [_measured(one, lungs) for one in bare]
        drops = maps.get("occlusion")
        return ClassExplained(
            label=label,
            probability=answer.probabilities[label],
            maps=tuple(found),
            agreement=tuple(compare_maps(found)),
            drops=_drops(drops, index) if isinstance(drops, Drops) else None,
        )

    def _with_own(
        self, cams: NDArray[np.float32], maps: Mapping[str, NDArray[np.float32] | Drops]
    ) -> Iterator[tuple[str, NDArray[np.float32] | Drops]]:
        """Yield the maps wanted; the network's own is the one that came with the answer."""
        for method, made in maps.items():
            if method != GRAD_CAM:
                yield method, made
            elif self._own:
                yield method, cams


def _of_class(made: NDArray[np.float32] | Drops, index: int) -> NDArray[np.float32]:
    maps = made.evidence if isinstance(made, Drops) else made
    one: NDArray[np.float32] = maps[index]
    return one


def _measured(one: MethodMap, lungs: NDArray[np.bool_] | None) -> MethodMap:
    """Return a map with its share in the lungs."""
    if lungs is None or one.empty:
        return one
    return replace(one, in_lungs=share_in(one.values, lungs))


def _drops(drops: Drops, index: int) -> dict[str, Any]:
    """Return what covering does to one class, place by place, as plain values."""
    logits, probabilities = drops.logits[index], drops.probabilities[index]
    return {
        "fill": drops.fill,
        "patch_px": drops.places.patch,
        "stride_px": drops.places.size / drops.places.across,
        "runs": drops.runs,
        "largest_probability_drop": float(probabilities.max()),
        "largest_logit_drop": float(logits.max()),
        "largest_logit_rise": float(max(0.0, -logits.min())),
        "logit_drops": np.round(logits.astype(float), 6).tolist(),
        "probability_drops": np.round(probabilities.astype(float), 6).tolist(),
    }
