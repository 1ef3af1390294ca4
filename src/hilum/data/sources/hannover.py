"""Hannover Medical School's COVID-19 image repository (ml-workgroup/covid-19-image-repository)."""

from __future__ import annotations

import polars as pl

from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import frontal_view, keep_first, known, left_out, sex, years
from hilum.data.sources.source import Card, Listing, Request, sources

__all__ = ["Hannover"]


class Hannover:
    """243 films of COVID-19 from one hospital, with admission and laboratory values."""

    card = Card(
        name="hannover",
        title="COVID-19 Image Repository, Hannover Medical School",
        about="Films of inpatients with COVID-19 from one radiology department in Germany, with "
        "days since admission, intensive care and laboratory values. Every film is positive.",
        licence="CC BY 3.0",
        citation="Winther et al., COVID-19 Image Repository, figshare 2020, "
        "doi:10.6084/m9.figshare.12275009",
        home="https://github.com/ml-workgroup/covid-19-image-repository",
        access="open",
        steps=(
            "git clone https://github.com/ml-workgroup/covid-19-image-repository DIR",
            "hilum data build hannover --root DIR --out DIR/manifest.csv",
        ),
        images=243,
        labels=("data.csv",),
        flaws=("One label only: beside any other source, the hospital answers for the disease.",),
    )

    def listing(self, request: Request) -> Listing:
        """Read data.csv: a row an image, png/<image_id>.png."""
        request.check_options()
        path = request.label_file("data.csv", "hannover_data.csv")
        rows = read_labels(path, ("patient_id", "image_id", "projection", "sex", "age"))
        total = rows.height
        nameless = rows.filter(pl.col("image_id").is_null() | pl.col("patient_id").is_null())
        rows = rows.drop_nulls(["image_id", "patient_id"])
        view = frontal_view("projection")
        other = rows.filter(view.is_null())
        rows, again = keep_first(rows.filter(view.is_not_null()), "image_id")
        frame = rows.select(
            file=pl.format("png/{}.png", "image_id"),
            patient_id="patient_id",
            source=pl.lit("hannover"),
            label=pl.lit("covid"),
            view=view,
            sex=sex("sex"),
            age=years("age"),
            offset_days=known(rows, "admission_offset"),
        )
        return Listing(
            frame,
            total,
            (
                *left_out("no image or patient id", nameless, "image_id"),
                *left_out("the view is not frontal", other, "image_id"),
                *left_out("listed again", again, "image_id"),
            ),
        )


sources.register("hannover", Hannover)
