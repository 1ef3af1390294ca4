"""The Actualmed COVID-19 chest X-ray set (agchung/Actualmed-COVID-chestxray-dataset)."""

from __future__ import annotations

import polars as pl

from hilum.data.sources.findings import finding_labels, mixed_patients
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import frontal_view, keep_first, known, left_out, sex, years
from hilum.data.sources.source import Card, Listing, Request, sources

__all__ = ["Actualmed"]


class Actualmed:
    """238 films of patients tested for COVID-19, positive, negative and inconclusive."""

    card = Card(
        name="actualmed",
        title="Actualmed COVID-19 Chest X-ray Dataset",
        about="Films of patients tested for COVID-19, taken from March 2020 on. One of the few "
        "small sets with both outcomes from one place.",
        licence="research purposes only, as its README says; it names no licence",
        citation="Actualmed COVID-19 Chest X-ray Dataset Initiative, DarwinAI Corp. and University "
        "of Waterloo with Actualmed and Universitat Jaume I, 2020",
        home="https://github.com/agchung/Actualmed-COVID-chestxray-dataset",
        access="open",
        steps=(
            "git clone https://github.com/agchung/Actualmed-COVID-chestxray-dataset DIR",
            "hilum data build actualmed --root DIR --out DIR/manifest.csv",
        ),
        images=238,
        patients=215,
        labels=("metadata.csv",),
        flaws=(
            "53 of 238 rows give no finding; their notes say that the test was inconclusive.",
            (
                "'No finding' is said of the test for the virus, not of the film: such lungs need "
                "not be healthy."
            ),
            "Sex, age and offset are columns without a single value.",
            (
                "Patient ANON191 has films of both labels, and stands in train and test of "
                "COVIDx 6 and 7B."
            ),
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Read metadata.csv: a row an image, images/<imagename>."""
        request.check_options()
        path = request.label_file("actualmed_metadata.csv", "metadata.csv")
        rows = read_labels(path, ("patientid", "finding", "view", "imagename"))
        total = rows.height
        every = rows["imagename"].drop_nulls()
        nameless = rows.filter(pl.col("imagename").is_null() | pl.col("patientid").is_null())
        rows = rows.drop_nulls(["imagename", "patientid"])
        view = frontal_view("view")
        other, rows = rows.filter(view.is_null()), rows.filter(view.is_not_null())
        rows = rows.with_columns(label=finding_labels(rows))
        undecided = rows.filter(pl.col("label").is_null())
        rows, again = keep_first(rows.drop_nulls("label"), "imagename")
        frame = rows.select(
            file=pl.format("images/{}", "imagename"),
            patient_id="patientid",
            source=pl.lit("actualmed"),
            label="label",
            view=view,
            sex=sex("sex") if "sex" in rows.columns else known(rows, "sex"),
            age=years("age") if "age" in rows.columns else pl.lit(None, dtype=pl.Float64),
            findings="finding",
            study_date=known(rows, "notes").str.extract(r"\(YYYYMMDD\): (\d{8})"),
        )
        return Listing(
            frame,
            total,
            (
                *left_out("no image name or patient id", nameless, "imagename"),
                *left_out("the view is not frontal, or not given", other, "imagename"),
                *left_out(
                    "the finding is blank: the test was inconclusive", undecided, "imagename"
                ),
                *left_out("listed again", again, "imagename"),
            ),
            mixed_patients(frame),
            frozenset(f"images/{name}" for name in every).difference(frame["file"]),
        )


sources.register("actualmed", Actualmed)
