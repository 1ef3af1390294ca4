from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.data.fetch.endings import image_fault
from hilum.data.fetch.plans import fetchable, plan_for
from hilum.data.fetch.verify import check_folder
from hilum.data.sources import Card, sources
from hilum.errors import ConfigError, DataError


def image(kind: str) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 180), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def card() -> Card:
    return replace(sources.create("hannover").card, images=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, kind in (("a.png", "PNG"), ("b.jpg", "JPEG"), ("c.webp", "WEBP")):
        (tmp_path / name).write_bytes(image(kind))
    (tmp_path / "data.csv").write_text("image_id\n")
    return tmp_path


def test_a_folder_that_is_right_is_called_right(card: Card, folder: Path) -> None:
    arrival = check_folder(card, folder)
    assert arrival.right
    assert (arrival.images, arrival.lists) == (3, ("data.csv",))
    assert arrival.text().splitlines()[0] == "hannover: 3 images of 3 published"
    assert arrival.text().endswith("Nothing is wrong with it.")


@pytest.mark.parametrize(("name", "what"), [("a.png", "PNG"), ("b.jpg", "JPEG"), ("c.webp", "Web")])
def test_an_image_cut_anywhere_is_found(card: Card, folder: Path, name: str, what: str) -> None:
    data = (folder / name).read_bytes()
    for cut in (len(data) - 10, len(data) // 2, 300):
        (folder / name).write_bytes(data[:cut])
        arrival = check_folder(card, folder)
        assert not arrival.right
        assert [path for path, _ in arrival.faulty] == [name]
        assert f"is cut off: a {what}" in arrival.text()


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "is empty"),
        (bytes(5000), "begins with zeros only"),
        (b"\n<!DOCTYPE html>", "is a web page, not an image"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"GIF89a" + bytes(200), "is no PNG, JPEG, WebP or DICOM file"),
    ],
)
def test_what_is_no_image_is_named(tmp_path: Path, body: bytes, what: str) -> None:
    (tmp_path / "a.png").write_bytes(body)
    assert what in image_fault(tmp_path / "a.png")


def test_bytes_after_a_jpeg_s_end_are_no_fault(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(image("JPEG") + bytes(20_000))
    assert image_fault(tmp_path / "a.jpg") == ""


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    assert "cannot be read: No such file" in image_fault(tmp_path / "gone.png")


def test_a_missing_list_and_missing_images_are_named(card: Card, folder: Path) -> None:
    (folder / "data.csv").unlink()
    (folder / "a.png").unlink()
    arrival = check_folder(card, folder)
    assert not arrival.right
    assert "hannover: 2 images of 3 published" in arrival.text()
    assert "missing: no list data.csv anywhere below" in arrival.text()


def test_an_empty_list_is_a_fault(card: Card, folder: Path) -> None:
    (folder / "data.csv").write_text("")
    assert ("data.csv", "is empty") in check_folder(card, folder).faulty


def test_archives_still_packed_and_downloads_that_did_not_end_are_named(
    card: Card, tmp_path: Path
) -> None:
    (tmp_path / "images.zip").write_bytes(b"PK")
    (tmp_path / "more.zip.crdownload").write_bytes(b"PK")
    text = check_folder(card, tmp_path).text()
    assert "packed: images.zip" in text
    assert "unfinished: more.zip.crdownload" in text


def test_a_folder_that_is_not_there_is_an_error(card: Card, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no folder .*expected COVID-19 Image Repository"):
        check_folder(card, tmp_path / "gone")


def test_every_real_image_is_whole(shared_data: Path, card: Card) -> None:
    for part in ("cxr", "originals"):
        assert check_folder(card, shared_data / part).faulty == ()


def test_checking_counts_along(card: Card, folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    check_folder(card, folder, lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_a_repository_is_fetched_as_the_archive_of_a_commit() -> None:
    card = sources.create("hannover").card
    plan = plan_for(card, "6a42434")
    assert plan is not None
    repository = "https://github.com/ml-workgroup/covid-19-image-repository"
    assert plan.files[0].url == f"{repository}/archive/6a42434.tar.gz"
    assert (plan.licence, plan.by_hand) == (card.licence, ())


def test_every_set_that_can_be_fetched_is_a_known_set_over_https() -> None:
    for name in fetchable():
        plan = plan_for(sources.create(name).card)
        assert plan is not None
        assert all(file.url.startswith("https://") for file in plan.files)
        lands = [file.lands for file in plan.files]
        assert len(set(lands)) == len(lands)


def test_a_set_that_cannot_be_fetched_says_what_to_do() -> None:
    cards = [sources.create(name).card for name in sources]
    by_hand = [card for card in cards if plan_for(card) is None]
    assert by_hand
    assert all(card.steps for card in by_hand)


def test_a_set_behind_a_login_has_no_plan() -> None:
    card = replace(sources.create("hannover").card, name="radiography", access="account")
    assert plan_for(card) is None
    with pytest.raises(ConfigError, match="radiography is no repository, so it has no commit 'v1'"):
        plan_for(card, "v1")


@pytest.mark.parametrize("ref", ["", "../x", "a b", "a?x", "/a", "a..b"])
def test_a_commit_that_cannot_be_one_is_refused(ref: str) -> None:
    with pytest.raises(ConfigError, match="Expected a commit, tag or branch"):
        plan_for(sources.create("hannover").card, ref)


def test_a_thousand_images_are_checked_in_a_moment(card: Card, tmp_path: Path) -> None:
    body = image("JPEG")
    for number in range(1000):
        (tmp_path / f"{number}.jpg").write_bytes(body)
    began = time.perf_counter()
    assert check_folder(card, tmp_path).images == 1000
    assert time.perf_counter() - began < 5
