"""RSNA's pneumonia challenge of 2018: NIH films under new names, labelled by radiologists."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from hilum.data.reading.boundary import quiet_decoders
from hilum.data.sources.files import Files
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import FRONTAL_VIEWS, keep_first, left_out, sex, years
from hilum.data.sources.source import Card, LeftOut, Listing, Request, sources
from hilum.errors import ConfigError, DataError

__all__ = ["Rsna"]

_BOXES = ("stage_2_train_labels.csv",)
_CLASSES = ("stage_2_detailed_class_info.csv",)
_ORIGINS = "pneumonia-challenge-dataset-mappings_2018.json"
_LABELS = {
    "normal": "normal",
    "lung opacity": "pneumonia",
    "no lung opacity / not normal": "other_disease",
}
_CHOICES = {"not-normal": ("drop", "keep"), "tags": ("yes", "no")}
_TAGS = ("PatientSex", "PatientAge", "ViewPosition")


class Rsna:
    """26,684 films out of ChestX-ray14, with boxes round opacities drawn by radiologists."""

    card = Card(
        name="rsna",
        title="RSNA Pneumonia Detection Challenge 2018, stage 2",
        about="Frontal films chosen from NIH ChestX-ray14, as DICOM files of 1024 by 1024 pixels; "
        "radiologists of the RSNA and the Society of Thoracic Radiology drew boxes round opacities "
        "that may be pneumonia.",
        licence="any use, commercial or not, with the attribution that RSNA's terms ask for; on "
        "Kaggle the rules of the competition must be accepted first",
        citation="Shih et al., Augmenting the National Institutes of Health Chest Radiograph "
        "Dataset with Expert Annotations of Possible Pneumonia, Radiology: Artificial Intelligence "
        "1(1), 2019; Wang et al., ChestX-ray8, CVPR 2017",
        home="https://www.rsna.org/education/ai-resources-and-training/ai-image-challenge/"
        "rsna-pneumonia-detection-challenge-2018",
        access="account",
        steps=(
            (
                "Accept the rules on "
                "https://www.kaggle.com/c/rsna-pneumonia-detection-challenge/rules"
            ),
            "kaggle competitions download -c rsna-pneumonia-detection-challenge -p DIR",
            "unzip DIR/rsna-pneumonia-detection-challenge.zip -d DIR",
            (
                f"Optional, for the true patients: put {_ORIGINS} from RSNA's page into DIR "
                "(its link is on the home page above)."
            ),
            "hilum data build rsna --root DIR --out DIR/manifest.csv",
        ),
        images=26_684,
        labels=(*_BOXES, *_CLASSES),
        flaws=(
            (
                "patientId names an image: one person's films have several. The file "
                f"{_ORIGINS} of RSNA's own page says which NIH film, and so whose, each is."
            ),
            "Every film is in nih too: merged with it, or with COVIDx, it leaks.",
            (
                "stage_2_train_labels.csv has a row a box: read as a row an image, it has 3,543 "
                "images too many, as COVIDx 1 did."
            ),
            ("Lung Opacity is what a film shows, not a diagnosis: nobody confirmed the pneumonia."),
            (
                "No Lung Opacity / Not Normal are films with something else; COVID-Net drops them, "
                "and so does hilum unless told not-normal=keep."
            ),
            "The test images of the challenge have no public labels and are not listed.",
        ),
    )

    def listing(self, request: Request) -> Listing:
        """Read both lists: a row a box becomes a row an image, with the count of its boxes.

        Options: not-normal=keep takes the third class as other_disease instead of leaving it out;
        tags=no does not read view, sex and age from the DICOM files below the root.

        Raises:
            DataError: If a list is missing or faulty, or the two disagree about an image.
            ConfigError: If an option is unknown or has another value.
        """
        choice = _choices(request)
        boxes = read_labels(request.label_file(*_BOXES), ("patientid", "x", "target"))
        classes = read_labels(request.label_file(*_CLASSES), ("patientid", "class"))
        total, every = boxes.height, boxes["patientid"].drop_nulls().unique()
        rows, out = _one_row_an_image(boxes, classes)
        if choice["not-normal"] == "drop":
            third = pl.col("label") == "other_disease"
            reason = "No Lung Opacity / Not Normal; take them with --set not-normal=keep"
            out += left_out(reason, rows.filter(third), "patientid")
            rows = rows.filter(~third)
        frame = rows.select(
            file=pl.format("{}.dcm", "patientid"),
            patient_id=pl.col("patientid"),
            source=pl.lit("rsna"),
            label="label",
            findings="class",
            boxes=pl.col("boxes").cast(pl.String),
        )
        frame, notes = _with_patients(frame, request)
        if choice["tags"] == "yes" and request.root is not None:
            frame, said = _with_tags(frame, request.images())
            notes += said
        skipped = frozenset(f"{name}.dcm" for name in set(every).difference(rows["patientid"]))
        return Listing(frame, total, out, notes, skipped)


def _choices(request: Request) -> dict[str, str]:
    request.check_options(*_CHOICES)
    chosen = {name: request.options.get(name, known[0]) for name, known in _CHOICES.items()}
    for name, known in _CHOICES.items():
        if chosen[name] not in known:
            raise ConfigError(f"{name}: expected {' or '.join(known)}, got {chosen[name]!r}.")
    return chosen


def _one_row_an_image(
    boxes: pl.DataFrame, classes: pl.DataFrame
) -> tuple[pl.DataFrame, tuple[LeftOut, ...]]:
    """Merge the rows of each image; leave out those that the lists do not agree on."""
    nameless = boxes.filter(pl.col("patientid").is_null())
    boxes = boxes.drop_nulls("patientid").with_columns(
        boxes=pl.col("x").is_not_null().sum().over("patientid"),
        targets=pl.col("target").n_unique().over("patientid"),
    )
    rows, again = keep_first(boxes, "patientid")
    named = classes.drop_nulls("patientid").group_by("patientid").agg(pl.col("class").unique())
    rows = rows.join(named, on="patientid", how="left", maintain_order="left")
    one = pl.col("class").list.len() == 1
    rows = rows.with_columns(
        pl.when(one).then(pl.col("class").list.first()).otherwise(None).alias("class")
    ).with_columns(
        label=pl.col("class")
        .str.to_lowercase()
        .replace_strict(_LABELS, default=None, return_dtype=pl.String)
    )
    odd = pl.col("label").is_null()
    agree = (pl.col("label") == "pneumonia") == (pl.col("target") == "1")
    differ = ~odd & ~(agree & (pl.col("targets") == 1)).fill_null(value=False)
    out = (
        *left_out("no patientId", nameless, "patientid"),
        *left_out("one more box of an image already taken", again, "patientid"),
        *left_out("no one known class in the class list", rows.filter(odd), "patientid"),
        *left_out("Target and class disagree", rows.filter(differ), "patientid"),
    )
    return rows.filter(~odd & ~differ), out


def _with_patients(frame: pl.DataFrame, request: Request) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Say whose each film is by RSNA's list of origins, if it lies among the labels."""
    path = request.find_label_file(_ORIGINS)
    if path is None:
        note = (
            "Each image counts as its own patient, but one person has several: with RSNA's "
            f"{_ORIGINS} among the labels their NIH patients are known."
        )
        return frame, (note,)
    origin = dict(_origins(path))
    nih = pl.col("patient_id").replace_strict(origin, default=None, return_dtype=pl.String)
    frame = frame.with_columns(nih_file=nih)
    number = pl.col("nih_file").str.extract(r"^0*(\d+)_")
    notes: tuple[str, ...] = ()
    if unknown := frame["nih_file"].null_count():
        notes = (f"{path.name} says nothing of {unknown} image(s), each its own patient.",)
    return frame.with_columns(patient_id=number.fill_null(pl.col("patient_id"))), notes


def _origins(path: Path) -> Iterator[tuple[str, str]]:
    """Read (patientId, NIH file) from RSNA's JSON list of records."""
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        for record in records:
            yield str(record["subset_img_id"]), str(record["img_id"])
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path}: expected a JSON list of records with subset_img_id and img_id ({error}). "
            "Is the download whole?"
        ) from error


def _with_tags(frame: pl.DataFrame, root: Path) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Add view, sex and age as the DICOM files below the root say; nulls where there is none."""
    files = Files.walk(root)
    places = [files.find(file) for file in frame["file"].to_list()]
    if not any(place and place.path.lower().endswith(".dcm") for place in places):
        return frame, ("PNG files have no tags: view, sex and age are not known.",)
    with quiet_decoders():
        tags = [_tags(root / place.path) if place else {} for place in places]
    damaged = [place.path for place, of in zip(places, tags, strict=True) if place and of is None]
    known = pl.DataFrame(
        {name: [(of or {}).get(name) or None for of in tags] for name in _TAGS},
        schema=dict.fromkeys(_TAGS, pl.String),
    )
    frame = pl.concat([frame, known], how="horizontal").with_columns(
        view=pl.col("ViewPosition")
        .str.to_lowercase()
        .replace_strict(FRONTAL_VIEWS, default=pl.col("ViewPosition"), return_dtype=pl.String),
        sex=sex("PatientSex"),
        age=years("PatientAge"),
    )
    notes: tuple[str, ...] = ()
    if damaged:
        notes = (
            (
                f"{len(damaged)} file(s) are damaged or no DICOM files, for example {damaged[0]}; "
                "download them again."
            ),
        )
    return frame.drop(_TAGS), notes


def _tags(path: Path) -> Mapping[str, str] | None:
    from hilum.data.reading.dicom_values import text
    from hilum.data.sources.dicom_tree import header

    dataset = header(path, _TAGS)
    return None if dataset is None else {name: text(dataset, name) for name in _TAGS}


sources.register("rsna", Rsna)
