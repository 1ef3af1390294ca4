"""The numbers of a description, against hand counts and second implementations."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.data.phantom import write_cohort
from hilum.report.describe.collect import Facts, collect, working_frame
from hilum.report.describe.confounding import Confounding, confounding, cramers_v
from hilum.report.describe.figures_films import grey_spread, mean_film
from hilum.report.describe.films import EXAMPLE, SHEET, SQUARE, Film, choose, look
from hilum.report.describe.sizes import header_size, measure_sizes
from hilum.report.drawing import marks

ROWS = [
    # path, patient, source, label, split, sex, age, width, height
    ("a.png", "1", "n", "normal", "train", "F", "5", "1000", "500"),
    ("b.png", "1", "n", "covid", "train", "F", "95", "1000", "500"),
    ("c.JPG", "2", "n", "normal", "test", None, None, "512", "512"),
    ("d.dcm", "1", "s", "covid", "train", "M", "40", "x", "512"),
    ("e", "3", "s", "covid", "test", "M", "49.5", None, None),
]


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    columns = ["path", "patient_id", "source", "label", "split", "sex", "age", "width", "height"]
    table = pl.DataFrame(ROWS, schema=columns, orient="row")
    return working_frame(Manifest.from_frame(table, "/x"))


@pytest.fixture(scope="module")
def facts(frame: pl.DataFrame) -> Facts:
    return collect(frame)


def counted(facts: Facts, column: str) -> list[tuple[str, int, int]]:
    return [(count.value, count.images, count.patients) for count in facts.counts[column]]


def test_patients_are_source_and_number(facts: Facts) -> None:
    assert (facts.images, facts.patients) == (5, 4)
    assert counted(facts, "source") == [("n", 3, 2), ("s", 2, 2)]


def test_what_is_not_known_is_counted_last_as_unknown(facts: Facts) -> None:
    assert counted(facts, "sex") == [("F", 2, 1), ("M", 2, 2), ("unknown", 1, 1)]
    assert counted(facts, "view") == [("unknown", 5, 4)]


def test_ages_fall_into_decades_in_order(facts: Facts) -> None:
    groups = [("0 to 9", 1, 1), ("40 to 49", 2, 2), ("90 and over", 1, 1), ("unknown", 1, 1)]
    assert counted(facts, "age_group") == groups


def test_file_types_are_told_by_name_in_lower_case(facts: Facts) -> None:
    types = {value: images for value, images, _ in counted(facts, "file_type")}
    assert types == {"png": 2, "jpg": 1, "dcm": 1, "no extension": 1}


def test_classes_that_mean_nothing_found_come_first(facts: Facts) -> None:
    assert facts.classes == ("normal", "covid")


def test_known_values_are_counted_by_source(facts: Facts) -> None:
    known = dict(zip(facts.known.columns, zip(*facts.known.known, strict=True), strict=True))
    assert facts.known.sources == ("n", "s")
    assert known["sex"] == (2, 2)
    assert known["width"] == (3, 0)
    assert known["view"] == (0, 0)


def test_ages_are_spread_by_class(facts: Facts) -> None:
    normal, covid = facts.ages
    assert (normal.known, normal.unknown) == (1, 1)
    assert covid.quantiles[2] == pytest.approx(49.5)
    assert sum(covid.counts) == 3


def test_what_the_source_decides_is_counted_over_all_and_in_each_split(
    frame: pl.DataFrame, facts: Facts
) -> None:
    whole, train, test = confounding(frame, facts.crosses["source by label"])
    assert (whole.where, whole.images, whole.decided, whole.majority) == ("all images", 5, 2, 4)
    assert (whole.commonest, whole.one_class_sources) == (3, ("s",))
    assert (train.where, train.images, train.decided) == ("train", 3, 1)
    assert (test.where, test.decided, test.cramers_v) == ("test", 2, pytest.approx(1.0))


def of(table: list[tuple[str, str]]) -> Confounding:
    columns = {"source": [s for s, _ in table], "label": [c for _, c in table]}
    paths = [str(i) for i in range(len(table))]
    frame = working_frame(
        Manifest.from_frame(pl.DataFrame({"path": paths, "patient_id": paths, **columns}), "/x")
    )
    return confounding(frame, collect(frame).crosses["source by label"])[0]


def test_a_source_that_never_has_a_label_decides_it_too() -> None:
    found = of([("n", "normal"), ("n", "pneumonia"), ("c", "covid"), ("c", "covid")])
    decided = {label.label: label.decided for label in found.labels}
    assert decided == {"covid": 4, "normal": 2, "pneumonia": 2}
    assert found.worst is not None
    assert (found.worst.label, found.worst.cramers_v) == ("covid", pytest.approx(1.0))


def test_one_source_alone_has_no_cramers_v() -> None:
    found = of([("n", "normal"), ("n", "covid")])
    assert (found.cramers_v, found.decided, found.worst) == (None, 0, None)


counts = st.lists(st.lists(st.integers(0, 30), min_size=3, max_size=3), min_size=2, max_size=4).map(
    np.array
)


@given(counts)
def test_cramers_v_is_in_0_to_1_and_turns_with_the_table(table: np.ndarray) -> None:
    value = cramers_v(table)
    turned = cramers_v(table.T)
    assert (value is None) == (turned is None)
    if value is not None:
        assert 0 <= value <= 1
        assert turned == pytest.approx(value)


def test_cramers_v_agrees_with_scipy() -> None:
    stats = pytest.importorskip("scipy.stats.contingency")
    table = np.array([[10, 20, 30], [6, 9, 17], [0, 4, 1]])
    assert cramers_v(table) == pytest.approx(stats.association(table, method="cramer"))


def test_independent_sources_have_a_cramers_v_of_0() -> None:
    assert cramers_v(np.array([[2, 4], [3, 6]])) == pytest.approx(0.0)


def picture(folder: Path, name: str, size: tuple[int, int], **options: object) -> Path:
    Image.new("L", size).save(folder / name, **options)
    return folder / name


def test_sizes_come_from_headers_where_no_column_gives_them(tmp_path: Path) -> None:
    picture(tmp_path, "0.png", (30, 20))
    picture(tmp_path, "1.png", (30, 20))
    (tmp_path / "2.png").write_bytes(b"nothing")
    frame = pl.DataFrame({"source": ["a", "b", "b"]}).with_columns(
        width=pl.lit(None, pl.Int64), height=pl.lit(None, pl.Int64)
    )
    files = [(row, str(tmp_path / f"{row}.png")) for row in range(3)]
    sizes = measure_sizes(frame, files, ("a", "b"))
    assert [(d.width, d.height, d.images) for d in sizes.dimensions] == [(30, 20, 2)]
    assert sizes.unreadable == (str(tmp_path / "2.png"),)
    assert sizes.origin == "the headers of 3 files"
    assert [spread.known for spread in sizes.aspects] == [1, 1]


def test_columns_of_sizes_are_believed(frame: pl.DataFrame) -> None:
    sizes = measure_sizes(frame, [(0, "/x/a.png")], ("n", "s"))
    assert sizes.origin == "the manifest's columns width and height"
    assert (sizes.known, sizes.distinct) == (3, 2)
    assert (sizes.dimensions[0].width, sizes.dimensions[0].height) == (1000, 500)


def test_a_jpeg_that_its_exif_turns_is_measured_turned(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[274] = 6
    assert header_size(picture(tmp_path, "a.jpg", (30, 20), exif=exif)) == (20, 30)


@pytest.mark.parametrize("content", [b"", b"GIF89a", bytes(128) + b"DICM" + bytes(30)])
def test_a_header_that_gives_no_size_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    assert header_size(tmp_path / "x") is None
    assert header_size(tmp_path) is None


def test_a_cut_header_is_no_error(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("L", (50, 40)).save(stream, "JPEG")
    for length in range(0, len(stream.getvalue()), 37):
        (tmp_path / "cut.jpg").write_bytes(stream.getvalue()[:length])
        assert header_size(tmp_path / "cut.jpg") in (None, (50, 40))


def test_a_dicom_header_gives_its_size(tmp_path: Path) -> None:
    write_cohort(tmp_path, patients=3, size=64, dicom=True, workers=1)
    file = next((tmp_path / "dicom").rglob("*.dcm"))
    width, height = header_size(file) or (0, 0)
    assert min(width, height) >= 64


def test_files_are_looked_for_in_an_order_the_seed_draws(tmp_path: Path) -> None:
    paths = pl.Series([str(picture(tmp_path, f"{i}.png", (4, 4))) for i in range(9)] + ["/no\0"])
    first, again, other = (look(paths, np.random.default_rng(seed)) for seed in (2, 2, 3))
    assert first == again
    assert first != other
    assert first.looked_for == 10
    assert sorted(row for row, _ in first.files) == [*range(9)]


def test_a_contact_sheet_has_every_class_and_at_most_forty_films() -> None:
    labels = ["rare"] + ["common"] * 99
    frame = pl.DataFrame({"source": ["s"] * 100, "label": labels})
    files = [(row, f"/{row}") for row in reversed(range(100))]
    choice = choose(frame, files, sources=["s"], classes=["common", "rare"], examples=2)
    assert len(choice.sheets["s"]) == 40
    assert choice.sheets["s"][-1] == 0
    assert choice.examples == {"common": (99, 98), "rare": (0,)}
    assert len(choice.cells["s", "common"]) == 60


def test_letters_differ_as_long_as_there_are_letters() -> None:
    made = marks(tuple(f"n{i}" for i in range(36)))
    assert len({mark.letter for mark in made.values()}) == 36
    assert len({(mark.fill, mark.hatch) for mark in list(made.values())[:8]}) == 8


def film(value: int) -> Film:
    def grey(side: int) -> np.ndarray:
        return np.full((side, side), value, np.uint8)

    pictures = {"sheet": grey(SHEET.size), "square": grey(SQUARE.size), "example": None}
    return Film(row=0, path="", source="s", label="x", format="png", warnings=(), **pictures)


def test_the_mean_film_and_the_greys_are_those_of_its_films() -> None:
    films = [film(10), film(20)]
    assert np.all(mean_film(films) == 15)
    spread = grey_spread("s", films)
    assert spread.known == 2
    assert sum(spread.counts) == 2 * SQUARE.size**2
    assert spread.counts[10 // 8] == spread.counts[20 // 8] == SQUARE.size**2
    assert EXAMPLE.equalization == "none"
