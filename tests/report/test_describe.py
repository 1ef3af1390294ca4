"""A described data set: the folder, the page, and what is said where little is known."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.errors import DataError
from hilum.report.describe.write import Description, write_description

EVIL = '<img src=x onerror="alert(1)">'


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def films(folder: Path, n: int = 12) -> Manifest:
    rng = np.random.default_rng(0)
    rows = []
    for number in range(n):
        name = f"{number}.png"
        shape = (60 + number % 2 * 20, 60)
        Image.fromarray(rng.integers(0, 200, shape, np.uint8)).save(folder / name)
        source = "north" if number % 2 else "south"
        label = "covid" if number % 4 == 1 else "normal"
        rows.append((name, str(number // 2), source, label, "FM"[number % 2], 20.0 + number))
    columns = ["path", "patient_id", "source", "label", "sex", "age"]
    return Manifest.from_frame(pl.DataFrame(rows, schema=columns, orient="row"), folder)


def table(n: int = 6, **columns: object) -> Manifest:
    base = {
        "path": [f"missing/{i}.png" for i in range(n)],
        "patient_id": [str(i) for i in range(n)],
        "source": ["a", "b"] * (n // 2),
        "label": ["x", "y"] * (n // 2),
    }
    return Manifest.from_frame(pl.DataFrame({**base, **columns}), "/nowhere", leaks=True)


def described(manifest: Manifest, folder: Path, **options: object) -> tuple[Description, Page]:
    done = write_description(manifest, folder, **options)  # type: ignore[arg-type]
    return done, Page(done.page.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Description, Page]:
    folder = tmp_path_factory.mktemp("films")
    return described(films(folder), folder / "out", title="Twelve films", command="as typed")


def test_every_picture_named_is_a_png_in_the_folder(whole: tuple[Description, Page]) -> None:
    done, page = whole
    names = done.record["pictures"]
    assert {"confounding.png", "sizes.png", "means.png", "examples-01-normal.png"} <= {*names}
    assert {"contact-01-north.png", "contact-02-south.png", "age.png", "sex.png"} <= {*names}
    for name in names:
        with Image.open(done.page.parent / name) as picture:
            assert picture.format == "PNG"
    assert len(page.named("img")) == len(names)


def test_the_page_asks_nothing_of_the_network_and_runs_no_script(
    whole: tuple[Description, Page],
) -> None:
    done, page = whole
    text = re.sub(r"data:image/[^\"]*", "", done.page.read_text(encoding="utf-8"))
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link", text)
    assert all((image["src"] or "").startswith("data:image/") for image in page.named("img"))


def test_the_page_can_be_read_without_eyes(whole: tuple[Description, Page]) -> None:
    _, page = whole
    assert page.named("html")[0]["lang"] == "en"
    assert all(len(image["alt"] or "") > 20 for image in page.named("img"))
    assert all(cell["scope"] in ("col", "row") for cell in page.named("th"))
    assert len(page.named("h1")) == 1
    assert len(page.named("caption")) == len(page.named("table"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_page_says_where_its_numbers_come_from(whole: tuple[Description, Page]) -> None:
    done, page = whole
    record = done.record
    assert "Research use only" in page.text
    for wanted in ("Twelve films", "as typed", record["manifest"]["sha256"], record["version"]):
        assert wanted in page.text
    assert record["date"] in page.text


def test_describe_json_is_the_record_and_strict_json(whole: tuple[Description, Page]) -> None:
    done, _ = whole
    text = (done.page.parent / "describe.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    assert json.loads(text) == json.loads(json.dumps(done.record))
    assert (done.record["images"], done.record["patients"]) == (12, 12)
    assert done.record["files"] == {
        **done.record["files"],
        "looked_for": 12,
        "found": 12,
        "read": 12,
        "formats": {"png": 12},
        "unreadable": [],
    }


def test_without_any_image_the_page_says_what_the_list_says(tmp_path: Path) -> None:
    done, page = described(table(), tmp_path)
    assert "No image was found: of 6 files looked for, none is there" in page.text
    assert "No film could be shown" in page.text
    assert "does not say the split or the view or the sex or the age of any image" in page.text
    assert "The source alone decides the label of 6 of 6 images." in page.text
    assert done.failed == ()


def test_files_that_cannot_be_read_are_counted_and_named(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    (tmp_path / "3.png").write_bytes(b"no picture at all")
    (tmp_path / "4.png").unlink()
    done, page = described(manifest, tmp_path / "out")
    assert [Path(path).name for path, _ in done.failed] == ["3.png"]
    assert "1 file could not be read." in page.text
    assert "3.png" in page.text
    assert "Of 12 files looked for, 11 are there." in page.text


def test_no_film_readable_at_all_is_still_a_page(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    for file in tmp_path.glob("*.png"):
        file.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    done, page = described(manifest, tmp_path / "out")
    assert len(done.failed) == 12
    assert "No size is known" in page.text


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    frame = manifest.frame.with_columns(
        source=pl.lit(f"a {EVIL} $x_1$"), label=pl.lit(f"b {EVIL}"), view=pl.lit(EVIL.upper())
    )
    evil = Manifest.from_frame(frame, tmp_path, notes=[EVIL])
    (tmp_path / "0.png").rename(tmp_path / "<b>.png")
    frame = evil.frame.with_columns(path=pl.col("path").replace("0.png", "<b>.png"))
    (tmp_path / "1.png").write_bytes(b"bad")
    evil = Manifest.from_frame(frame, tmp_path, notes=[EVIL])
    done, page = described(evil, tmp_path / "out", title=EVIL, command=EVIL, name=EVIL)
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert "<b>" not in done.page.read_text(encoding="utf-8")
    assert page.text.count(EVIL) > 5
    assert all(re.fullmatch(r"[a-z0-9.-]+", name) for name in done.record["pictures"])


def test_a_patient_in_two_splits_is_described_and_noted(tmp_path: Path) -> None:
    manifest = table(patient_id=["1"] * 6, split=["train", "test"] * 3, source=["a"] * 6)
    _, page = described(manifest, tmp_path)
    assert "1 patient(s) stand in more than one split" in page.text


@pytest.mark.parametrize("n", [2, 40])
def test_any_number_of_classes_and_sources_makes_a_page(tmp_path: Path, n: int) -> None:
    names = [f"name {i}" for i in range(n)]
    manifest = table(n, source=names, label=names[::-1], sex=["F"] * n, age=["7"] * n)
    done, _ = described(manifest, tmp_path)
    assert len(done.record["classes"]) == n
    assert done.page.stat().st_size < 8e6


def test_images_without_labels_are_described_too(tmp_path: Path) -> None:
    manifest = Manifest.from_paths([f"{i}.png" for i in range(3)])
    done, page = described(manifest, tmp_path)
    assert done.record["classes"] == ("(no label)",)
    assert "No image has a label" in page.text


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="Cannot make the folder"):
        write_description(table(), tmp_path / "file" / "out")


def test_a_number_of_examples_below_0_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="examples must be at least 0, got -1"):
        write_description(table(), tmp_path, examples=-1)


@pytest.mark.slow
def test_the_real_films_are_described_in_a_page_small_enough_to_send(
    shared_data: Path, tmp_path: Path
) -> None:
    manifest = Manifest.read(shared_data / "cxr" / "manifest.csv", check_files=False)
    done, page = described(manifest, tmp_path)
    assert "Whether an image is covid or not, the source decides for 2,393 of 2,393." in page.text
    assert done.failed == ()
    assert done.page.stat().st_size < 8e6
