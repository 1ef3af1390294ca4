"""Every cohort of the benchmark: what is planted in it, and which checks are meant to find that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks.planted import tampering as do
from benchmarks.planted.flaws import (
    Plant,
    as_found,
    background_tells,
    byte_duplicates,
    chosen_by_source,
    confounded,
    jpeg_or_png,
    mislabelled,
    near_duplicates,
    on_findings,
    split_by_image,
)
from benchmarks.planted.shots import Draw

__all__ = ["COHORTS", "Cohort"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort:
    """One cohort and what must be found in it."""

    name: str
    flaw: str
    """In a sentence; empty if it is clean."""

    meant_for: tuple[str, ...] = ()
    """The checks of which at least one must fail."""

    warning_counts: bool = False
    """Whether a warning is what the flaw deserves, or all that the check ever gives."""

    draw: Draw
    plant: Plant = as_found
    seed: int = 0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    """Changes to how the network is trained."""

    every_film_a_patient: bool = False
    """Train as if each film showed another patient."""

    bundle: str = ""
    """What is done to the bundle: "temperature on test" or "overconfident"."""


SHARED = Draw(seed=11)
"""The films most flaws are planted in: three hospitals, labels evenly spread over them."""

FAINT = replace(SHARED, seed=20, severity=(0.1, 0.6))
"""Findings that are hard to see: a model of them is often wrong, and must not be sure."""

ONE_LOOK = replace(SHARED, seed=12, hospitals=("hospital-a", "hospital-d"), one_hospital_look=True)
"""Two hospitals whose films look alike, before one of them is changed."""

OUTSIDE = ("lungs-blacked-out", "border-only", "corners-blacked-out", "quality-statistics")
TABLE = ("zero-pixel",)
PEOPLE = ("zero-pixel", "class-balance")
CONFOUNDED = (
    "zero-pixel", "source-from-pixels", "source-from-features", "each-source", "beyond-the-source",
)  # fmt: skip
MARKS = (
    "text-marker-erased", "text-marker-pasted", "corners-blacked-out", "lungs-blacked-out",
    "quality-statistics",
)  # fmt: skip
QUALITY = ("quality-statistics", "blur", "jpeg", "resolution")

FLAWED = (
    Cohort(
        name="text-marker", flaw="a token in the lower corner of films with a finding",
        meant_for=MARKS, draw=SHARED,
        plant=on_findings(lambda shot, _: do.lettered(shot, "ER", (0.88, 0.92), 0.1)),
    ),
    Cohort(
        name="text-in-top-strip", flaw="a line of text along the top of films with a finding",
        meant_for=("top-strip", *MARKS), draw=SHARED,
        plant=on_findings(lambda shot, _: do.lettered(shot, "PORTABLE 7", (0.5, 0.055), 0.1)),
    ),
    Cohort(
        name="bright-square", flaw="a bright square in a corner of films with a finding",
        meant_for=MARKS, draw=SHARED,
        plant=on_findings(lambda shot, _: do.squared(shot, (0.08, 0.08), 0.09)),
    ),
    Cohort(
        name="ecg-leads", flaw="electrodes and wires on films with a finding",
        meant_for=("lungs-blacked-out", "heatmap-in-lungs", "border-only"), draw=SHARED,
        plant=on_findings(do.leads),
    ),
    Cohort(
        name="white-border", flaw="a white frame round films with a finding",
        meant_for=OUTSIDE, draw=SHARED,
        plant=on_findings(lambda shot, _: do.framed(shot, 250)),
    ),
    Cohort(
        name="black-border", flaw="a black frame round films with a finding",
        meant_for=OUTSIDE, draw=SHARED,
        plant=on_findings(lambda shot, _: do.framed(shot, 0)),
    ),
    Cohort(
        name="background-tells",
        flaw="healthy lungs on every film; the background says the label",
        meant_for=("lungs-blacked-out", "heatmap-in-lungs", "lungs-only"),
        draw=replace(SHARED, seed=13, classes=("normal",), shares=(1.0,)),
        plant=background_tells,
    ),
    Cohort(
        name="darker-hospital", flaw="findings come from a hospital with darker films",
        meant_for=CONFOUNDED, draw=ONE_LOOK,
        plant=confounded(0.95, look=lambda shot, _: do.toned(shot, 0.72, 0)),
    ),
    Cohort(
        name="brighter-hospital", flaw="findings come from a hospital with brighter films",
        meant_for=CONFOUNDED, draw=ONE_LOOK,
        plant=confounded(0.95, look=lambda shot, _: do.toned(shot, 0.8, 50)),
    ),
    Cohort(
        name="confounded-source", flaw="the hospital nearly tells the label",
        meant_for=CONFOUNDED,
        draw=replace(SHARED, seed=14, patients=560, hospitals=("hospital-b", "hospital-c")),
        plant=chosen_by_source(0.95),
    ),
    Cohort(
        name="half-confounded-source", flaw="the hospital tells the label of three films in four",
        meant_for=CONFOUNDED, warning_counts=True,
        draw=replace(SHARED, seed=14, patients=560, hospitals=("hospital-b", "hospital-c")),
        plant=chosen_by_source(0.7),
    ),
    Cohort(
        name="byte-duplicates", flaw="a third of the test films are in the train split as well",
        meant_for=("duplicates",), draw=SHARED, plant=byte_duplicates,
    ),
    Cohort(
        name="near-duplicates",
        flaw="a third of the test films are in the train split, re-toned and cropped",
        meant_for=("duplicates",), draw=SHARED, plant=near_duplicates,
    ),
    Cohort(
        name="split-by-image", flaw="films of one patient in several splits",
        meant_for=("patients-across-splits",), draw=replace(SHARED, films=(2, 2), patients=220),
        plant=split_by_image, every_film_a_patient=True,
    ),
    Cohort(
        name="size-tells", flaw="files of films with a finding are larger",
        meant_for=TABLE, draw=SHARED,
        plant=on_findings(lambda shot, _: do.enlarged(shot, 1.4)),
    ),
    Cohort(
        name="aspect-tells", flaw="films with a finding have another shape",
        meant_for=TABLE, draw=replace(SHARED, seed=15, hospitals=("hospital-a",)),
        plant=on_findings(lambda shot, _: do.trimmed(shot, 0.86)),
    ),
    Cohort(
        name="file-type-tells", flaw="films with a finding are JPEG files, the others PNG",
        meant_for=TABLE, draw=SHARED, plant=jpeg_or_png,
    ),
    Cohort(
        name="blur", flaw="films with a finding are blurred",
        meant_for=QUALITY, draw=SHARED,
        plant=on_findings(lambda shot, _: do.softened(shot, 1.3)),
    ),
    Cohort(
        name="jpeg-quality", flaw="films with a finding were compressed hard",
        meant_for=QUALITY, draw=SHARED,
        plant=on_findings(lambda shot, _: do.compressed(shot, 12)),
    ),
    Cohort(
        name="resolution", flaw="films with a finding were once small",
        meant_for=QUALITY, draw=SHARED,
        plant=on_findings(lambda shot, _: do.resampled(shot, 44)),
    ),
    Cohort(
        name="view-imbalance", flaw="films with a finding are AP, the others PA",
        meant_for=PEOPLE, draw=replace(SHARED, seed=16, views="by label"),
    ),
    Cohort(
        name="sex-imbalance", flaw="findings are seen in men, normal films show women",
        meant_for=PEOPLE, draw=replace(SHARED, seed=17, subjects="sex by label"),
    ),
    Cohort(
        name="age-imbalance", flaw="patients with findings are old, the others young",
        meant_for=PEOPLE, draw=replace(SHARED, seed=18, subjects="age by label"),
    ),
    Cohort(
        name="failing-subgroup", flaw="findings of women are hardly visible",
        meant_for=("subgroups",), draw=replace(SHARED, seed=19, patients=420, faint_in="F"),
    ),
    Cohort(
        name="label-noise", flaw="every seventh test patient has the wrong label",
        meant_for=("label-noise",), warning_counts=True, draw=SHARED, plant=mislabelled(0.15),
    ),
    Cohort(
        name="weights-selected-on-test", flaw="the best epoch was chosen on the test split",
        meant_for=("selected-on-test",), draw=SHARED,
        recipe={"training": {"selection_split": "test"}},
    ),
    Cohort(
        name="temperature-on-test", flaw="the temperature was fitted on the test split",
        meant_for=("calibration",), draw=SHARED, bundle="temperature on test",
    ),
    Cohort(
        name="overconfident", flaw="probabilities are far too sure",
        meant_for=("calibration",), draw=FAINT, bundle="overconfident",
    ),
)  # fmt: skip

_THREE = ("normal", "consolidation", "ground_glass")

CLEAN = tuple(
    Cohort(name=f"clean-{number}", flaw="", draw=draw)
    for number, draw in enumerate(
        (
            SHARED,
            Draw(seed=102, hospitals=("hospital-a",)),
            Draw(seed=103, hospitals=("hospital-b", "hospital-d")),
            Draw(seed=104, hospitals=("hospital-c", "hospital-e"), shares=(0.65, 0.35)),
            Draw(
                seed=105,
                hospitals=("hospital-a", "hospital-b", "hospital-c", "hospital-d", "hospital-e"),
                patients=400,
            ),
            Draw(seed=106, classes=("normal", "ground_glass")),
            Draw(seed=107, classes=_THREE, shares=(0.34, 0.33, 0.33), patients=400),
            Draw(seed=108, films=(1, 1), patients=420),
            Draw(seed=109, films=(1, 4), patients=200, shares=(0.4, 0.6)),
            Draw(seed=110, size=192, shares=(0.75, 0.25), patients=400),
        ),
        start=1,
    )
)

COHORTS = (*FLAWED, *CLEAN)
