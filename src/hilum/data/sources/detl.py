"""Data-A and Data-B of Basu and Mitra's DETL paper: drawn from ChestX-ray14 and COVID-19 films.

The paper draws at random and publishes neither lists nor seeds, so that these are sets like its
own, not its own. What it leaves open is an option here, and what it does wrong is not the default:
as published, Data-A holds films of the patients whom Data-B tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import polars as pl

from hilum.data.sources.rows import left_out
from hilum.data.sources.source import Card, Listing, Request, sources
from hilum.errors import ConfigError, DataError

__all__ = ["DataA", "DataB"]

_CITATION = (
    "Basu and Mitra, Deep Learning for Screening COVID-19 using Chest X-Ray Images, "
    "arXiv:2004.10507, 2020; Wang et al., ChestX-ray8, CVPR 2017"
)
_SIX = ("Atelectasis", "Cardiomegaly", "Infiltration", "Effusion", "Nodule", "Mass")
_A_CLASS = 50
_NORMAL = 350
_COVID = {"sirm": 25, "radiopaedia": 20, "": 180}
_VALIDATION = 20_000
_DEFAULTS = {"seed": "0", "other": "300", "val": "", "split": "patient", "data-b": "out"}
_CHOICES = {"other": ("50", "300"), "split": ("patient", "image"), "data-b": ("out", "in")}


class DataA:
    """Normal against thirteen diseases, pneumonia left out, with a balanced validation set."""

    card = Card(
        name="detl-a",
        title="DETL Data-A (Basu and Mitra 2020)",
        about="All of ChestX-ray14 but pneumonia: normal against the other thirteen findings, with "
        "a validation set of 20,000, half of each class.",
        licence="as nih",
        citation=_CITATION,
        home="https://arxiv.org/abs/2004.10507",
        access="open",
        steps=(
            "Fetch the set nih into DIR: hilum data fetch nih says how.",
            "hilum data build detl-a --root DIR --out DIR/data-a.csv",
        ),
        labels=("*Data_Entry_2017*.csv",),
        flaws=(
            (
                "As published, the validation images are drawn one by one, so that most of their "
                "patients are in training too; --set split=image does the same."
            ),
            (
                "As published, it holds films of the patients of Data-B, on which the result is "
                "tested; --set data-b=in does the same."
            ),
            "The paper gives the counts of ChestX-ray8 and links to ChestX-ray14.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Draw Data-A from NIH's table.

        Options: seed=0 of the drawing; val=20000 validation images, half of each class;
        split=image draws them one by one as published, instead of by patient; data-b=in keeps
        the patients of Data-B of the same seed, as published.

        Raises:
            DataError: If NIH's table is missing or faulty.
            ConfigError: If an option is unknown or cannot be met.
        """
        chosen = _options(request, "seed", "val", "split", "data-b")
        nih = _listing("nih", request)
        rows = nih.frame.sort("file").drop("split", strict=False)
        pneumonia = rows.filter(pl.col("label") == "pneumonia")
        kept = rows.filter(pl.col("label") != "pneumonia")
        out = left_out("pneumonia is no class of Data-A", pneumonia, "file")
        theirs = kept.join(_nih_part(rows, chosen, largest=True), on="patient_id", how="semi")
        people = theirs["patient_id"].n_unique()
        note = (
            f"{people} of these patients are in Data-B too, with {theirs.height} images here: "
            "a score on Data-B is of patients seen in training."
        )
        if chosen["data-b"] == "out":
            kept = kept.join(theirs, on="patient_id", how="anti").sort("file")
            out += left_out("of a patient of Data-B (keep with data-b=in)", theirs, "file")
            note = f"The {people} patients of Data-B of seed {chosen['seed']} are left out."
        frame, rest, said = _with_validation(kept, chosen)
        out += left_out("of a validation patient, above half of its class", rest, "file")
        skipped = nih.skipped | frozenset(rows["file"]).difference(frame["file"])
        return Listing(frame, nih.listed, (*nih.left_out, *out), (*said, note), skipped)


class DataB:
    """Normal, other disease, pneumonia and COVID-19, for cross-validation."""

    card = Card(
        name="detl-b",
        title="DETL Data-B (Basu and Mitra 2020)",
        about="350 normal films, all 322 of pneumonia alone and some of six other diseases out of "
        "ChestX-ray14, and 225 of COVID-19: 180 of the COVID-19 image data collection, 25 of SIRM "
        "and 20 of Radiopaedia, here all by way of that collection.",
        licence="as nih and ieee8023",
        citation=_CITATION + "; Cohen et al., COVID-19 image data collection, arXiv:2003.11597",
        home="https://arxiv.org/abs/2004.10507",
        access="open",
        steps=(
            "Fetch the set nih into DIR/nih: hilum data fetch nih says how.",
            "git clone https://github.com/ieee8023/covid-chestxray-dataset DIR/ieee8023",
            "hilum data build detl-b --root DIR --out DIR/data-b.csv",
        ),
        labels=("*Data_Entry_2017*.csv", "metadata.csv"),
        flaws=(
            (
                "Every film of COVID-19 comes from the collection, every other one from NIH: the "
                "source answers for the disease."
            ),
            (
                "The paper draws 50 images from six diseases; whether 50 in all or of each it does "
                "not say. Here 50 of each, 300, unless --set other=50."
            ),
            (
                "SIRM and Radiopaedia films are in the collection too: as published, one image may "
                "have been counted twice."
            ),
            "Of April 2020; the collection has grown since, and other films are drawn.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Draw Data-B from NIH's table and the collection's metadata.

        Options: seed=0 of the drawing; other=300 is 50 images of each of the six diseases, each
        alone on its film, other=50 is 50 of them.

        Raises:
            DataError: If a table is missing or faulty, or the collection has no film of COVID-19.
            ConfigError: If an option is unknown or cannot be met.
        """
        chosen = _options(request, "seed", "other")
        nih, cohen = _listing("nih", request), _listing("ieee8023", request)
        rows = nih.frame.sort("file").drop("split", strict=False)
        drawn = _nih_part(rows, chosen)
        covid, notes = _covid_part(cohen.frame.sort("file"), chosen)
        frame = pl.concat([drawn, covid], how="diagonal")
        rest = nih.frame.filter(~pl.col("file").is_in(drawn["file"].to_list()))
        spare = cohen.frame.filter(~pl.col("file").is_in(covid["file"].to_list()))
        out = (
            *nih.left_out,
            *cohen.left_out,
            *left_out("films of NIH that were not drawn", rest, "file"),
            *left_out("films of the collection that were not drawn", spare, "file"),
        )
        skipped = nih.skipped | cohen.skipped | {*rest["file"], *spare["file"]}
        several = drawn.height - drawn["patient_id"].n_unique()
        if several:
            notes += (
                (
                    f"{several} of its NIH images are of a patient who has another one here: "
                    "make the folds by patient."
                ),
            )
        return Listing(frame, nih.listed + cohen.listed, out, notes, frozenset(skipped))


def _listing(name: str, request: Request) -> Listing:
    return sources.create(name).listing(replace(request, options={}, version=None))


def _options(request: Request, *known: str) -> dict[str, str]:
    """Return the options, defaults where they are not given.

    Raises:
        ConfigError: If one is unknown, or has a value that it cannot have.
    """
    request.check_options(*known)
    chosen = _DEFAULTS | dict(request.options)
    for name, values in _CHOICES.items():
        if chosen[name] not in values:
            raise ConfigError(f"{name}: expected {' or '.join(values)}, got {chosen[name]!r}.")
    for name in ("seed", "val"):
        if not (chosen[name].isdecimal() or chosen[name] == _DEFAULTS[name]):
            raise ConfigError(f"{name}: expected a whole number, got {chosen[name]!r}.")
    return chosen


def _draw(frame: pl.DataFrame, count: int, rng: np.random.Generator) -> pl.DataFrame:
    """Draw rows without putting back, in random order; all of them if there are not so many."""
    return frame[rng.permutation(frame.height)[:count]]


def _nih_part(
    rows: pl.DataFrame, chosen: Mapping[str, str], *, largest: bool = False
) -> pl.DataFrame:
    """Draw Data-B's films out of NIH's; the 50 others are among the 300 of the same seed."""
    rng = np.random.default_rng(int(chosen["seed"]))
    pneumonia = rows.filter(pl.col("findings") == "Pneumonia")
    normal = _draw(rows.filter(pl.col("label") == "normal"), _NORMAL, rng)
    each = [_draw(rows.filter(pl.col("findings") == name), _A_CLASS, rng) for name in _SIX]
    other = pl.concat(each)
    if chosen["other"] == "50" and not largest:
        other = _draw(other, _A_CLASS, rng)
    return pl.concat([normal, other, pneumonia])


def _covid_part(
    rows: pl.DataFrame, chosen: Mapping[str, str]
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Draw 25 films of SIRM, 20 of Radiopaedia and 180 others, as far as there are so many."""
    rows = rows.filter(pl.col("label") == "covid")
    if not rows.height:
        raise DataError("The COVID-19 image data collection here lists no film of COVID-19.")
    rng = np.random.default_rng(int(chosen["seed"]))
    url = pl.col("url").fill_null("").str.to_lowercase()
    origin = pl.coalesce(
        pl.when(url.str.contains(name, literal=True)).then(pl.lit(name))
        for name in ("sirm", "radiopaedia")
    ).fill_null("")
    drawn = [_draw(rows.filter(origin == name), count, rng) for name, count in _COVID.items()]
    short = [
        f"{part.height} of {count} from {name or 'other origins'}"
        for part, (name, count) in zip(drawn, _COVID.items(), strict=True)
        if part.height < count
    ]
    note = (f"The collection has fewer films of COVID-19: {', '.join(short)}.",) if short else ()
    return pl.concat(drawn), note


def _with_validation(
    rows: pl.DataFrame, chosen: Mapping[str, str]
) -> tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]:
    """Put a balanced part of the images in split val, the others in train.

    Returns:
        The images, those that had to be left out so that no patient is on both sides, and notes.
    """
    counts = dict(rows.group_by("label").len().iter_rows())
    fewest = min(counts.get("normal", 0), counts.get("other_disease", 0))
    half, said = _half(chosen["val"], fewest)
    rng = np.random.default_rng(int(chosen["seed"]) + 1)
    if chosen["split"] == "image":
        rows = rows[rng.permutation(rows.height)]
        place = pl.col("file").cum_count().over("label")
        split = pl.when(place <= half).then(pl.lit("val")).otherwise(pl.lit("train"))
        return rows.with_columns(split=split).sort("file"), rows.clear(), said
    people = rows["patient_id"].unique().sort()
    order = pl.DataFrame({"patient_id": people, "turn": rng.permutation(people.len())})
    rows = rows.join(order, on="patient_id", how="left").sort("turn", "file")
    rows = rows.with_columns(place=pl.col("file").cum_count().over("label"))
    in_val = pl.col("turn") <= pl.col("turn").filter(pl.col("place") == half).max()
    split = pl.when(in_val).then(pl.lit("val")).otherwise(pl.lit("train"))
    rows = rows.with_columns(split=split).sort("file")
    above = (pl.col("split") == "val") & (pl.col("place") > half)
    rows, rest = rows.filter(~above), rows.filter(above)
    return rows.drop("place", "turn"), rest.drop("place", "turn"), said


def _half(asked: str, fewest: int) -> tuple[int, tuple[str, ...]]:
    """Return how many validation images of each class there are to be."""
    most = fewest // 2
    if not asked:
        half = min(_VALIDATION // 2, most)
        note = (
            (
                f"The validation set has {2 * half:,} images instead of {_VALIDATION:,}: the rarer "
                f"class has {fewest:,} in all."
            ),
        )
        return half, note if 2 * half < _VALIDATION else ()
    half = int(asked) // 2
    if half > most or not half:
        raise ConfigError(
            f"val: expected 2 to {2 * most:,} images, half of each class and at most half of the "
            f"rarer one, got {asked}."
        )
    return half, ()


sources.register("detl-a", DataA)
sources.register("detl-b", DataB)
