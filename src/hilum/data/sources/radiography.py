"""The COVID-19 Radiography Database (Kaggle, tawsifurrahman), in any of its releases.

Names, numbers and folders changed from release to release, and no list of the whole exists: the
folder an image lies in is its label.
"""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from hilum.data.manifest_layouts import NO_PATIENTS
from hilum.data.sources.files import Files
from hilum.data.sources.label_csv import read_labels
from hilum.data.sources.rows import keep_first, known, left_out
from hilum.data.sources.source import Card, Listing, Request, sources
from hilum.errors import DataError

__all__ = ["Radiography"]

_CLASSES = {
    "covid": ("covid", "COVID-19"),
    "covid 19": ("covid", "COVID-19"),
    "covid19": ("covid", "COVID-19"),
    "normal": ("normal", "No Finding"),
    "viral pneumonia": ("pneumonia", "Viral Pneumonia"),
    "lung opacity": ("other_disease", "Lung Opacity"),
}
"""By a folder's words in lower case: the label, and the finding in the publisher's words."""

_COLUMNS = dict.fromkeys(("file", "stem", "label", "findings", "named", "lung_mask"), pl.String)


class Radiography:
    """Films of COVID-19, other lung infection and none, put together from nine other sets."""

    card = Card(
        name="radiography",
        title="COVID-19 Radiography Database",
        about="Films put together at Qatar University and the University of Dhaka from other "
        "public sets, in classes COVID-19, viral pneumonia, lung opacity and normal; in its "
        "last releases all 299 by 299 pixels, with lung masks of 256 by 256.",
        licence="per image, that of its original authors, as its Kaggle page says",
        citation="Chowdhury et al., Can AI Help in Screening Viral and COVID-19 Pneumonia?, IEEE "
        "Access 8:132665, 2020; Rahman et al., Exploring the effect of image enhancement "
        "techniques on COVID-19 detection using chest X-ray images, Comput. Biol. Med. 132:104319, "
        "2021, doi:10.1016/j.compbiomed.2021.104319",
        home="https://www.kaggle.com/datasets/tawsifurrahman/covid19-radiography-database",
        access="account",
        steps=(
            (
                "kaggle datasets download -d tawsifurrahman/covid19-radiography-database -p DIR "
                "--unzip"
            ),
            "hilum data build radiography --root DIR --out DIR/manifest.csv",
        ),
        images=21165,
        versions=("1", "3", "4"),
        flaws=(
            "No patient ids: one person's films cannot be kept on one side of a split.",
            (
                "Each class comes from other hospitals: of release 4's COVID-19 images 2,473 are "
                "from PadChest, 183 from Hannover, 400 from COVID-CXNet and 559 from SIRM, Eurorad "
                "and other pages, while 8,851 normal and all lung opacity images are from RSNA."
            ),
            (
                "1,341 normal and all 1,345 viral pneumonia images are from a set of children "
                "(Kermany): age answers for the disease."
            ),
            (
                "It shares images with ieee8023, hannover, rsna and nih; merged with any of them, "
                "it leaks."
            ),
            (
                "Release 4 numbers the images anew: its COVID-1.png need not be the COVID(1).png "
                "that COVIDx 7 and 8 list from release 3."
            ),
        ),
    )

    def listing(self, request: Request) -> Listing:
        """List the images below folders named after the classes; masks become lung_mask.

        Raises:
            DataError: If no image lies in a folder named after a class.
        """
        request.check_options()
        request.chosen(self.card)
        root = request.images()
        paths = Files.walk(root).paths()
        found = pl.DataFrame([_read(root, path) for path in paths], schema=_COLUMNS, orient="row")
        classless = pl.col("label").is_null()
        astray = ~classless & pl.col("named").is_not_null() & (pl.col("named") != pl.col("label"))
        rows, again = keep_first(found.filter(~classless & ~astray), "stem", "label")
        if not rows.height:
            raise DataError(
                f"{root} has no images in folders COVID, Normal, Viral Pneumonia or Lung_Opacity "
                f"below it; got {', '.join(paths[:3]) or 'no image at all'}."
            )
        rows, notes = _with_origin(rows, request)
        frame = rows.select(
            "file",
            "label",
            "findings",
            "lung_mask",
            "origin",
            patient_id="stem",
            source=pl.lit("radiography"),
        )
        return Listing(
            frame,
            found.height,
            (
                *left_out("in no folder of a class", found.filter(classless), "file"),
                *left_out(
                    "named after another class than its folder", found.filter(astray), "file"
                ),
                *left_out("the same name lies there twice", again, "file"),
            ),
            (NO_PATIENTS, *_notes(frame), *notes),
            frozenset(found["file"]).difference(frame["file"]),
        )


def _read(root: Path, path: str) -> tuple[str | None, ...]:
    """Return a row of `_COLUMNS`: label by the nearest folder named after a class."""
    place = Path(path)
    folders = [_plain(folder) for folder in reversed(place.parts[:-1])]
    label, finding = next((_CLASSES[name] for name in folders if name in _CLASSES), (None, None))
    named = next(
        (
            _CLASSES[name][0]
            for name in sorted(_CLASSES, key=len, reverse=True)
            if re.match(rf"{name}[ \d(]", _plain(place.stem))
        ),
        None,
    )
    mask = place.parent.parent / "masks" / place.name
    has_mask = folders[:1] == ["images"] and (root / mask).is_file()
    return path, place.stem, label, finding, named, mask.as_posix() if has_mask else None


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]+", " ", name).strip().lower()


def _with_origin(rows: pl.DataFrame, request: Request) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """Add the page each image came from, where the publisher's tables were saved as CSV."""
    places = [place for place in (request.labels, request.root) if place and place.is_dir()]
    tables = sorted({path for place in places for path in place.rglob("*.metadata.*")})
    readable = [path for path in tables if path.suffix.lower() == ".csv"]
    origins: dict[str, str] = {}
    for path in readable:
        table = read_labels(path, ("file name",))
        origins |= dict(
            table.select(pl.col("file name").str.to_lowercase(), known(table, "url")).iter_rows()
        )
    origin = [origins.get(stem.lower()) for stem in rows["stem"].to_list()]
    note = (
        "The publisher's .metadata.xlsx tables say which set each image came from; save them as "
        "CSV beside them and build again to have it in the column origin."
    )
    rows = rows.with_columns(origin=pl.Series(origin, dtype=pl.String))
    return rows, (note,) if tables and not readable else ()


def _notes(frame: pl.DataFrame) -> tuple[str, ...]:
    notes = []
    if "other_disease" in frame["label"]:
        notes.append(
            "Lung opacity, which the publisher calls non-COVID lung infection, is labelled "
            "other_disease, since no pneumonia is said of it."
        )
    if frame["lung_mask"].drop_nulls().len():
        notes.append(
            "Lung masks of this set are 256 by 256 pixels, its images 299 by 299: resize a mask "
            "to its image."
        )
    return tuple(notes)


sources.register("radiography", Radiography)
