"""H411 and H412: what else gives the label away, or is known for some labels only?

File type, size, view, sex, age and the machine are visible in the pixels, or go with what is. Where
one of them tells the label, a network need not look at the lungs.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from hilum.data.lint.association import Association, cramers_v
from hilum.data.lint.record import Finding
from hilum.data.lint.rules import rules
from hilum.data.lint.sources import HINTS, TELLS
from hilum.data.lint.table import Table, listed, plain

__all__ = ["known_for_some", "metadata_tells_label"]

_MACHINE = (
    "modality", "manufacturer", "model", "scanner", "device", "detector", "photometric",
    "bits_stored", "kvp", "year", "body_part",
)  # fmt: skip
_FEWEST = 20
_RARE = 5
_OTHER = "others"
_KNOWN_GAP = 0.5


def metadata_tells_label(table: Table) -> Iterator[Finding]:
    """Find columns that tell a class from the rest as a source would."""
    if not table.few_labels:
        return
    for what, group in _groups(table):
        cells = _cells(table, group)
        if cells is None:
            continue
        told = [(x, area) for x, area in cells.telling(at_least=_FEWEST) if area >= HINTS]
        if not told:
            continue
        label, area = told[0]
        if area >= TELLS:
            told = [one for one in told if one[1] >= TELLS]
        yield Finding(
            code="H411",
            severity="error" if area >= TELLS else "warning",
            title=f"{what} alone tells {plain(label)} from the rest in {100 * area:.1f} % of pairs",
            count=cells.images_of(label),
            examples=tuple(_evidence(cells, label) for label, _ in told),
            why="A network can read it off the pixels, so a high score need not mean lungs.",
            cure="Balance it between labels, prepare all images alike, and report what it alone "
            "scores (hilum data baseline).",
            said_by="Roberts et al. 2021" if what == "age" else "DeGrave et al. 2021",
        )


def _evidence(cells: Association, label: str) -> str:
    column = cells.counts[:, cells.classes.index(label)]
    whole = cells.counts.sum(axis=1)
    order = sorted(range(len(whole)), key=lambda i: -whole[i])
    shares = [
        f"{plain(cells.groups[i])} {100 * column[i] / whole[i]:.0f} % of {int(whole[i]):,}"
        for i in order
    ]
    v = cramers_v(cells.versus_rest(label))
    return f"{plain(label)} is {listed(shares, 5)}; Cramér's V {v:.2f}"


def _groups(table: Table) -> Iterator[tuple[str, pl.Series]]:
    """Yield what each image is grouped by, and the name of it; null where unknown."""
    frame = table.frame
    yield "file type", table.file_names.str.to_lowercase().str.extract(r"(\.[a-z0-9]{2,5})$")
    if table.has("width", "height"):
        yield "image size", frame.select(size=pl.format("{}x{}", "width", "height"))["size"]
    for name in ("view", "sex"):
        if table.has(name):
            yield name, frame[name]
    if table.has("age"):
        years = pl.col("age").cast(pl.Float64, strict=False)
        bands = pl.when(years < 18).then(pl.lit("0-17")).when(years < 40).then(pl.lit("18-39"))
        bands = bands.when(years < 60).then(pl.lit("40-59")).when(years <= 120).then(pl.lit("60+"))
        yield "age", frame.select(age=bands)["age"]
    lower = {name.lower(): name for name in table.columns}
    for name in (lower[word] for word in _MACHINE if word in lower):
        if table.has(name):
            yield name, frame[name]


def _cells(table: Table, group: pl.Series) -> Association | None:
    """Count images by group and label where both are known; rare groups are put together."""
    keys = [name for name in ("source", "patient_id") if table.has(name)] or ["\0row"]
    pairs = table.frame.select("label", patient=pl.struct(keys)).with_columns(group=group)
    pairs = pairs.drop_nulls(["group", "label"])
    counts = pairs.group_by("group", "label").agg(
        images=pl.len(), patients=pl.col("patient").n_unique()
    )
    rare = pl.col("images").sum().over("group") < max(_RARE, pairs.height // 200)
    name = pl.when(rare).then(pl.lit(_OTHER)).otherwise("group")
    counts = (
        counts.with_columns(group=name).group_by("group", "label").agg(pl.exclude("group").sum())
    )
    if counts["group"].n_unique() < 2 or counts["label"].n_unique() < 2:
        return None
    return Association.of(counts.select("group", "label", "images", "patients").iter_rows())


def known_for_some(table: Table) -> Iterator[Finding]:
    """Find columns that are filled for some labels and empty for others."""
    names = [name for name in ("view", "sex", "age", "study_id") if table.has(name)]
    if not names or not table.few_labels:
        return
    known = (
        table.frame.lazy()
        .select("label", *names)
        .drop_nulls("label")
        .group_by("label")
        .agg(pl.col(names).is_not_null().mean())
        .sort("label")
        .collect()
    )
    found = []
    for name in names:
        shares = dict(known.select("label", name).iter_rows())
        if max(shares.values()) - min(shares.values()) >= _KNOWN_GAP:
            said = [f"{plain(x)} {100 * share:.0f} %" for x, share in shares.items()]
            found.append(f"{name} is known for {listed(said, 6)}")
    if found:
        yield Finding(
            code="H412",
            severity="note",
            title=f"{listed([line.split()[0] for line in found])} known for some labels only",
            count=len(found),
            examples=tuple(found),
            why="Whether the labels differ in it cannot be shown, and must not be assumed.",
            cure="Ask the publisher for it, and do not use it to balance or to stratify.",
            said_by="Roberts et al. 2021",
        )


rules.register("metadata tells label", metadata_tells_label)
rules.register("known for some labels", known_for_some)
