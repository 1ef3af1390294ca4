"""The COVID-19 image data collection (ieee8023/covid-chestxray-dataset), both of its schemas."""

from __future__ import annotations

import polars as pl

from hilum.data.sources.findings import finding_labels, mixed_patients
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import frontal_view, keep_first, known, left_out, sex, years
from hilum.data.sources.source import Card, LeftOut, Listing, Request, sources

__all__ = ["Ieee8023"]

_KEPT = ("location", "doi", "url")
_SHARED_ORIGINS = r"eurorad\.org|ml-workgroup|sirm\.org"
_SHOWN = 3


class Ieee8023:
    """Films from papers and teaching sites, collected by Cohen and others from January 2020 on."""

    card = Card(
        name="ieee8023",
        title="COVID-19 image data collection (ieee8023/covid-chestxray-dataset)",
        about="Films and CT slices of COVID-19 and other pneumonias, taken out of papers and "
        "teaching sites by hand, with offset, sex, age, outcome, place and licence of each.",
        licence="per image, in the column licence (Apache 2.0, CC BY-NC-SA 4.0, CC BY 4.0, others, "
        "or none named); metadata.csv itself CC BY-NC-SA 4.0",
        citation="Cohen et al., COVID-19 Image Data Collection: Prospective Predictions Are the "
        "Future, arXiv:2006.11988, 2020; Cohen et al., COVID-19 image data collection, "
        "arXiv:2003.11597, 2020",
        home="https://github.com/ieee8023/covid-chestxray-dataset",
        access="open",
        steps=(
            "git clone https://github.com/ieee8023/covid-chestxray-dataset DIR",
            "hilum data build ieee8023 --root DIR --out DIR/manifest.csv",
        ),
        labels=("metadata.csv",),
        flaws=(
            (
                "Many images are figures of papers and teaching pages: resized, cropped, "
                "compressed again, some with arrows and letters drawn on them."
            ),
            "It was never meant to measure how well a model diagnoses; its authors say so.",
            "Images from Eurorad, SIRM and the Hannover repository are in other public sets too.",
            (
                "Lateral films have been marked PA, and one patient number was given to two "
                "people, as users reported in spring 2020; copies of that time still have it so."
            ),
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Read metadata.csv: a row an image, in the folder that it names (images, at first)."""
        request.check_options()
        path = request.label_file("ieee8023_metadata.csv", "metadata.csv")
        rows = read_labels(path, ("patientid", "finding", "view", "filename"))
        total, every = rows.height, rows["filename"].drop_nulls()
        rows, out = _films(rows)
        rows = rows.with_columns(label=finding_labels(rows))
        undecided = rows.filter(pl.col("label").is_null())
        rows, again = keep_first(rows.drop_nulls("label"), "filename")
        out += left_out("the finding is blank, todo or unknown", undecided, "filename")
        out += left_out("listed again", again, "filename")
        offset = known(rows, "offset")
        frame = rows.select(
            file=pl.format("{}/{}", known(rows, "folder").fill_null("images"), "filename"),
            patient_id="patientid",
            source=pl.lit("ieee8023"),
            label="label",
            view=frontal_view("view"),
            sex=sex("sex") if "sex" in rows.columns else known(rows, "sex"),
            age=years("age") if "age" in rows.columns else pl.lit(None, dtype=pl.Float64),
            findings="finding",
            offset_days=pl.when(offset.str.contains(r"^-?\d+(\.\d+)?$")).then(offset),
            study_date=known(rows, "date"),
            licence=known(rows, "license"),
            **{name: known(rows, name) for name in _KEPT},
        )
        skipped = frozenset(every).difference(rows["filename"])
        return Listing(frame, total, out, _notes(frame), skipped)


def _films(rows: pl.DataFrame) -> tuple[pl.DataFrame, tuple[LeftOut, ...]]:
    """Keep frontal X-ray films that can be named; return them and what is left out."""
    nameless = pl.col("filename").is_null() | pl.col("patientid").is_null()
    volume = pl.col("filename").str.to_lowercase().str.contains(r"\.nii(\.gz)?$")
    modality = known(rows, "modality").str.to_lowercase()
    no_film = modality.is_not_null() & ~modality.str.contains(r"x-?ray")
    checks = (
        ("no file name or patient id", nameless),
        ("a CT volume, not a film", volume),
        ("the modality is not X-ray", no_film),
        ("no view is given", pl.col("view").is_null()),
        ("the view is not frontal", frontal_view("view").is_null()),
    )
    out: tuple[LeftOut, ...] = ()
    for reason, condition in checks:
        dropped = rows.filter(condition.fill_null(value=False))
        rows = rows.filter(~condition.fill_null(value=False))
        words = _counted(dropped["view"]) if reason.endswith("frontal") else ""
        out += left_out(reason + words, dropped, "filename")
    return rows, out


def _counted(views: pl.Series) -> str:
    counts = views.value_counts(sort=True).iter_rows()
    return " (" + ", ".join(f"{view} {count}" for view, count in counts) + ")"


def _notes(frame: pl.DataFrame) -> tuple[str, ...]:
    """Say what the rows themselves show: images held by other sets too, and patients in doubt."""
    notes = []
    shared = frame["url"].str.to_lowercase().str.contains(_SHARED_ORIGINS).sum()
    if shared:
        notes.append(
            f"{shared} images come from Eurorad, SIRM or the Hannover repository, which other sets "
            "hold too; COVID-Net skips them as duplicates, here they are kept. Look for duplicates "
            "before merging with hannover, radiography or covidx."
        )
    people = frame.group_by("patient_id").agg(pl.col("sex").drop_nulls().n_unique())
    doubtful = people.filter(pl.col("sex") > 1)["patient_id"].sort().to_list()
    if doubtful:
        shown = ", ".join(doubtful[:_SHOWN]) + (", ..." if len(doubtful) > _SHOWN else "")
        notes.append(
            f"{len(doubtful)} patient id(s) have films of both sexes ({shown}): "
            "one number was given to two people."
        )
    return (*notes, *mixed_patients(frame))


sources.register("ieee8023", Ieee8023)
