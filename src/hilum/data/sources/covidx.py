"""COVIDx (lindawangg/COVID-Net), all its versions, from its lists of images.

COVIDx has no images of its own: its lists choose among the films of other sets. They change from
version to version in classes, in fields and in what they call a source, and every version is still
in use by somebody, so all of them are read here into one form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from hilum.data.manifest_table import ROW
from hilum.data.sources.covidx_lists import ListedImage, read_list
from hilum.data.sources.rows import keep_first, left_out
from hilum.data.sources.source import Card, LeftOut, Listing, Request, sources
from hilum.errors import DataError

__all__ = ["Covidx"]

_SPLITS = ("train", "test")
_SHOWN = 5

_THREE = {"normal": "normal", "pneumonia": "pneumonia", "COVID-19": "covid", "positive": "covid"}
_TWO = {
    "negative": "negative",
    "positive": "positive",
    "normal": "negative",
    "pneumonia": "negative",
    "COVID-19": "positive",
}
_SEVERITY = {"level1": "level1", "level2": "level2"}
_OWN = {
    "three": frozenset({"normal", "pneumonia", "COVID-19"}),
    "two": frozenset({"negative", "positive"}),
    "severity": frozenset(_SEVERITY),
}
_LABELS = {"three": _THREE, "two": _TWO, "severity": _SEVERITY}
"""By kind of version: every class that its lists may name, and hilum's label for it."""

_UUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_MISSPELT = {"rnsa": "rsna"}


class Covidx:
    """Films chosen from up to seven other sets to tell COVID-19 from other pneumonia and none."""

    card = Card(
        name="covidx",
        title="COVIDx CXR",
        about="Lists, not films: the choice that COVID-Net's authors made among the images of "
        "other public sets, with a train and a test split. Numbers and A lists have the classes "
        "normal, pneumonia and COVID-19; 6 and B lists negative and positive; severity grades "
        "positive films of RICORD.",
        licence="per image, that of the set it comes from; part of them is non-commercial",
        citation="Wang, Lin, Wong, COVID-Net: a tailored deep convolutional neural network design "
        "for detection of COVID-19 cases from chest X-ray images, Sci. Rep. 10:19549, 2020, "
        "doi:10.1038/s41598-020-76550-z",
        home="https://github.com/lindawangg/COVID-Net/blob/master/docs/COVIDx.md",
        access="account",
        steps=(
            "git clone --depth 1 https://github.com/lindawangg/COVID-Net COVID-Net",
            "kaggle datasets download -d andyczhao/covidx-cxr2 -p DIR --unzip",
            (
                "hilum data build covidx --version 8B --root DIR --labels COVID-Net/labels "
                "--out DIR/manifest.csv"
            ),
            (
                "The Kaggle copy follows the latest version; what an older list names and it lacks "
                "is reported as missing, and lies in the set its source names (hilum data list)."
            ),
        ),
        images=16352,
        patients=15346,
        versions=(
            *("1", "2", "3", "4", "5", "6", "7A", "7B", "8A", "8B"),
            *("severity", "9A", "9B", "CXR-3A", "CXR-3B"),
        ),
        default="8B",
        version_names={"CXR-2": "8B", "Sev": "severity"},
        labels=("train_COVIDx8B.txt", "test_COVIDx8B.txt"),
        flaws=(
            (
                "On the test splits of 8B and 9B the source alone gives the label: every positive "
                "is from ricord, every negative from rsna. No score on them speaks of lungs."
            ),
            "In 6 and 7B one patient, ANON191, is in train and in test.",
            "In 9A and 9B, 487 positives of stonybrook are films of the abdomen.",
            (
                "A comma is missing in the rule that made the test splits: patients 191 of cohen "
                "and COVID-00024 of fig1 were meant for test and stand in train, in 3 to 9."
            ),
            "1 lists 3,079 images again, once for each box that RSNA drew on them.",
            "1 and 2 name no source, nor do the older lines in the test lists of 3 to 7A.",
            (
                "RSNA's films are from NIH ChestX-ray14: a network pretrained on that set has seen "
                "them."
            ),
            "The lists know neither view nor sex nor age.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Read train_COVIDx*.txt and test_COVIDx*.txt: a row an image, SPLIT/<file>.

        Where a list names no source it is inferred from the form of id and file name. If one of the
        two lists is not there the other is read alone.
        """
        request.check_options()
        version = request.chosen(self.card)
        kind = _kind(version)
        lists = _lists(request, version)
        rows = pl.concat([_table(read_list(path), split) for split, path in lists.items()])
        label = pl.col("class").replace_strict(_LABELS[kind], default=None, return_dtype=pl.String)
        rows = rows.with_columns(label=label)
        foreign = rows.filter(pl.col("label").is_null())
        kept, again = keep_first(rows.drop_nulls("label"), "file")
        if not kept.height:
            raise DataError(
                f"{' and '.join(map(str, lists.values()))} should name the classes "
                f"{', '.join(sorted(_OWN[kind]))} of COVIDx {version}, got only "
                f"{', '.join(foreign['class'].unique().sort())}. Is it another version's list?"
            )
        kept, source_notes = _with_sources(kept)
        return Listing(
            kept.select("file", "patient_id", "source", "label", "split"),
            rows.height,
            (
                *_left_out(f"its class is none of COVIDx {version}", foreign, lists),
                *_left_out("listed again", again, lists),
            ),
            (
                *_list_notes(lists, version),
                *source_notes,
                *_class_notes(kept, kind),
                *_doubt_notes(kept, again),
            ),
            frozenset(foreign["file"]).difference(kept["file"]),
        )


def _kind(version: str) -> str:
    if version == "severity":
        return "severity"
    return "two" if version == "6" or version.endswith("B") else "three"


def _lists(request: Request, version: str) -> dict[str, Path]:
    """Find the lists of a version by the names they have had; at least one of the two."""
    found = {}
    for split in _SPLITS:
        path = request.find_label_file(*_names(split, version))
        if path is not None:
            found[split] = path
    if not found:
        request.label_file(f"train_{_stem(version)}.txt", f"test_{_stem(version)}.txt")
    return found


def _stem(version: str) -> str:
    written = {"1": "", "severity": "Sev", "CXR-3A": "_CXR-3A", "CXR-3B": "_CXR-3B"}
    return f"COVIDx{written.get(version, version)}"


def _names(split: str, version: str) -> tuple[str, ...]:
    other = {"8B": "CXR-2", "CXR-3A": "CXR3A", "CXR-3B": "CXR3B"}.get(version, version)
    marks = (version, f"_{version}", f"-{version}", f"V{version}", f"_V{version}")
    return (
        f"{split}_{_stem(version)}.txt",
        *(f"{split}_COVIDx{mark}.txt" for mark in (*marks, other, f"_{other}")),
        f"{split}.txt",
    )


def _left_out(reason: str, rows: pl.DataFrame, lists: Mapping[str, Path]) -> tuple[LeftOut, ...]:
    parts = [
        left_out(reason, rows.filter(pl.col("split") == split), "name", file=path.name)
        for split, path in lists.items()
    ]
    return tuple(part for found in parts for part in found)


def _table(rows: Sequence[ListedImage], split: str) -> pl.DataFrame:
    columns = {ROW: pl.UInt32, "patient_id": pl.String, "name": pl.String}
    schema = columns | {"class": pl.String, "source": pl.String}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(split=pl.lit(split), file=pl.format("{}/{}", pl.lit(split), "name"))


def _with_sources(rows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Mend misspelt sources and infer those that a list does not name; say how many of each."""
    misspelt = rows.filter(pl.col("source").is_in([*_MISSPELT]))
    absent = pl.col("source").is_null()
    rows = rows.with_columns(
        source=pl.when(absent).then(_inferred()).otherwise(pl.col("source").replace(_MISSPELT)),
        inferred=absent,
    )
    notes = [
        f"{count:,} rows name the source {name}, which is taken for {_MISSPELT[name]}."
        for name, count in misspelt["source"].value_counts().sort("source").iter_rows()
    ]
    inferred = rows.filter("inferred")["source"].value_counts(sort=True)
    if inferred.height:
        shown = ", ".join(f"{count:,} {name}" for name, count in inferred.iter_rows())
        notes.append(
            f"{inferred['count'].sum():,} of {rows.height:,} images have no source in the lists; "
            f"it was inferred from the form of their ids and file names: {shown}."
        )
    return rows, tuple(notes)


def _inferred() -> pl.Expr:
    """Return the source that a patient id and a file name have the form of."""
    patient, name = pl.col("patient_id"), pl.col("name")
    stem = name.str.replace(r"\.[A-Za-z]+$", "")
    return (
        pl.when((stem == patient) & patient.str.contains(_UUID))
        .then(pl.lit("rsna"))
        .when(name.str.starts_with("MIDRC-RICORD-1C-"))
        .then(pl.lit("ricord"))
        .when(name.str.contains(r"^(CR|DX)\.1\.2\.840\.") | patient.str.contains(r"^ANON\d+$"))
        .then(pl.lit("actmed"))
        .when(stem.str.contains(r"^COVID-\d{5}[a-z]?$"))
        .then(pl.lit("fig1"))
        .when(stem.str.contains(r"^COVID(-19)?[ _-]?\(?\d{1,4}\)?$"))
        .then(pl.lit("sirm"))
        .otherwise(pl.lit("cohen"))
    )


def _list_notes(lists: Mapping[str, Path], version: str) -> tuple[str, ...]:
    notes = [
        f"There is no {split}_{_stem(version)}.txt among the labels, so the {split} split is not "
        "in this manifest."
        for split in _SPLITS
        if split not in lists
    ]
    notes += [
        f"{path.name} does not say which version it lists; it was taken for {version}."
        for split, path in lists.items()
        if path.name.lower() == f"{split}.txt"
    ]
    return tuple(notes)


def _class_notes(rows: pl.DataFrame, kind: str) -> tuple[str, ...]:
    """Say which rows name a class in the words of another kind of version."""
    foreign = rows.filter(~pl.col("class").is_in([*_OWN[kind]]))
    counted = foreign.group_by("class", "label", "split").len().sort("split", "class")
    return tuple(
        f"{count:,} {split} rows are of class {name}, a word of other versions; taken for {label}."
        for name, label, split, count in counted.iter_rows()
    )


def _doubt_notes(kept: pl.DataFrame, again: pl.DataFrame) -> tuple[str, ...]:
    """Say which images have two labels, and which stand in both splits."""
    two = again.join(kept.select("file", first="label"), on="file").filter(
        pl.col("label") != pl.col("first")
    )
    both = kept.filter(pl.col("name").is_duplicated())["name"].unique().sort()
    notes = []
    if two.height:
        names = two["file"].unique(maintain_order=True)
        notes.append(
            f"{len(names):,} images are listed with two labels, of which the first is kept: "
            f"{', '.join(names[:_SHOWN])}."
        )
    if len(both):
        notes.append(
            f"{len(both):,} images are listed for train and for test: {', '.join(both[:_SHOWN])}."
        )
    return tuple(notes)


sources.register("covidx", Covidx)
