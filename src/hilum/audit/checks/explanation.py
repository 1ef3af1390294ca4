"""Whether the evidence lies where it should: in the lungs, and on the lesion where one is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hilum.audit.maps import cover, grown, mean_over_patients, share_inside
from hilum.audit.perturb import AS_THEY_ARE, LESIONS, LUNGS
from hilum.audit.pictures import evidence_row
from hilum.audit.record import Bars, Outcome, Table, Verdict
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.evaluation.record import Estimate
from hilum.screening.heatmap import is_empty

__all__ = ["heatmap_in_lesion", "heatmap_in_lungs"]

Array = NDArray[np.float64]
Compared = Mapping[str, tuple[Estimate, Estimate, Estimate]]
"""By group of films: what was found, what chance gives, and how many times that it is."""

_FEW = 10
"""Fewer films than these decide nothing."""

_PICTURED = 4

_LITTLE = 0.8
_RULE = (
    f"Fails when it is less than {_LITTLE} times what an even map would put there (upper limit); "
    "warns when it is not shown to be more than that of an even map (lower limit not above 1)."
)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A film with a map that holds something, and a region to compare it with."""

    row: int
    map: NDArray[np.float32]
    """Shape (h, w)."""

    cells: Array
    """Share of each of the map's cells that the region covers, shape (h, w)."""

    region: NDArray[np.bool_]
    label: str
    """Whose evidence it is."""

    right: bool
    """Whether the film was called rightly."""

    patient: str

    @property
    def inside(self) -> float:
        """Share of the evidence inside the region."""
        return share_inside(self.map, self.cells)

    @property
    def even(self) -> float:
        """Share of an even map inside the region."""
        return float(self.cells.mean())


@check(
    "heatmap-in-lungs",
    title="Evidence inside the lungs",
    question="Does what speaks for the answer lie in the lungs, more than it would by chance?",
    asked_by=(
        "Maguolo and Nanni, Information Fusion 2021",
        "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
    ),
    wants=(("tested", AS_THEY_ARE), ("tested", LUNGS)),
)
def heatmap_in_lungs(subject: Subject) -> Outcome:
    """Compare the called class's evidence inside the lungs with that of an even map."""
    shown, notes = _shown(subject, subject.lungs(), "lungs", of_truth=False)
    if len(shown) < _FEW:
        return _too_few(shown, notes)
    found = _compared(subject, shown, [(one.inside, one.even) for one in shown])
    share, chance, times = found["all films"]
    return Outcome(
        verdict=_verdict(times),
        summary=f"{share.text(percent=True)} of the evidence for the answer lies inside the lungs, "
        f"which fill {chance.text(percent=True)} of what the network sees: {_said(times)} "
        f"({share.n:,} films).",
        reason=_RULE,
        numbers={
            "evidence in the lungs, times that of an even map": times,
            "share of the evidence in the lungs": share,
            "share of the square that is lung": chance,
        },
        charts=(_bars("Share of the evidence inside the lungs", found),),
        tables=(_table("Evidence inside the lungs", "in the lungs", found),),
        pictures=(evidence_row(subject, _worst(shown), "lungs"),),
        notes=notes,
    )


@check(
    "heatmap-in-lesion",
    title="Evidence on the lesion",
    question="Where it is known what there is to see, does the evidence lie on it?",
    asked_by=(
        "Zhang et al., International Journal of Computer Vision 2018 (the pointing game)",
        "Saporta et al., Nature Machine Intelligence 2022",
    ),
    wants=(("tested", AS_THEY_ARE), ("tested", LESIONS)),
)
def heatmap_in_lesion(subject: Subject) -> Outcome:
    """Compare the evidence for the true finding with where it was drawn."""
    if "lesion_mask" not in subject.tested.frame.columns:
        return Outcome.not_run(
            "Nobody drew the lesions of these films: this check needs a column lesion_mask, which "
            "phantoms have."
        )
    shown, notes = _shown(subject, subject.lesions(), "lesion", of_truth=True)
    if len(shown) < _FEW:
        return _too_few(shown, notes)
    found = _compared(subject, shown, [(one.inside, one.even) for one in shown])
    pointed = _compared(subject, shown, [_pointing(one) for one in shown])
    share, chance, times = found["all films"]
    hit, blind, more = pointed["all films"]
    return Outcome(
        verdict=_verdict(times),
        summary=f"{share.text(percent=True)} of the evidence for the true finding lies on the "
        f"lesion, which fills {chance.text(percent=True)} of what the network sees: "
        f"{_said(times)}. The strongest cell lies on it or beside it in "
        f"{hit.text(percent=True)} of {hit.n:,} films; a cell drawn at random would in "
        f"{blind.text(percent=True)}.",
        reason=_RULE,
        numbers={
            "evidence on the lesion, times that of an even map": times,
            "share of the evidence on the lesion": share,
            "share of the square that is lesion": chance,
            "strongest cell on the lesion": hit,
            "strongest cell on the lesion, times a cell drawn at random": more,
        },
        charts=(_bars("Share of the evidence on the lesion", found),),
        tables=(
            _table("Evidence on the lesion", "on the lesion", found),
            _table("The strongest cell", "on the lesion or beside it", pointed),
        ),
        pictures=(evidence_row(subject, _worst(shown), "lesion"),),
        notes=notes,
    )


def _shown(
    subject: Subject, regions: Sequence[NDArray[np.bool_] | None], what: str, *, of_truth: bool
) -> tuple[list[_Shown], tuple[str, ...]]:
    """Return the films that can be measured, and notes on those that cannot."""
    answers = subject.answers()
    if answers.cams is None:
        return [], ("The bundle gave no evidence maps.",)
    truth = subject.predictions().labels
    people = subject.tested.frame.select("source", "patient_id").rows()
    called = answers.probabilities.argmax(axis=1)
    shown, empty, unknown = [], 0, 0
    for place, row in enumerate(answers.rows.tolist()):
        region, index = regions[row], int(truth[place] if of_truth else called[place])
        if region is None:
            unknown += 1
        elif is_empty(answers.cams[place])[index]:
            empty += 1
        else:
            one = answers.cams[place][index]
            shown.append(
                _Shown(
                    row=row,
                    map=one,
                    cells=cover(region, (one.shape[0], one.shape[1])),
                    region=region,
                    label=subject.classes[index],
                    right=bool(called[place] == truth[place]),
                    patient="/".join(map(str, people[row])),
                )
            )
    return shown, tuple(_left_out(empty, unknown, what))


def _left_out(empty: int, unknown: int, what: str) -> list[str]:
    found = []
    if empty:
        found.append(f"{empty:,} films have an empty map and are left out.")
    if unknown:
        lies = "lungs lie" if what == "lungs" else f"{what} lies"
        found.append(f"Of {unknown:,} films it is not known where the {lies}.")
    return found


def _too_few(shown: Sequence[_Shown], notes: tuple[str, ...]) -> Outcome:
    why = f"{len(shown)} films can be measured; at least {_FEW} are needed."
    return Outcome.not_run(" ".join((why, *notes)))


def _pointing(one: _Shown) -> tuple[float, float]:
    """Return whether the strongest cell lies on the region or beside it, and chance's share."""
    near = grown(one.cells)
    return float(near.ravel()[int(one.map.argmax())]), float(near.mean())


def _compared(
    subject: Subject, shown: Sequence[_Shown], pairs: Sequence[tuple[float, float]]
) -> Compared:
    """Compare all films, those of each class, and those called rightly and wrongly."""
    groups = {"all films": np.full(len(shown), fill_value=True)}
    for label in subject.classes:
        groups[label] = np.array([one.label == label for one in shown])
    groups["called rightly"] = np.array([one.right for one in shown])
    groups["called wrongly"] = ~groups["called rightly"]
    found, chance = np.array(pairs).T
    patients = np.array([one.patient for one in shown])
    settings = subject.settings

    def mean(values: Array, kept: NDArray[np.bool_], over: Array | None = None) -> Estimate:
        return mean_over_patients(
            values[kept],
            patients[kept],
            over=None if over is None else over[kept],
            resamples=settings.resamples,
            seed=settings.seed,
        )

    return {
        name: (mean(found, kept), mean(chance, kept), mean(found, kept, chance))
        for name, kept in groups.items()
        if kept.any()
    }


def _verdict(times: Estimate) -> Verdict:
    if times.low is None or times.high is None:
        return "warn"
    if times.high < _LITTLE:
        return "fail"
    return "pass" if times.low > 1 else "warn"


def _said(times: Estimate) -> str:
    many = f"{times.text()} times what an even map would have there"
    if times.low is not None and times.low > 1:
        return many
    if times.high is not None and times.high < 1:
        return f"{many}, so less than by chance"
    return f"{many}, not shown to be more"


def _worst(
    shown: Sequence[_Shown],
) -> list[tuple[int, NDArray[np.float32], NDArray[np.bool_], str]]:
    """Return the films whose evidence lies least inside."""
    order = sorted(shown, key=lambda one: one.inside - one.even)[:_PICTURED]
    return [(one.row, one.map, one.region, one.label) for one in order]


def _bars(title: str, found: Compared) -> Bars:
    return Bars(
        title=title,
        axis="share of the evidence",
        rows=tuple((name, share) for name, (share, _, _) in found.items()),
        references=(("an even map", found["all films"][1].estimate or 0.0),),
    )


def _table(title: str, where: str, found: Compared) -> Table:
    return Table(
        title=title,
        columns=("films", where, "by chance", "times chance", "n", "patients"),
        rows=tuple(
            (name, share.text(), chance.text(), times.text(), share.n, share.patients)
            for name, (share, chance, times) in found.items()
        ),
    )
