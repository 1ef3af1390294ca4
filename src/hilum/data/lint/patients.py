"""H201 to H207: whose image is it, and does anyone stand on both sides of a split?"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from hilum.data.lint.record import Finding
from hilum.data.lint.rules import rules
from hilum.data.lint.spelling import slips
from hilum.data.lint.table import Table, counted, examples, fault_rows, plain, row_numbers
from hilum.data.manifest_checks import leak_faults
from hilum.data.manifest_table import ROW

__all__ = [
    "across_sources",
    "contradicting_labels",
    "distinctive",
    "in_two_splits",
    "no_patient_known",
    "placeholders",
    "written_two_ways",
]

_PATIENT = ["source", "patient_id"]
_NOBODY = (
    "", "-", "?", "0", "na", "n/a", "nan", "nil", "none", "null", "unknown", "anonymous", "anon",
    "patient", "test", "missing", "not available",
)  # fmt: skip
_LEAK = "DeGrave et al. 2021; lightning-Covid19#11, COVID-CT#11"


def in_two_splits(table: Table) -> Iterator[Finding]:
    """Find patients (source, patient_id) whose images stand in several splits."""
    leaks = leak_faults(table.frame)
    if leaks.count:
        yield Finding(
            code="H201",
            severity="error",
            title=f"{counted(leaks.count, 'patient')} in more than one split",
            count=leaks.count,
            examples=tuple(plain(line) for line in leaks.lines[:20]),
            why="Films of one patient resemble each other, so the score counts what was memorised.",
            cure="Split by patient: hilum data split MANIFEST --by patient.",
            said_by=_LEAK,
            rows=fault_rows(leaks),
        )


def across_sources(table: Table) -> Iterator[Finding]:
    """Find one id under two sources: in two splits, or just twice.

    Ids are compared where chance cannot make them equal (long and mixed, such as a UUID), and
    between sources whose names are one name misspelt.
    """
    if not table.has(*_PATIENT):
        return
    shared = _shared_ids(table)
    if not shared.height:
        return
    crossing = shared.filter(pl.col("splits") > 1)
    if crossing.height:
        yield _across(
            crossing,
            "H202",
            "in different splits",
            why="They are the same people under two names, so the test set was trained on.",
        )
    rest = shared.filter(pl.col("splits") <= 1)
    if rest.height:
        yield _across(
            rest,
            "H203",
            "in one split",
            why="One set may be part of the other, as RSNA is of NIH, and its images count twice.",
        )


def _across(rows: pl.DataFrame, code: str, where: str, *, why: str) -> Finding:
    ids = rows["person"].n_unique()
    return Finding(
        code=code,
        severity="error" if code == "H202" else "warning",
        title=f"{counted(ids, 'patient id')} under two sources, {where}",
        count=ids,
        examples=examples(rows, "patient {} of {}, split {}", "patient_id", "source", "split"),
        why=why,
        cure="Give both the same source name, or drop one copy, and split by patient again.",
        said_by="COVID-Net#25, elcronos/COVID-19#51",
        rows=row_numbers(rows),
    )


def _shared_ids(table: Table) -> pl.DataFrame:
    """Return rows whose id stands under several sources, where that can be no coincidence."""
    counts = dict(table.frame["source"].drop_nulls().value_counts().iter_rows())
    meant = slips(counts)
    split = pl.col("split") if table.has("split") else pl.lit(None, pl.String)
    rows = table.frame.select(ROW, *_PATIENT, split=split.alias("split")).drop_nulls(_PATIENT)
    name = pl.col("source").replace(meant)
    several = pl.col("source").n_unique().over("patient_id") > 1
    rows = rows.with_columns(person="patient_id", family=name).filter(several)
    alike = pl.col("source").n_unique().over("patient_id", "family") > 1
    rows = rows.filter(distinctive("patient_id") | alike)
    return rows.with_columns(splits=pl.col("split").drop_nulls().n_unique().over("person")).sort(
        "person", ROW
    )


def distinctive(column: str) -> pl.Expr:
    """Say of each id whether two hospitals cannot have given it by chance.

    True for UUIDs, hashes and long numbers in parts; false for 00001280, ANON191, COVID-00024.
    """
    text = pl.col(column)
    digits = text.str.count_matches(r"[0-9]")
    turns = text.str.count_matches(r"[0-9][A-Za-z]|[A-Za-z][0-9]")
    return (text.str.len_chars() >= 8) & ((digits >= 10) | (turns >= 3))


def contradicting_labels(table: Table) -> Iterator[Finding]:
    """Count patients whose images have different labels; a disease may come and go."""
    if not table.has(*_PATIENT, "label"):
        return
    said = (
        table.frame.lazy()
        .select(ROW, *_PATIENT, "label")
        .drop_nulls()
        .group_by(_PATIENT)
        .agg(pl.col(ROW).min(), pl.col("label").unique().sort(), images=pl.len())
        .filter(pl.col("label").list.len() > 1)
        .sort(ROW)
        .with_columns(pl.col("label").list.join(" and "))
        .collect()
    )
    if said.height:
        yield Finding(
            code="H204",
            severity="note",
            title=f"{counted(said.height, 'patient')} with images of different labels",
            count=said.height,
            examples=examples(said, "patient {} of {}: {}", "patient_id", "source", "label"),
            why="A patient may fall ill or recover between films, or a label may be wrong.",
            cure="Look at a few; images of one patient must in any case stay in one split.",
            rows=row_numbers(said),
        )


def no_patient_known(table: Table) -> Iterator[Finding]:
    """Name sources in which every patient id is just the image's own name."""
    if not table.has(*_PATIENT, "path"):
        return
    stem = table.file_names.str.replace(r"\.[^.]*$", "")
    rows = table.frame.select(ROW, *_PATIENT).with_columns(stem=stem, name=table.file_names)
    own = (pl.col("patient_id") == pl.col("stem")) | (pl.col("patient_id") == pl.col("name"))
    found = (
        rows.drop_nulls()
        .group_by("source")
        .agg(images=pl.len(), own=own.mean(), rows=pl.col(ROW).min())
        .filter((pl.col("own") > 0.95) & (pl.col("images") > 1))
        .sort("images", descending=True)
    )
    if found.height:
        images = int(found["images"].sum())
        yield Finding(
            code="H205",
            severity="note",
            title="patient ids that are the images' own names in "
            f"{counted(found.height, 'source')} ({images:,} images)",
            count=images,
            examples=tuple(
                f"{plain(source)}: {count:,} images"
                for source, count in found.select("source", "images").iter_rows()
            ),
            why="Two images of one patient cannot be recognised there, so a leak cannot be ruled "
            "out and intervals may be too narrow.",
            cure="Take the publisher's patient ids where they exist, and look for near duplicates.",
        )


def placeholders(table: Table) -> Iterator[Finding]:
    """Find ids that name nobody: unknown, nan, 0."""
    if not table.has("patient_id"):
        return
    bad = table.frame.filter(pl.col("patient_id").str.to_lowercase().is_in(_NOBODY))
    bad = bad.filter(pl.len().over("patient_id") > 1)
    if bad.height:
        ids = bad["patient_id"].unique().sort().to_list()
        yield Finding(
            code="H206",
            severity="warning",
            title=f"{counted(bad.height, 'image')} of patients called {', '.join(map(repr, ids))}",
            count=bad.height,
            examples=examples(bad, "patient {}", "patient_id"),
            why="Many people are taken for one, which spoils splits and intervals alike.",
            cure="Give each its own id; if nobody is known, the image's name.",
            rows=row_numbers(bad),
        )


def written_two_ways(table: Table) -> Iterator[Finding]:
    """Find ids of one source in different splits that differ in capitals, blanks or zeros only."""
    if not table.has(*_PATIENT, "split"):
        return
    bare = pl.col("patient_id").str.to_lowercase().str.replace_all(r"[\s_\-]+", "")
    bare = bare.str.replace(r"^0+", "")
    rows = table.frame.select(ROW, *_PATIENT, "split", bare=bare).drop_nulls()
    key = ["source", "bare"]
    several = pl.col("patient_id").n_unique().over(key) > 1
    crossing = pl.col("split").n_unique().over(key) > 1
    bad = rows.filter(several & crossing & (pl.col("bare") != "")).sort(*key, ROW)
    if bad.height:
        people = bad.select(key).unique().height
        yield Finding(
            code="H207",
            severity="warning",
            title=f"{counted(people, 'patient id')} written in two ways, in different splits",
            count=people,
            examples=examples(bad, "patient {} of {}, split {}", "patient_id", "source", "split"),
            why="If they are one patient, the test set was trained on.",
            cure="Write ids in one way and split by patient again.",
            rows=row_numbers(bad),
        )


for _name, _rule in {
    "patients in two splits": in_two_splits,
    "patients across sources": across_sources,
    "contradicting labels": contradicting_labels,
    "no patient known": no_patient_known,
    "placeholder patients": placeholders,
    "patients written two ways": written_two_ways,
}.items():
    rules.register(_name, _rule)
