"""The Figure 1 COVID-19 chest X-ray set (agchung/Figure1-COVID-chestxray-dataset)."""

from __future__ import annotations

import polars as pl

from hilum.data.sources.findings import finding_labels, mixed_patients
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import frontal_view, keep_first, known, left_out, sex, years
from hilum.data.sources.source import Card, Listing, Request, sources
from hilum.errors import DataError

__all__ = ["Figure1"]


class Figure1:
    """55 films that doctors sent in through an app, many photographed off a screen."""

    card = Card(
        name="figure1",
        title="Figure 1 COVID-19 Chest X-ray Dataset",
        about="Films that doctors sent in through the Figure 1 app in spring 2020, most of them "
        "of COVID-19, with what the sender wrote of sex, age and course.",
        licence="research purposes only, as its README says; it names no licence",
        citation="Figure 1 COVID-19 Chest X-ray Dataset Initiative, DarwinAI Corp. and University "
        "of Waterloo with Figure 1, 2020",
        home="https://github.com/agchung/Figure1-COVID-chestxray-dataset",
        access="open",
        steps=(
            "git clone https://github.com/agchung/Figure1-COVID-chestxray-dataset DIR",
            "hilum data build figure1 --root DIR --out DIR/manifest.csv",
        ),
        images=55,
        labels=("metadata.csv",),
        flaws=(
            "Several were photographed off a monitor, with moire, tint and cropped borders.",
            "The list is in Latin-1 and names no file extension; .jpg and .png both occur.",
            "37 of 55 rows give no view, and 15 no finding.",
            (
                "Nearly one label only: 35 films of COVID-19 beside 2 of other pneumonia and 3 "
                "without a finding."
            ),
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Read metadata.csv: a row an image, images/<patientid>.jpg or .png.

        A letter after the number (COVID-00003a, COVID-00003b) marks films of one patient.
        """
        request.check_options()
        path = request.label_file("figure1_metadata.csv", "metadata.csv")
        rows = read_labels(path, ("patientid", "finding", "view"), fallback_encoding="latin-1")
        if strange := {"imagename", "filename"}.intersection(rows.columns):
            raise DataError(
                f"{path} has a column {strange.pop()!r}, which the list of Figure 1 has not: it "
                "belongs to another set. Name the folder of Figure 1's own list with --labels."
            )
        total = rows.height
        every = rows["patientid"].drop_nulls()
        nameless = rows.filter(pl.col("patientid").is_null())
        rows = rows.drop_nulls("patientid")
        view = frontal_view("view")
        side = pl.col("view").is_not_null() & view.is_null()
        other, rows = rows.filter(side), rows.filter(~side)
        rows = rows.with_columns(label=finding_labels(rows))
        undecided = rows.filter(pl.col("label").is_null())
        rows, again = keep_first(rows.drop_nulls("label"), "patientid")
        frame = rows.select(
            file=pl.format("images/{}.jpg", "patientid"),
            patient_id=pl.col("patientid").str.replace(r"(\d)[a-z]$", "${1}"),
            source=pl.lit("figure1"),
            label="label",
            view=view,
            sex=sex("sex") if "sex" in rows.columns else known(rows, "sex"),
            age=years("age") if "age" in rows.columns else pl.lit(None, dtype=pl.Float64),
            findings="finding",
            offset_days=known(rows, "offset"),
        )
        return Listing(
            frame,
            total,
            (
                *left_out("no patient id, and so no file name", nameless, "patientid"),
                *left_out("the view is not frontal", other, "patientid"),
                *left_out("the finding is blank", undecided, "patientid"),
                *left_out("listed again", again, "patientid"),
            ),
            _notes(frame),
            frozenset(f"images/{name}.jpg" for name in every).difference(frame["file"]),
        )


def _notes(frame: pl.DataFrame) -> tuple[str, ...]:
    unknown = frame["view"].null_count()
    view = (
        f"{unknown} of {frame.height} images have no view in the list; they are kept, and may be "
        "lateral."
    )
    return (*((view,) if unknown else ()), *mixed_patients(frame))


sources.register("figure1", Figure1)
