"""H501 to H506: is each image a frontal chest film of an adult, as far as words can tell?

Words are looked for in file names, as published and as they lie here, and in columns that describe
the study; whole words only, so that "bilateral" is not lateral and a UUID says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from hilum.data.lint.record import Finding
from hilum.data.lint.rules import rules
from hilum.data.lint.table import Table, counted, examples, listed, plain, row_numbers
from hilum.data.sources.rows import FRONTAL_VIEWS

__all__ = ["children", "non_frontal_views", "other_body_parts", "other_modalities"]

_DESCRIBES = (
    "description", "study_description", "series_description", "studydescription",
    "seriesdescription", "protocol", "protocol_name", "body_part", "bodypartexamined", "exam",
    "procedure",
)  # fmt: skip
_BODY = (
    "abd abdo abdomen abdominal kub pelvis pelvic hip hips femur thigh knee knees tibia fibula leg "
    "legs ankle foot feet toe toes calcaneus shoulder clavicle scapula humerus elbow forearm wrist "
    "hand hands finger fingers thumb skull cranium cranial sinus sinuses mandible orbit orbits "
    "nasal neck spine lumbar sacrum coccyx mammogram mammography extremity barium swallow enema "
    "urogram babygram"
)
_SIDEWAYS = "lateral lat laterals decubitus lordotic oblique"
_SLICES = "ct cta hrct mri mr pet axial coronal sagittal ultrasound"
_YOUNG = "pediatric paediatric pediatrics paediatrics child children infant newborn neonate baby"
_FILMS = frozenset({"X-RAY", "XRAY", "X RAY", "CR", "DX", "DR", "RG", "CXR", "XR"})
_GROWN = 18
_GAP = 0.5
_SEVERAL = 10


def _says(table: Table, words: str) -> pl.DataFrame:
    """Return rows whose names or descriptions hold one of the words, with it and where."""
    pattern = rf"(?i)(?:^|[^0-9a-z])({'|'.join(words.split())})(?:[^0-9a-z]|$)"
    lower = {name.lower(): name for name in table.columns}
    texts = [table.file_names.alias("\0name")]
    texts += [table.frame[lower[word]] for word in _DESCRIBES if word in lower]
    frame = pl.DataFrame([table.frame["\0row"], *texts])
    found = [frame[text.name].str.extract(pattern) for text in texts]
    said = pl.DataFrame(
        {
            "\0row": frame["\0row"],
            "word": pl.select(pl.coalesce(found)).to_series(),
            "text": frame.select(
                pl.coalesce(
                    pl.when(hit.is_not_null()).then(pl.col(text.name))
                    for hit, text in zip(found, texts, strict=True)
                )
            ).to_series(),
        }
    )
    return said.drop_nulls("word").with_columns(pl.col("word").str.to_lowercase())


def _words(rows: pl.DataFrame) -> str:
    counts = rows["word"].value_counts().sort("count", "word", descending=[True, False])
    return listed([f"{word} {count:,}" for word, count in counts.iter_rows()])


def other_body_parts(table: Table) -> Iterator[Finding]:
    """Find images whose names say another part of the body."""
    rows = _says(table, _BODY)
    if rows.height:
        labels = _label_shares(table, rows)
        yield Finding(
            code="H501",
            severity="error",
            title=f"{counted(rows.height, 'image')} whose name says another part of the body than "
            f"the chest ({_words(rows)})",
            count=rows.height,
            examples=(*labels, *examples(rows, "{}", "text")),
            why="They carry a label about lungs that they do not show.",
            cure="Leave them out, and say how many there were.",
            said_by="COVID-Net#230 (abdomen films in COVIDx 9)",
            rows=row_numbers(rows),
        )


def _label_shares(table: Table, rows: pl.DataFrame) -> tuple[str, ...]:
    if not table.has("label"):
        return ()
    labels = table.frame.join(rows.select("\0row"), on="\0row")["label"].drop_nulls()
    counts = labels.value_counts().sort("count", descending=True)
    return (f"labelled {listed([f'{a} {n:,}' for a, n in counts.iter_rows()])}",)


def non_frontal_views(table: Table) -> Iterator[Finding]:
    """Find views that are not frontal, in the view column and in names."""
    if table.has("view"):
        frontal = [*FRONTAL_VIEWS, *map(str.lower, FRONTAL_VIEWS.values())]
        word = pl.col("view").str.to_lowercase().str.replace_all(r"[\s_]+", " ")
        bad = table.frame.filter(pl.col("view").is_not_null() & ~word.is_in(frontal))
        if bad.height:
            views = bad["view"].value_counts().sort("count", descending=True)
            yield Finding(
                code="H502",
                severity="warning",
                title=f"{counted(bad.height, 'image')} whose view is not frontal "
                f"({listed([f'{plain(a)} {n:,}' for a, n in views.iter_rows()])})",
                count=bad.height,
                examples=examples(bad, "{}", "view"),
                why="A network for frontal films learns or is scored on what it will not be shown.",
                cure="Keep PA and AP only.",
                said_by="ieee8023/covid-chestxray-dataset#109",
                rows=row_numbers(bad),
            )
    yield from _by_words(
        table,
        _SIDEWAYS,
        "H503",
        "whose name says it is not frontal",
        why="Laterals slip into frontal sets under a wrong view.",
        cure="Look at them, and leave out what is not frontal.",
        said_by="ieee8023/covid-chestxray-dataset#109",
    )


def other_modalities(table: Table) -> Iterator[Finding]:
    """Find images that are not films: CT slices, MR, ultrasound."""
    lower = {name.lower(): name for name in table.columns}
    name = lower.get("modality")
    if name is not None and table.has(name):
        bad = table.frame.filter(~pl.col(name).str.to_uppercase().str.strip_chars().is_in(_FILMS))
        if bad.height:
            yield Finding(
                code="H504",
                severity="error",
                title=f"{counted(bad.height, 'image')} of another modality than X-ray",
                count=bad.height,
                examples=examples(bad, "{}", name),
                why="A slice is no projection: it tells the label by what it is.",
                cure="Keep radiographs only.",
                rows=row_numbers(bad),
            )
    yield from _by_words(
        table,
        _SLICES,
        "H505",
        "whose name says CT, MR or ultrasound",
        why="Slices among films tell the label by what they are.",
        cure="Look at them, and leave out what is no radiograph.",
    )


def _by_words(
    table: Table, words: str, code: str, what: str, *, why: str, cure: str, said_by: str = ""
) -> Iterator[Finding]:
    rows = _says(table, words)
    if rows.height:
        yield Finding(
            code=code,
            severity="warning",
            title=f"{counted(rows.height, 'image')} {what} ({_words(rows)})",
            count=rows.height,
            examples=examples(rows, "{}", "text"),
            why=why,
            cure=cure,
            said_by=said_by,
            rows=row_numbers(rows),
        )


def children(table: Table) -> Iterator[Finding]:
    """Find children: a note where they are few everywhere, an error where they are one label."""
    yield from _by_words(
        table,
        _YOUNG,
        "H507",
        "whose name says it is a child's",
        why="A child's chest differs from an adult's, so children as one class are told by age.",
        cure="Keep adults, or see that every label has children.",
        said_by="Roberts et al. 2021; aildnont/covid-cxr#10",
    )
    if not table.has("age"):
        return
    years = pl.col("age").cast(pl.Float64, strict=False)
    young = table.frame.filter(years < _GROWN)
    if not young.height:
        return
    shares = _share_of_children(table)
    gap = max(shares.values()) - min(shares.values()) if len(shares) > 1 else 0.0
    known = table.frame["age"].drop_nulls().len()
    yield Finding(
        code="H506",
        severity="error" if gap >= _GAP else "note",
        title=f"{counted(young.height, 'image')} of children under {_GROWN} ("
        f"{100 * young.height / known:.1f} % of {known:,} whose age is known)",
        count=young.height,
        examples=(
            *(f"{plain(x)}: {100 * share:.0f} % children" for x, share in shares.items()),
            *examples(young, "age {}", "age"),
        ),
        why="A child's chest differs from an adult's, so labels that differ in age are told by it.",
        cure="Keep adults, or see that every label has as many children.",
        said_by="Roberts et al. 2021; aildnont/covid-cxr#10",
        rows=row_numbers(young),
    )


def _share_of_children(table: Table) -> dict[str, float]:
    """Return the share of children of each label with enough known ages."""
    if not table.has("label"):
        return {}
    years = pl.col("age").cast(pl.Float64, strict=False)
    rows = table.frame.select("label", young=years < _GROWN).drop_nulls()
    shares = rows.group_by("label").agg(pl.len(), pl.col("young").mean())
    return dict(shares.filter(pl.col("len") >= _SEVERAL).sort("label").drop("len").iter_rows())


for _name, _rule in {
    "other body parts": other_body_parts,
    "views": non_frontal_views,
    "modalities": other_modalities,
    "children": children,
}.items():
    rules.register(_name, _rule)
