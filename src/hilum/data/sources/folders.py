"""One's own images: a folder a class, or a folder a split with a folder a class in it."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from hilum.data.manifest_layouts import NO_PATIENTS, folder_table
from hilum.data.sources.files import Files
from hilum.data.sources.relabelling import patient_pattern, patients_by, relabel, relabelling
from hilum.data.sources.rows import left_out
from hilum.data.sources.source import Card, Listing, Request, sources

__all__ = ["Folders"]


class Folders:
    """Images whose folder is their label."""

    card = Card(
        name="folders",
        title="A folder a class",
        about="Your own images, as CLASS/image.png or train/CLASS/image.png, any depth below.",
        licence="yours",
        citation="",
        home="",
        access="yours",
        steps=(
            "Put the images as DIR/CLASS/..., or as DIR/train/CLASS/... and DIR/test/CLASS/...",
            (
                "hilum data build folders --root DIR --out DIR/manifest.csv --set source=HOSPITAL "
                "--set 'patient=^.*/(\\d+)_' --set 'relabel=COVID-19:covid,NORMAL:normal'"
            ),
        ),
        flaws=(
            (
                "Without patient=REGEX every file counts as a patient of its own, and one person's "
                "films may stand on both sides of a split."
            ),
            "If each class came from another place, the place answers for the disease.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        r"""List the images below the class folders.

        Options: source=NAME of the hospital or set; patient=REGEX, whose one group is the patient,
        looked for in the path below the root, such as `patient=(\d+)_[^/]*$`;
        relabel=OLD:NEW,OLD:NEW.

        Raises:
            DataError: If there are no class folders with images, or the pattern fits no file.
        """
        request.check_options("source", "patient", "relabel")
        words, pattern = relabelling(request.options), patient_pattern(request.options)
        root = request.images()
        frame = _table(root, request.options.get("source") or "folder")
        total, every = frame.height, frame["file"]
        films = Files.walk(root).every
        masks = frame.filter(~pl.col("file").is_in(films))
        frame, notes = relabel(frame.filter(pl.col("file").is_in(films)), words)
        dropped = frame.filter(pl.col("label").is_null())
        frame = frame.drop_nulls("label")
        if pattern is None:
            notes += (NO_PATIENTS,)
        else:
            frame = frame.with_columns(patients_by(pattern, frame["file"].to_list()))
        nobody = frame.filter(pl.col("patient_id").is_null())
        frame = frame.drop_nulls("patient_id")
        out = (
            *left_out("in a folder of masks", masks, "file"),
            *left_out("its label is left out by relabel", dropped, "file"),
            *left_out("the pattern finds no patient in its name", nobody, "file"),
        )
        skipped = frozenset(every).difference(frame["file"])
        return Listing(frame, total, out, notes, skipped, found_by="disk")


def _table(root: Path, source: str) -> pl.DataFrame:
    table = folder_table(root, source)
    kept = [name for name in ("patient_id", "source", "label", "split") if name in table.columns]
    return table.select(pl.col("path").alias("file"), *kept)


sources.register("folders", Folders)
