"""Films a little other than they are: shifted, compressed, in other greys, of fewer pixels.

A small change that a reader would hardly see must not change many answers. Where a strong one
moves all films to one class, the network may have learnt the quality of films instead of what is
on them; the check of film quality says whether there is such a thing to learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hilum.audit.changes.grey import GREYS, INVERTED, STRONG_GREYS
from hilum.audit.changes.place import SHIFTS, TURNS
from hilum.audit.changes.quality import BLURS, JPEGS, NOISES, RESOLUTIONS
from hilum.audit.effect import Effect, effect_of, moves_table
from hilum.audit.examples import example
from hilum.audit.film_quality import Telling, film_quality, holm, tellings
from hilum.audit.judging import SEVERITY, fell, lowest
from hilum.audit.perturb import AS_THEY_ARE, LUNGS, Change
from hilum.audit.record import Bars, Lines, Outcome, Verdict
from hilum.audit.registry import Wanted, check
from hilum.audit.subject import Subject
from hilum.evaluation.record import Estimate

__all__ = ["blur", "grey_scale", "jpeg", "resolution", "shift"]

_ASKED_BY = (
    "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021",
    "Cohen et al., arXiv 2002.02497",
)
_MANY_CALLS, _SOME_CALLS = 0.25, 0.10
_FELL, _FELL_FAR = -0.05, -0.15
_ONE_WAY = 0.20
_TELLS, _SURE = 0.65, 0.05
_RULE = (
    "Of {mild}: fails when the score falls by more than 0.15, even by the upper limit of the "
    "paired difference, or the calls of more than 25 % of the films change, by the lower limit; "
    "warns when by more than 0.05 or 10 %. Of all changes: fails when the score falls (upper "
    "limit below 0) while one class's mean probability rises by more than 0.20 (lower limit), and "
    "that class's films differ in such quality as they are (AUROC above 0.65, p < 0.05)."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """One kind of change in several strengths."""

    title: str
    axis: str
    steps: tuple[tuple[float, Change], ...]
    mild: int
    """How many of the steps, from the first, a reader would hardly see."""

    measures: tuple[str, ...] = ()
    """What of a film's quality it changes."""


_FINE = ("sharpness", "coarse sharpness")
_GREY = ("mean grey", "contrast", "share of black", "share of white", "grey of the edge")

_SHIFTED = _Series(title="shifted", axis="shift, % of the width", steps=SHIFTS, mild=2)
_TURNED = _Series(title="turned", axis="turn, degrees", steps=TURNS, mild=1)
_COMPRESSED = _Series(
    title="compressed",
    axis="JPEG quality",
    steps=JPEGS,
    mild=2,
    measures=("blockiness", "bytes a pixel", *_FINE),
)
_BLURRED = _Series(
    title="blurred", axis="blur, % of the shorter side", steps=BLURS, mild=1, measures=_FINE
)
_GRAINY = _Series(
    title="with grain", axis="grain, % of white", steps=NOISES, mild=1, measures=_FINE
)
_REDUCED = _Series(
    title="of fewer pixels",
    axis="pixels on the shorter side",
    steps=RESOLUTIONS,
    mild=1,
    measures=("shorter side in pixels", *_FINE),
)


def _wants(*series: _Series) -> tuple[Wanted, ...]:
    changes = [change for one in series for _, change in one.steps]
    return _asked(changes)


def _asked(changes: Sequence[Change]) -> tuple[Wanted, ...]:
    lungs: tuple[Wanted, ...] = (("tested", LUNGS), ("taught", LUNGS))  # for films' quality
    return (("tested", AS_THEY_ARE), *(("tested", change) for change in changes), *lungs)


@check(
    "shift",
    title="Shifted and turned",
    question="Does the answer hold when the film lies a little differently?",
    asked_by=_ASKED_BY,
    wants=_wants(_SHIFTED, _TURNED),
)
def shift(subject: Subject) -> Outcome:
    """Shift and turn films."""
    return _judged(subject, (_SHIFTED, _TURNED), "shifts of 2 and 5 % and a turn of 3 degrees")


@check(
    "jpeg",
    title="Compressed",
    question="Does the answer hold when every film is saved with the same loss?",
    asked_by=_ASKED_BY,
    wants=_wants(_COMPRESSED),
)
def jpeg(subject: Subject) -> Outcome:
    """Save films as JPEG."""
    return _judged(subject, (_COMPRESSED,), "qualities 90 and 50")


@check(
    "grey-scale",
    title="In other greys",
    question="Does the answer hold in another viewer's greys?",
    asked_by=_ASKED_BY,
    wants=_asked((*GREYS, *STRONG_GREYS, INVERTED)),
)
def grey_scale(subject: Subject) -> Outcome:
    """Show films brighter, darker, stretched, windowed, and inverted."""
    effects = [effect_of(subject, change) for change in (*GREYS, *STRONG_GREYS)]
    inverted = effect_of(subject, INVERTED)
    found = _assess(subject, effects, len(GREYS), _GREY)
    worst, every = found.worst, (*effects, inverted)
    return Outcome(
        verdict=found.verdict,
        summary=_summary(subject, worst),
        reason=_RULE.format(mild="a gamma of 0.85 or 1.2 and the stretch")
        + " Inverted films are shown "
        "and not judged: no network has to bear them.",
        numbers=_numbers(subject, worst, every),
        charts=(
            Bars(
                title="Calls changed",
                axis="share of films",
                rows=tuple((one.change.title, one.flipped) for one in every),
            ),
            Bars(
                title="Score",
                axis=subject.score_name,
                rows=(
                    ("as they are", worst.score.b),
                    *((one.change.title, one.score.a) for one in every),
                ),
                references=(("chance", 0.5),),
            ),
        ),
        tables=(moves_table("How far answers move", every),),
        pictures=tuple(example(subject, one) for one in every),
        notes=found.notes,
    )


@check(
    "resolution",
    title="Of fewer pixels",
    question="Does the answer hold when every film is brought to the same few pixels?",
    asked_by=_ASKED_BY,
    wants=_wants(_REDUCED),
)
def resolution(subject: Subject) -> Outcome:
    """Bring films down to few pixels and up again."""
    return _judged(subject, (_REDUCED,), "256 pixels")


@check(
    "blur",
    title="Blurred and grainy",
    question="Does the answer hold when every film is equally blurred, or has the same grain?",
    asked_by=_ASKED_BY,
    wants=_wants(_BLURRED, _GRAINY),
)
def blur(subject: Subject) -> Outcome:
    """Blur films, and add grain."""
    return _judged(subject, (_BLURRED, _GRAINY), "a blur of 0.2 % and grain of 2 %")


def _judged(subject: Subject, series: Sequence[_Series], mild: str) -> Outcome:
    found = [[effect_of(subject, change) for _, change in one.steps] for one in series]
    every = [effect for effects in found for effect in effects]
    assessed = [
        _assess(subject, effects, one.mild, one.measures)
        for effects, one in zip(found, series, strict=True)
    ]
    decides = max(assessed, key=lambda one: SEVERITY.index(one.verdict))
    worst = decides.worst
    return Outcome(
        verdict=decides.verdict,
        summary=_summary(subject, worst),
        reason=_RULE.format(mild=mild),
        numbers=_numbers(subject, worst, every),
        charts=tuple(
            chart
            for one, effects in zip(series, found, strict=True)
            for chart in _charts(subject, one, effects)
        ),
        tables=(moves_table("How far answers move", every),),
        pictures=tuple(example(subject, effects[-1]) for effects in found),
        notes=tuple(note for one in assessed for note in one.notes),
    )


@dataclass(frozen=True, slots=True)
class _Assessed:
    verdict: Verdict
    worst: Effect
    """The effect that decides."""

    notes: tuple[str, ...]


def _assess(
    subject: Subject, effects: Sequence[Effect], mild: int, measures: Sequence[str]
) -> _Assessed:
    """Judge mild effects by what they do, all by whether they go one way that films go, too."""
    judged: list[tuple[Verdict, Effect]] = [(_of_mild(one), one) for one in effects[:mild]]
    notes = []
    for one in effects:
        if _one_way(one):
            told = _told_apart(subject, measures, one.drawn_to[0])
            if told is not None:
                judged.append(("fail", one))
            notes.append(_one_way_note(one, told))
    verdict, worst = max(
        judged, key=lambda entry: (SEVERITY.index(entry[0]), lowest(entry[1].flipped))
    )
    return _Assessed(verdict, worst, tuple(notes))


def _of_mild(found: Effect) -> Verdict:
    by, calls = fell(found.score), lowest(found.flipped)
    if by < _FELL_FAR or calls > _MANY_CALLS:
        return "fail"
    return "warn" if by < _FELL or calls > _SOME_CALLS else "pass"


def _one_way(found: Effect) -> bool:
    """Whether the score is lost while films move to one class."""
    return fell(found.score) < 0 and lowest(found.drawn_to[1]) > _ONE_WAY


def _told_apart(subject: Subject, measures: Sequence[str], label: str) -> Telling | None:
    """Return the measure that tells the films of a class as they are, if one does."""
    tried = [
        one
        for one in tellings(film_quality(subject), subject.classes)
        if one.measure in measures and (len(subject.classes) == 2 or one.label == label)
    ]
    if not tried:
        return None
    adjusted = holm([one.p_value(_TELLS) for one in tried])
    best = min(range(len(tried)), key=adjusted.__getitem__)
    return tried[best] if adjusted[best] < _SURE else None


def _one_way_note(found: Effect, told: Telling | None) -> str:
    label, drift = found.drawn_to
    moved = (
        f"Films {found.change.title} move to {label}: its mean probability rises by "
        f"{drift.text()}, and the score falls."
    )
    if told is None:
        return f"{moved} Whether that class's films differ so to begin with could not be shown."
    return (
        f"{moved} And as they are, films of {told.label} have {'more' if told.more else 'less'} "
        f"{told.measure}: AUROC {told.area.text()}. The network may have learnt that."
    )


def _summary(subject: Subject, worst: Effect) -> str:
    label, drift = worst.drawn_to
    return (
        f"The call changes on {worst.flipped.text(percent=True)} of {worst.n:,} films "
        f"{worst.change.title}; the {subject.score_name} is {worst.score.a.text()} instead of "
        f"{worst.score.b.text()}, difference {worst.score.difference.text()}. Films drift towards "
        f"{label} by {drift.text()}."
    )


def _numbers(subject: Subject, worst: Effect, every: Sequence[Effect]) -> dict[str, Estimate]:
    label, drift = worst.drawn_to
    return {
        f"share of calls changed, {worst.change.title}": worst.flipped,
        f"difference of {subject.score_name}, paired, {worst.change.title}": worst.score.difference,
        f"mean rise of {label}, {worst.change.title}": drift,
        **{
            f"share of calls changed, {one.change.title}": one.flipped
            for one in every
            if one is not worst
        },
    }


def _charts(subject: Subject, one: _Series, effects: Sequence[Effect]) -> tuple[Lines, ...]:
    at = [step for step, _ in one.steps]

    def points(values: Sequence[Estimate]) -> tuple[tuple[float, Estimate], ...]:
        return tuple(zip(at, values, strict=True))

    moves = (
        ("calls changed, share of films", points([effect.flipped for effect in effects])),
        ("change of the called class's probability", points([effect.moved for effect in effects])),
    )
    whole = effects[0].score.b.estimate
    return (
        Lines(title=f"Films {one.title}: answers", x=one.axis, y="share, or mean", curves=moves),
        Lines(
            title=f"Films {one.title}: score",
            x=one.axis,
            y=subject.score_name,
            curves=(("all classes", points([effect.score.a for effect in effects])),),
            references=(
                ("chance", 0.5),
                *(() if whole is None else (("as they are", whole),)),
            ),
        ),
    )
