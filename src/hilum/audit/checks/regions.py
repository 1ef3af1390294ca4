"""Parts of the film taken away: what the score rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from hilum.audit.changes.region import (
    BORDER_ONLY,
    CENTRE_ONLY,
    CORNERS_BLACK,
    LUNGS_BLACK,
    LUNGS_BOXED,
    LUNGS_GREY,
    LUNGS_ONLY,
    TOP_STRIPS,
)
from hilum.audit.effect import CHANCE, Effect, effect_of, relearnt_score, scores_table
from hilum.audit.examples import example
from hilum.audit.judging import fell, half_lost, has_score, held, nothing_left, way_left, worse
from hilum.audit.perturb import AS_THEY_ARE, LUNGS
from hilum.audit.record import Bars, Outcome, Verdict
from hilum.audit.registry import check
from hilum.audit.subject import Subject
from hilum.evaluation.record import Estimate

__all__ = [
    "border_only",
    "centre_only",
    "corners_blacked_out",
    "lungs_blacked_out",
    "lungs_only",
    "top_strip",
]

_MAGUOLO = "Maguolo and Nanni, Information Fusion 2021"
_DEGRAVE = "DeGrave, Janizek and Lee, Nature Machine Intelligence 2021"
_LOPEZ = "Lopez-Cabrera et al., Health and Technology 2021"

_STRANGE = (
    "Films like these were in nobody's training: a network may answer them oddly. What counts is "
    "only whether its answers still tell the classes apart."
)
_OUTLINE = (
    "The verdict is that of the grey paint, which blurs the lungs' outline: an outline tells of "
    "disease, and of whoever drew it. A box hides it wholly, but on some films all else, too."
)
_WRONG_WAY = (
    "What is left is below chance: the rest of the film still tells the classes apart, but on such "
    "films the network answers the wrong way round."
)
_NOT_RELEARNT = (
    "No rule could be taught on such films: the bundle gives no features, or too few films of the "
    "train split have an answer."
)
_NO_MORE = (
    "Fails when what is left is above chance (lower limit above 0.5) and cannot be shown to be "
    "below the whole score, or when its lower limit, of one class or of all, is more than halfway "
    "from chance to the whole score; warns when it is more than a quarter of the way. A score "
    "below chance counts as one as far above it: answers the wrong way round tell, too. Passes "
    "only when what is left is shown to be below the whole score; else, it is not run. Halfway and "
    "a quarter are the limits as well for a rule taught on such films of the train split, on what "
    "the network's head sees of them. Other ways of painting over can only warn."
)
_FEWEST = 0.5
"""Share of films whose lungs must be known."""


@check(
    "lungs-blacked-out",
    title="Without the lungs",
    question="Can the network still tell the classes apart when it sees no lungs?",
    asked_by=(_MAGUOLO, _DEGRAVE),
    wants=(
        ("tested", AS_THEY_ARE),
        ("tested", LUNGS),
        ("tested", LUNGS_GREY),
        ("taught", LUNGS_GREY),
        ("tested", LUNGS_BLACK),
        ("tested", LUNGS_BOXED),
    ),
)
def lungs_blacked_out(subject: Subject) -> Outcome:
    """Score films whose lungs are painted over: in grey, in black, and by a box."""
    poor = _too_few_lungs(subject)
    if poor is not None:
        return poor
    effects = [effect_of(subject, change) for change in (LUNGS_GREY, LUNGS_BLACK, LUNGS_BOXED)]
    return _blind(
        subject,
        effects,
        "Without the lungs",
        (
            _OUTLINE,
            *_left_out(effects[0]),
        ),
    )


@check(
    "lungs-only",
    title="Nothing but the lungs",
    question="Does the score hold when the lungs are all that is left to see?",
    asked_by=(_MAGUOLO, _DEGRAVE),
    wants=(("tested", AS_THEY_ARE), ("tested", LUNGS), ("tested", LUNGS_ONLY)),
)
def lungs_only(subject: Subject) -> Outcome:
    """Score films with everything but the lungs painted over."""
    poor = _too_few_lungs(subject)
    if poor is not None:
        return poor
    found = effect_of(subject, LUNGS_ONLY)
    return _kept(
        subject,
        (found,),
        verdict=half_lost(found),
        title="With nothing but the lungs",
        reason="Warns when the score's upper limit is less than halfway from chance to the score "
        "on whole films; never fails, as the surroundings' absence alone may confuse a network.",
        notes=(_STRANGE, *_left_out(found)),
    )


@check(
    "border-only",
    title="Nothing but the border",
    question="Can the network tell the classes apart from the outermost eighth of each side alone?",
    asked_by=(_MAGUOLO, _DEGRAVE),
    wants=(("tested", AS_THEY_ARE), ("tested", BORDER_ONLY), ("taught", BORDER_ONLY)),
)
def border_only(subject: Subject) -> Outcome:
    """Score films with all but their border painted over."""
    found = effect_of(subject, BORDER_ONLY)
    note = "On tightly framed films the border holds the lungs' edges, too."
    return _blind(subject, (found,), "With nothing but the border", (note,))


@check(
    "centre-only",
    title="Without the border",
    question="Does the score hold when the outermost eighth of each side is taken away?",
    asked_by=(_MAGUOLO, _DEGRAVE),
    wants=(("tested", AS_THEY_ARE), ("tested", CENTRE_ONLY)),
)
def centre_only(subject: Subject) -> Outcome:
    """Score films whose border mirrors their centre."""
    return _must_hold(subject, (effect_of(subject, CENTRE_ONLY),), "Without the border")


@check(
    "top-strip",
    title="Without the top",
    question="Does the score hold when the strip where most text stands is black?",
    asked_by=(_DEGRAVE, _LOPEZ),
    wants=(("tested", AS_THEY_ARE), *(("tested", change) for change in TOP_STRIPS)),
)
def top_strip(subject: Subject) -> Outcome:
    """Score films whose top is black."""
    effects = [effect_of(subject, change) for change in TOP_STRIPS]
    return _must_hold(subject, effects, "Without the top")


@check(
    "corners-blacked-out",
    title="Without the corners",
    question="Does the score hold when the four corners, where marks stand, are black?",
    asked_by=(_DEGRAVE, _LOPEZ),
    wants=(("tested", AS_THEY_ARE), ("tested", CORNERS_BLACK)),
)
def corners_blacked_out(subject: Subject) -> Outcome:
    """Score films whose corners are black."""
    return _must_hold(subject, (effect_of(subject, CORNERS_BLACK),), "Without the corners")


def _too_few_lungs(subject: Subject) -> Outcome | None:
    """Refuse where fewer than half of the films have lungs that are known; say why."""
    found = subject.each(LUNGS)
    known = sum(one is not None and one.mask is not None for one in found)
    if known and known >= _FEWEST * len(found):
        return None
    reasons = Counter(
        "it could not be read" if one is None else one.why_not
        for one in found
        if one is None or one.mask is None
    )
    return Outcome.not_run(
        f"The lungs are known on {known:,} of {len(found):,} films, and at least half are needed. "
        f"Films without lungs: {_in_short(reasons)}."
    )


def _blind(
    subject: Subject, effects: Sequence[Effect], title: str, notes: tuple[str, ...]
) -> Outcome:
    """Judge films that show nothing of the disease: the first of the effects decides."""
    found = effects[0]
    relearnt = relearnt_score(subject, found.change)
    verdict = worse(
        nothing_left(found),
        _relearnt_verdict(found, relearnt),
        _at_most_warn(effects[1:]),
    )
    score = found.score
    summary = (
        f"{title} the {subject.score_name} is {score.a.text()}; the same {found.n:,} films as they "
        f"are: {score.b.text()}. Of the score above chance {found.left.text(percent=True)} is left."
    )
    if verdict == "not run":
        summary += " At this size nothing can be said: neither chance nor the whole score is ruled "
        summary += "out." if has_score(found) else "out, and the whole score may be chance."
    if relearnt is not None:
        summary += (
            f" A rule taught on such films of the train split reaches {relearnt.text()} here."
        )
    made = _outcome(
        subject, effects, verdict=verdict, summary=summary, reason=_NO_MORE, title=title,
        notes=(_STRANGE, *_most_left(found), *_wrong_way(found), *notes),
    )  # fmt: skip
    if relearnt is None:
        return replace(made, notes=(*made.notes, _NOT_RELEARNT))
    name = f"{subject.score_name} of a rule taught on such films"
    bars = made.charts[0]
    shown = (
        replace(
            bars, rows=(*bars.rows[:2], ("a rule taught on such films", relearnt), *bars.rows[2:])
        )
        if isinstance(bars, Bars)
        else bars
    )
    return replace(made, numbers={**made.numbers, name: relearnt}, charts=(shown,))


def _at_most_warn(effects: Sequence[Effect]) -> Verdict:
    return "warn" if {"warn", "fail"} & {nothing_left(one) for one in effects} else "not run"


def _relearnt_verdict(found: Effect, relearnt: Estimate | None) -> Verdict:
    if relearnt is None or not has_score(found):
        return "not run"
    far = way_left(relearnt, found.score.b)
    if far > 0.5:
        return "fail"
    return "warn" if far > 0.25 else "not run"


def _must_hold(subject: Subject, effects: Sequence[Effect], title: str) -> Outcome:
    """Judge films that lost little of the disease: the worst of the effects decides."""
    worst = min(effects, key=lambda one: fell(one.score))
    return _kept(
        subject,
        (worst, *(one for one in effects if one is not worst)),
        verdict=held(worst),
        title=title,
        reason="Fails when the score falls by more than 0.10, even by the upper limit of the "
        "paired difference; warns when by more than 0.03.",
        notes=(_STRANGE,),
    )


def _kept(
    subject: Subject,
    effects: Sequence[Effect],
    *,
    verdict: Verdict,
    title: str,
    reason: str,
    notes: tuple[str, ...],
) -> Outcome:
    found = effects[0]
    summary = (
        f"{title} the {subject.score_name} is {found.score.a.text()}; the same {found.n:,} films "
        f"as they are: {found.score.b.text()}; difference {found.score.difference.text()}."
    )
    if not has_score(found):
        summary += " The whole score cannot be told from chance, so there is none to lose."
    return _outcome(
        subject, effects, verdict=verdict, summary=summary, reason=reason, title=title, notes=notes
    )


def _outcome(
    subject: Subject,
    effects: Sequence[Effect],
    *,
    verdict: Verdict,
    summary: str,
    reason: str,
    title: str,
    notes: tuple[str, ...],
) -> Outcome:
    found = effects[0]
    name = subject.score_name
    bars = [("as they are", found.score.b), *((one.change.title, one.score.a) for one in effects)]
    if len(found.per_class) > 2:
        bars += [
            (f"{label}, {one.change.title}", pair.a)
            for one in effects
            for label, pair in one.per_class.items()
        ]
    return Outcome(
        verdict=verdict,
        summary=summary,
        reason=reason,
        numbers={
            f"{name} {found.change.title}": found.score.a,
            f"{name} of the same films as they are": found.score.b,
            "difference, paired": found.score.difference,
            "share of the score above chance that is left": found.left,
            **{f"{name} {one.change.title}": one.score.a for one in effects[1:]},
        },
        charts=(
            Bars(
                title=title,
                axis=name,
                rows=tuple(bars),
                references=(("chance", CHANCE),),
            ),
        ),
        tables=(scores_table(f"{title}: scores", effects),),
        pictures=tuple(example(subject, one) for one in effects),
        notes=notes,
    )


def _most_left(found: Effect) -> tuple[str, ...]:
    """Name the class that is still told apart best, where one is above chance by itself."""
    above = {
        label: pair.a
        for label, pair in found.per_class.items()
        if pair.a.low is not None and pair.a.low > CHANCE and pair.a.estimate is not None
    }
    if not above or len(found.per_class) < 3:
        return ()
    label = max(above, key=lambda name: above[name].estimate or 0.0)
    return (f"{label} is still told from the rest: AUROC {above[label].text()}.",)


def _wrong_way(found: Effect) -> tuple[str, ...]:
    if found.score.a.high is None or found.score.a.high >= CHANCE:
        return ()
    return (_WRONG_WAY,)


def _left_out(found: Effect) -> tuple[str, ...]:
    if not found.left_out:
        return ()
    return (f"{sum(found.left_out.values()):,} films left out: {_in_short(found.left_out)}.",)


def _in_short(reasons: Mapping[str, int]) -> str:
    """Count reasons by their first words: figures of single films are left away."""
    short: Counter[str] = Counter()
    for reason, count in reasons.items():
        short[reason.split("(")[0].split(";")[0].strip()] += count
    return "; ".join(f"{count:,} as {why}" for why, count in short.most_common(5))
