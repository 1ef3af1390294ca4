"""The films called wrongly: the folder, the page, the maps, and what is said where little is."""

from __future__ import annotations

import csv
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from hilum.data.manifest import Manifest
from hilum.data.preprocessing import Preprocessing
from hilum.errors import BundleError, DataError
from hilum.evaluation import Predictions
from hilum.evaluation.matching import Matched, match_manifest
from hilum.report.errors.maps import see_films
from hilum.report.errors.page import in_words
from hilum.report.errors.write import Written, write_errors
from hilum.report.heated import SIDE
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord

EVIL = '<img src=x onerror="alert(1)">'
N = 24


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.raw = path.read_text(encoding="utf-8")
        self.feed(self.raw)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def films(folder: Path, **changed: object) -> Manifest:
    """Films whose right half is as bright as their number; the even ones are covid."""
    for number in range(N):
        pixels = np.full((60, 48), 40, np.uint8)
        pixels[:, 24:] = 40 + 8 * number
        Image.fromarray(pixels).save(folder / f"{number}.png")
    columns = {
        "path": [f"{number}.png" for number in range(N)],
        "patient_id": [str(number // 2) for number in range(N)],
        "source": ["north" if number % 4 < 2 else "south" for number in range(N)],
        "label": ["covid" if number % 2 else "normal" for number in range(N)],
        "split": ["test"] * N,
        "device": ["old" if number < 12 else "new" for number in range(N)],
    }
    return Manifest.from_frame(pl.DataFrame({**columns, **changed}), folder)


def scored(manifest: Manifest, p: list[float] | None = None) -> Matched:
    """Wrong for numbers 0 to 5, the more certainly the lower."""
    labels = [int(label == "covid") for label in manifest.frame["label"]]
    right = [0.9 if row > 5 else 0.1 + 0.05 * row for row in range(N)] if p is None else p
    given = [[1 - q, q] if label else [q, 1 - q] for q, label in zip(right, labels, strict=True)]
    predictions = Predictions(
        manifest.frame["path"].to_list(),
        manifest.frame["patient_id"].to_list(),
        labels,
        ("normal", "covid"),
        given,
    )
    return match_manifest(predictions, manifest)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    """A network whose logit is the picture's mean: its maps are the picture and its negative."""
    onnx = pytest.importorskip("onnx")
    from onnx import helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
        helper.make_node("Neg", ["images"], ["negative"]),
        helper.make_node("Concat", ["negative", "images"], ["both"], axis=1),
        helper.make_node("Relu", ["both"], ["cams"]),
    ]
    kind = onnx.TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("images", kind, ["n", 1, 16, 16])],
        [
            helper.make_tensor_value_info("logits", kind, ["n", 1]),
            helper.make_tensor_value_info("cams", kind, ["n", 2, 16, 16]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    record = BundleRecord(
        name="mean",
        created="2024-05-01T10:00:00Z",
        hilum_version="0.1.0",
        task="binary",
        classes=("normal", "covid"),
        architecture=Architecture(name="mean", channels=1, outputs=1),
        preprocessing=Preprocessing(size=16),
    )
    content = bytes(model.SerializeToString())
    return write_bundle(tmp_path / "bundle", record, model_onnx=content, weights=b"weights")


@pytest.fixture
def plain(tmp_path: Path) -> tuple[Written, Page]:
    manifest = films(tmp_path)
    done = write_errors(scored(manifest), manifest, tmp_path / "out", count=4, shuffles=200)
    return done, Page(done.page)


def test_the_folder_holds_the_page_the_pictures_and_every_error(
    plain: tuple[Written, Page],
) -> None:
    done, _ = plain
    names = {path.name for path in done.page.parent.iterdir()}
    assert names == {"index.html", "errors.json", "errors.csv", "films.png"}
    text = (done.page.parent / "errors.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    assert [row["image"] for row in rows] == [f"{number}.png" for number in range(6)]
    assert (rows[0]["true"], rows[0]["called"], rows[0]["device"]) == ("normal", "covid", "old")
    assert float(rows[0]["margin"]) == pytest.approx(0.8)


def test_the_films_shown_are_the_most_confidently_wrong(plain: tuple[Written, Page]) -> None:
    done, page = plain
    assert [film["image"] for film in done.record["films"]] == [f"{n}.png" for n in range(4)]
    assert "4 of 6 films called wrongly" in page.text
    assert "1. normal called covid" in page.text


def test_the_record_is_strict_json_and_the_page_says_where_it_comes_from(
    plain: tuple[Written, Page],
) -> None:
    done, page = plain
    text = (done.page.parent / "errors.json").read_text(encoding="utf-8")
    assert json.loads(text) == json.loads(json.dumps(done.record, allow_nan=False))
    for wanted in (done.record["manifest"]["sha256"], done.record["version"], "Research use only"):
        assert wanted in page.text


def test_without_matplotlib_only_the_sheet_of_films_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hilum.report.errors.write.can_draw", lambda: False)
    manifest = films(tmp_path)
    done = write_errors(scored(manifest), manifest, tmp_path / "out", count=4, shuffles=200)
    names = {path.name for path in done.page.parent.iterdir()}
    assert names == {"index.html", "errors.json", "errors.csv"}
    assert done.page.read_text(encoding="utf-8").count("data:image/jpeg") == 4


def test_every_property_is_drawn_with_its_groups_and_what_their_classes_would_give(
    plain: tuple[Written, Page],
) -> None:
    done, page = plain
    drawn = re.findall(r"<title id=\"rate-\d+-t\">Error rates by (.+?)</title>", page.raw)
    assert drawn == [group["column"] for group in done.record["groups"]]
    device = next(g for g in done.record["groups"] if g["column"] == "device")
    for value in device["values"]:
        wanted = f"{value['value']}: {value['wrong']} of {value['images']} images"
        assert f"{wanted}, {value['rate']:.1%}, its classes would give" in page.raw


def test_a_device_that_holds_every_error_is_named(plain: tuple[Written, Page]) -> None:
    done, page = plain
    groups = {group["column"]: group for group in done.record["groups"]}
    old, new = sorted(groups["device"]["values"], key=lambda value: value["value"], reverse=True)
    assert (old["value"], old["wrong"], new["wrong"]) == ("old", 6, 0)
    assert groups["device"]["p_value"] < groups["source"]["p_value"]
    assert groups["device"]["p_holm"] >= groups["device"]["p_value"]
    assert ("errors gather by device" in page.text) == (groups["device"]["p_holm"] < 0.05)


def test_the_page_asks_nothing_of_the_network_and_can_be_read_without_eyes(
    plain: tuple[Written, Page],
) -> None:
    _, page = plain
    text = re.sub(r"data:image/[^\"]*|xmlns=\"[^\"]*\"", "", page.raw)
    assert not re.search(r"https?:|//[a-z]|url\(|@import|<script|<link", text)
    assert all(len(image["alt"] or "") > 10 for image in page.named("img"))
    assert all(cell["scope"] in ("col", "row", "rowgroup") for cell in page.named("th"))
    assert len(page.named("caption")) == len(page.named("table"))
    links = {(link["href"] or "")[1:] for link in page.named("a")}
    assert links <= {attributes.get("id") for _, attributes in page.tags}


def test_maps_of_both_classes_stand_beside_the_film(tmp_path: Path, bundle: Bundle) -> None:
    manifest = films(tmp_path)
    done = write_errors(
        scored(manifest), manifest, tmp_path / "out", bundle=bundle, count=2, shuffles=100
    )
    page = Page(done.page)
    shown = [image["alt"] or "" for image in page.named("img")]
    assert "Film 1: normal called covid" in shown
    assert any(re.match(r"Film 1, evidence for covid \(called\), at most", alt) for alt in shown)
    assert any(re.match(r"Film 1, evidence for normal \(true\), at most", alt) for alt in shown)
    said = done.record["films"][0]["bundle_says"]
    assert said["differs_from_table"] is True
    assert "the maps explain that, not the table" in page.text


def test_heat_lies_where_the_evidence_is_on_one_scale_for_both_classes(
    tmp_path: Path, bundle: Bundle
) -> None:
    manifest = films(tmp_path)
    about = {"rank": 1, "true": "normal", "called": "covid", "probability_called": 0.9}
    path = manifest.absolute_paths()[N - 1]
    seen = see_films([about], [path], bundle)[0]
    assert seen.film is not None
    assert seen.evidence is not None
    assert seen.film.shape == (SIDE, SIDE * 48 // 60)
    called, true = (p.astype(int) for p in (seen.evidence.called, seen.evidence.true))
    bright = (slice(180, 220), slice(240, 280))
    dark = (slice(180, 220), slice(40, 80))
    assert np.ptp(called[bright], axis=2).mean() > 20 > np.ptp(called[dark], axis=2).mean()
    assert np.ptp(true[dark], axis=2).mean() > 20 > np.ptp(true[bright], axis=2).mean()


def test_a_film_that_is_gone_is_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    (tmp_path / "1.png").unlink()
    (tmp_path / "2.png").write_bytes(b"no picture")
    done = write_errors(scored(manifest), manifest, tmp_path / "out", count=3, shuffles=100)
    assert [Path(path).name for path, _ in done.failed] == ["1.png", "2.png"]
    assert Page(done.page).text.count("Not shown: ") == 2
    assert done.record["films"][1]["failure"]


def test_without_errors_the_page_says_so(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    done = write_errors(scored(manifest, [0.9] * N), manifest, tmp_path / "out", shuffles=100)
    page = Page(done.page)
    assert "0 of 24 images are called wrongly" in page.text
    assert "No image is called wrongly." in page.text
    assert "No group could be tested: nothing to compare: no image is wrong." in page.text
    assert not (tmp_path / "out" / "films.png").exists()


def test_never_looking_stands_beside_the_errors(tmp_path: Path) -> None:
    source = ["north" if number % 2 else "south" for number in range(N)]
    patient = [str(number) for number in range(N)]
    split = ["train" if number >= 12 else "test" for number in range(N)]
    manifest = films(tmp_path, source=source, split=split, patient_id=patient)
    matched = match_manifest(scored(manifest).predictions, manifest, split="test")
    done = write_errors(matched, manifest, tmp_path / "out", shuffles=100)
    assert done.record["never_looking"]["wrong"] == 0
    lines = in_words(done.record)
    assert "without looking, is wrong for 0.0\u00a0%" in lines[1]
    assert "0 of the 6 wrong answers are what the source alone would suggest." in lines


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    manifest = films(tmp_path, device=[EVIL, "$x_1$"] * (N // 2), source=[f"s {EVIL}"] * N)
    done = write_errors(
        scored(manifest), manifest, tmp_path / "out", title=EVIL, about={"command": EVIL}
    )
    page = Page(done.page)
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert page.text.count(EVIL) > 3


def test_a_threshold_decides_and_the_page_says_which(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    done = write_errors(scored(manifest), manifest, tmp_path / "out", threshold=1.0, shuffles=100)
    assert done.record["errors"]["wrong"] == 12
    assert done.record["decision"] == "covid from a probability of 1 on, else normal"


def test_a_bundle_of_other_classes_is_refused(tmp_path: Path, bundle: Bundle) -> None:
    manifest = films(tmp_path, label=["a", "covid"] * (N // 2))
    p = np.full((N, 2), 0.5)
    labels = [0, 1] * (N // 2)
    frame = manifest.frame
    predictions = Predictions(
        frame["path"].to_list(), frame["patient_id"].to_list(), labels, ("a", "covid"), p
    )
    matched = match_manifest(predictions, manifest)
    with pytest.raises(BundleError, match="does not know: a"):
        write_errors(matched, manifest, tmp_path / "out", bundle=bundle)


def test_what_cannot_be_is_refused(tmp_path: Path) -> None:
    manifest = films(tmp_path)
    matched = scored(manifest)
    with pytest.raises(ValueError, match="count must be at least 0, got -1"):
        write_errors(matched, manifest, tmp_path / "out", count=-1)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="Cannot make the folder"):
        write_errors(matched, manifest, tmp_path / "file" / "out")
