"""What every data set must be, one suite over all that are registered.

Each is exercised through its file in `samples`, and then through the same label files damaged in
the ways that files get damaged: a data set may refuse them, or read what is left, but it may not
fall over, and it may not lose count.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from types import ModuleType

import polars as pl
import pytest

from hilum.data.manifest import Manifest
from hilum.data.sources import Card, Listing, Request, Source, build, sources, write_build
from hilum.data.sources.published import published_counts
from hilum.data.sources.rows import FRONTAL_VIEWS
from hilum.errors import ConfigError, HilumError

SAMPLES = Path(__file__).parent / "samples"


def module(name: str) -> ModuleType:
    """Import the sample of a data set."""
    path = SAMPLES / f"{name.replace('-', '_')}.py"
    assert path.is_file(), f"write {path}: see the README beside it"
    spec = importlib.util.spec_from_file_location(f"sample_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


NAMES = list(sources)
GENERIC = [name for name in NAMES if sources.create(name).card.access == "yours"]
PUBLISHED = [name for name in NAMES if name not in GENERIC]
LABELS = {
    *("normal", "pneumonia", "covid", "other_disease"),
    *("positive", "negative", "level1", "level2"),
}
LISTED = [name for name in NAMES if not getattr(module(name), "WITHOUT_LISTS", False)]
REQUIRED = ("file", "patient_id", "source", "label")


def sample(name: str, folder: Path) -> Request:
    request: Request = module(name).write(folder)
    return request


def read(name: str, request: Request) -> Listing:
    return sources.create(name).listing(request)


def check_contract(listing: Listing) -> None:
    """Hold a listing against what `Listing` promises."""
    frame = listing.frame
    assert [frame[name].null_count() for name in REQUIRED] == [0, 0, 0, 0]
    assert frame["file"].is_unique().all()
    assert listing.listed == frame.height + sum(out.count for out in listing.left_out)
    assert all(out.count > 0 and len(out.examples) <= 5 for out in listing.left_out)
    numbers = {name for name, kind in frame.schema.items() if kind != pl.String}
    assert numbers <= {"age"}
    assert frame.schema.get("age", pl.Float64) == pl.Float64
    for name, allowed in (
        ("view", {*FRONTAL_VIEWS.values()}),
        ("sex", {"M", "F"}),
        ("split", {"train", "val", "test"}),
    ):
        if name in frame.columns:
            assert {*frame[name].drop_nulls()} <= allowed
    assert not listing.skipped & {*frame["file"]}
    text = frame.select(pl.exclude("age")).to_dicts()
    assert all(value is None or value.strip() for row in text for value in row.values())


def check_refusal_or_contract(name: str, request: Request, file: Path | None = None) -> None:
    """Let damaged lists be refused, by the file's name, or be read within the contract.

    Where nothing is left of them, the build refuses.
    """
    try:
        listing = read(name, request)
        if not listing.frame.height:
            with pytest.raises(HilumError, match="none of .* rows is left"):
                build(name, request, lists_only=True)
    except HilumError as error:
        said = str(error)
    else:
        check_contract(listing)
        return
    assert file is None or file.name in said


@pytest.mark.parametrize("name", NAMES)
def test_the_card_is_complete(name: str) -> None:
    source = sources.create(name)
    card = source.card
    assert isinstance(source, Source)
    assert card.name == name == name.lower().strip()
    assert all((card.title, card.licence, card.steps, card.about.endswith(".")))
    assert all(flaw.endswith(".") for flaw in card.flaws)
    assert json.loads(json.dumps(asdict(card)))["name"] == name
    assert all((type(source).__doc__, type(source).listing.__doc__))


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_set_says_whose_it_is_and_how_to_have_it(name: str) -> None:
    card = sources.create(name).card
    assert all((card.citation, card.home.startswith("https://"), card.flaws))
    assert any(f"hilum data build {name}" in step for step in card.steps)


@pytest.mark.parametrize("name", NAMES)
def test_versions_have_a_default_and_every_other_name_leads_to_one(name: str) -> None:
    card = sources.create(name).card
    assert len({*card.versions}) == len(card.versions)
    assert not card.default or card.default in card.versions
    assert {*card.version_names.values()} <= {*card.versions}
    for version in card.versions:
        for asked in (version, version.lower(), f"v{version}", f"{name}{version}"):
            assert Request(version=asked).chosen(card) == version


@pytest.mark.parametrize("name", NAMES)
def test_its_sample_keeps_the_contract(tmp_path: Path, name: str) -> None:
    listing = read(name, sample(name, tmp_path))
    assert listing.frame.height
    check_contract(listing)


@pytest.mark.parametrize("name", PUBLISHED)
def test_labels_of_published_sets_are_the_words_of_the_project(tmp_path: Path, name: str) -> None:
    assert {*read(name, sample(name, tmp_path)).frame["label"]} <= LABELS


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_version_is_refused(tmp_path: Path, name: str) -> None:
    request = replace(sample(name, tmp_path), version="no such version")
    with pytest.raises(ConfigError, match="no version"):
        build(name, request)


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_option_is_refused_by_name(tmp_path: Path, name: str) -> None:
    request = sample(name, tmp_path)
    request = replace(request, options={**request.options, "colour": "blue"})
    with pytest.raises(ConfigError, match="colour"):
        read(name, request)


@pytest.mark.parametrize("name", LISTED)
def test_a_missing_list_is_named(tmp_path: Path, name: str) -> None:
    request = sample(name, tmp_path / "sample")
    (tmp_path / "empty").mkdir()
    with pytest.raises(HilumError, match=r"\.(csv|txt)"):
        read(name, replace(request, labels=tmp_path / "empty"))


@pytest.mark.parametrize("name", NAMES)
def test_every_listed_image_that_lies_there_is_found_and_the_rest_is_told(
    tmp_path: Path, name: str
) -> None:
    request = sample(name, tmp_path)
    listing = read(name, request)
    root = request.images()
    for file in listing.frame["file"]:
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (root / file).touch()
    (root / "zz-of-no-list.png").touch()
    built = build(name, request)
    assert built.reconciliation.missing == ()
    assert built.reconciliation.renamed == ()
    assert len(built.manifest) >= listing.frame.height
    assert all(path.is_file() for path in built.manifest.paths())
    seen = {*built.reconciliation.extra, *built.manifest.frame["path"]}
    left_out = [example for out in built.reconciliation.left_out for example in out.examples]
    assert "zz-of-no-list.png" in seen or any("zz-of-no-list" in text for text in left_out)


@pytest.mark.parametrize("name", NAMES)
def test_its_manifest_reads_back_as_it_was_built(tmp_path: Path, name: str) -> None:
    request = sample(name, tmp_path)
    built = build(name, request, lists_only=True)
    out = request.images() / "manifest.csv"
    beside = write_build(built, out)
    again = Manifest.read(out, check_files=False, leaks=True)
    assert again.sha256 == built.manifest.sha256
    record = json.loads(beside.read_text())
    assert sum(images for *_, images in record["labels"]) == len(again)
    assert record["listed"] >= len(again)


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize(
    "change",
    [
        lambda data: data.replace(b"\n", b"\r\n"),
        lambda data: b"\xef\xbb\xbf" + data,
        lambda data: data + b"\n\n",
    ],
    ids=["windows line ends", "byte order mark", "blank lines at the end"],
)
def test_harmless_differences_change_nothing(
    tmp_path: Path, name: str, change: Callable[[bytes], bytes]
) -> None:
    request = sample(name, tmp_path)
    wanted = read(name, request)
    for file in label_files(request):
        data = file.read_bytes()
        try:
            data.decode()
        except UnicodeDecodeError:
            data = data.decode("latin-1").encode()
        file.write_bytes(change(data))
    found = read(name, request)
    assert found.frame.equals(wanted.frame)
    assert (found.listed, found.notes) == (wanted.listed, wanted.notes)


@pytest.mark.parametrize("name", LISTED)
def test_lists_cut_off_anywhere_are_refused_by_name_or_read_in_part(
    tmp_path: Path, name: str
) -> None:
    request = sample(name, tmp_path)
    for file in label_files(request):
        whole = file.read_bytes()
        for kept in range(0, len(whole), 1 + len(whole) // 40):
            file.write_bytes(whole[:kept])
            check_refusal_or_contract(name, request)
        file.write_bytes(b"")
        with pytest.raises(HilumError, match=file.name):
            read(name, request)
        file.write_bytes(whole)


@pytest.mark.parametrize("name", LISTED)
@pytest.mark.parametrize("bad", [b"\xe9", b"\xff\xfe", b"\0", b'"', b",", b"\n", b" "])
def test_a_stray_byte_anywhere_is_refused_or_read_within_the_contract(
    tmp_path: Path, name: str, bad: bytes
) -> None:
    request = sample(name, tmp_path)
    for file in label_files(request):
        whole = file.read_bytes()
        for place in range(0, len(whole), 1 + len(whole) // 12):
            file.write_bytes(whole[:place] + bad + whole[place:])
            check_refusal_or_contract(name, request)
        file.write_bytes(whole)


@pytest.mark.parametrize("name", LISTED)
def test_a_list_without_one_of_its_columns_is_refused_by_name_or_read_without(
    tmp_path: Path, name: str
) -> None:
    request = sample(name, tmp_path)
    for file in label_files(request, ".csv"):
        whole = file.read_bytes()
        header, _, rest = whole.partition(b"\n")
        columns = header.split(b",")
        for place in range(len(columns)):
            names = b",".join([*columns[:place], b"gone", *columns[place + 1 :]])
            file.write_bytes(names + b"\n" + rest)
            check_refusal_or_contract(name, request, file)
        file.write_bytes(whole)


def label_files(request: Request, ending: str = "") -> list[Path]:
    labels = request.labels
    assert labels is not None
    return sorted(path for path in labels.rglob("*") if path.is_file() and path.match(f"*{ending}"))


def test_every_printed_number_is_of_a_set_and_a_version_that_is_there() -> None:
    cards: dict[str, Card] = {name: sources.create(name).card for name in NAMES}
    for count in published_counts():
        assert count.name in cards
        assert count.version in ("", *cards[count.name].versions)
        assert count.label is None or count.label in LABELS
        assert count.split in (None, "train", "val", "test")
