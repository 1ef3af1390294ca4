from __future__ import annotations

import gzip
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from hilum.errors import DataError, ImageReadError, MissingExtraError
from hilum.screening.archive import files as places
from hilum.screening.archive.item import Item, Packed, Span
from hilum.screening.archive.keys import KeySet
from hilum.screening.archive.reading import read_bytes
from hilum.screening.archive.walk import check_sources, find_items

Call = Callable[..., Any]
DICOM = b"\0" * 128 + b"DICM and more"


def put(path: Path, content: bytes = b"x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def names(*sources: Path | str) -> list[str]:
    return [item.member or Path(item.path).name for item in find_items([*map(str, sources)])]


def fault(*sources: Path | str) -> str:
    """Return the one fault among the items."""
    (error,) = [item.error for item in find_items([*map(str, sources)]) if item.error]
    return error


def tar(path: Path, members: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            file.addfile(entry, io.BytesIO(content))
    return path


def test_folders_are_searched_by_name_as_a_few_films_are(tmp_path: Path) -> None:
    put(tmp_path / "b" / "2.PNG")
    put(tmp_path / "b" / "1.jpeg")
    put(tmp_path / "a.webp")
    put(tmp_path / "IM0001", DICOM)
    put(tmp_path / "1.2.840.113619", DICOM)
    for left_out in (".hidden.png", ".cache/a.png", "labels.csv", "DICOMDIR", "notes"):
        put(tmp_path / left_out)
    (tmp_path / "b" / "up").symlink_to(tmp_path)
    assert names(tmp_path) == ["1.2.840.113619", "IM0001", "a.webp", "1.jpeg", "2.PNG"]


def test_a_source_that_lies_in_another_is_found_once(tmp_path: Path) -> None:
    film, odd = put(tmp_path / "a.png"), put(tmp_path / "in" / "report.txt")
    assert names(tmp_path, film, odd, tmp_path / "in", film) == ["a.png", "report.txt"]


def test_a_folder_too_large_to_sort_at_once_is_searched_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(places, "_CHUNK", 3)
    expected = {put(tmp_path / f"{number}.png").name for number in range(10)}
    assert set(names(tmp_path)) == expected


def test_a_folder_that_cannot_be_listed_is_a_fault_not_a_silence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "a.png")
    put(tmp_path / "locked" / "b.png")
    scan = os.scandir

    def refuse(path: str) -> Any:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert fault(tmp_path) == "the folder could not be listed: Permission denied."
    assert "a.png" in names(tmp_path)


def test_names_that_are_not_utf8_get_a_key_that_can_be_stored(tmp_path: Path) -> None:
    try:
        path = put(Path(os.fsdecode(bytes(tmp_path) + b"/film-\xff.png")), b"film")
    except OSError:
        pytest.skip("this file system takes no such name")
    (item,) = find_items([str(tmp_path)])
    assert item.path == str(path)
    assert item.key.endswith("film-\\udcff.png")
    assert read_bytes(item) == b"film"


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:bz2", "w:xz"])
def test_films_of_a_tar_are_read_in_place(tmp_path: Path, mode: str) -> None:
    contents = {f"study/{n}.png": os.urandom(512 * n + n % 2) for n in range(1, 6)}
    others = {"readme.txt": b"x", "study/.hidden.png": b"x", "__MACOSX/a.png": b"x"}
    members = {**contents, "study/IM1": DICOM, "study/notes": b"words" * 99, **others}
    path = tar(tmp_path / f"films.tar{mode[1:].replace(':', '.')}", members, mode)
    found = {item.member: read_bytes(item) for item in find_items([str(path)])}
    assert found == {**contents, "study/IM1": DICOM}
    kinds = {type(item.where) for item in find_items([str(path)])}
    assert kinds == ({Span} if mode == "w" else {bytes})


def test_members_of_one_name_are_kept_apart(tmp_path: Path) -> None:
    path = tar(tmp_path / "films.tar", {"a.png": b"first"})
    with tarfile.open(path, "a") as file:
        entry = tarfile.TarInfo("a.png")
        entry.size = 6
        file.addfile(entry, io.BytesIO(b"second"))
    items = list(find_items([str(path)]))
    assert [item.key.rpartition("films.tar")[2] for item in items] == ["::a.png", "::a.png::2"]
    assert [read_bytes(item) for item in items] == [b"first", b"second"]


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(("kept", "whole"), [(1100, 1), (1536, 1), (1600, 1), (3100, 2)])
def test_a_tar_that_is_cut_short_is_a_fault_after_its_whole_members(
    tmp_path: Path, kept: int, whole: int, packed: bool
) -> None:
    path = tar(tmp_path / "films.tar", {f"{n}.png": b"x" * 1024 for n in range(3)})
    content = path.read_bytes()[:kept]
    path.write_bytes(gzip.compress(content) if packed else content)
    items = list(find_items([str(path)]))
    good = [item for item in items if item.error is None and not unreadable(item)]
    assert len(good) == (whole if kept > 1100 else 0)
    assert "the tar file" in (items[-1].error or "")
    assert len([item for item in items if item.error]) == 1


def unreadable(item: Item) -> bool:
    try:
        read_bytes(item)
    except ImageReadError:
        return True
    return False


def test_a_compressed_tar_that_is_cut_short_is_a_fault(tmp_path: Path) -> None:
    films = {f"{n}.png": os.urandom(5000) for n in range(3)}
    path = tar(tmp_path / "films.tgz", films, "w:gz")
    path.write_bytes(path.read_bytes()[:9000])
    assert "ended before the end-of-stream marker" in fault(path)
    assert len(names(path)) == 2


def test_a_tar_with_garbage_in_the_middle_is_a_fault(tmp_path: Path) -> None:
    path = tar(tmp_path / "films.tar", {f"{n}.png": b"x" * 512 for n in range(3)})
    content = bytearray(path.read_bytes())
    content[1024:1536] = os.urandom(512)
    path.write_bytes(bytes(content))
    assert fault(path) == "the tar file is damaged: what follows its last member is no header."


def test_what_is_no_tar_or_zip_is_a_fault(tmp_path: Path) -> None:
    assert "could not be read to its end" in fault(put(tmp_path / "a.tar", b"words" * 500))
    assert "could not be opened" in fault(put(tmp_path / "a.zip", b"words" * 500))


def test_absurd_sizes_are_refused_unread(tmp_path: Path) -> None:
    huge = tarfile.TarInfo("huge.png")
    huge.size = 10**12
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 10**10
    end = b"\0" * 1024
    assert "at most 536,870,912 bytes" in str(
        [i.error for i in find_items([str(put(tmp_path / "a.tar", huge.tobuf() + end))])]
    )
    assert "a header claims 10," in fault(
        put(tmp_path / "b.tar", long.tobuf(tarfile.GNU_FORMAT) + end)
    )
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", b"\0" * 1_000_000)
    (item,) = find_items([str(bomb)])
    assert isinstance(item.where, Packed)
    lying = Packed(item.where.header, item.where.packed, 10, item.where.crc, deflated=True)
    with pytest.raises(ImageReadError, match="checksum in the zip file does not fit"):
        read_bytes(Item(path=str(bomb), where=lying))


def test_an_encrypted_member_is_a_fault_and_the_others_are_read(tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.png", b"secret")
        file.writestr("b.png", b"open")
    content = bytearray(path.read_bytes())
    for place in (content.index(b"PK\x03\x04") + 6, content.index(b"PK\x01\x02") + 8):
        content[place] |= 1
    path.write_bytes(bytes(content))
    items = list(find_items([str(path)]))
    assert [item.error is None for item in items] == [False, True]
    assert "it is encrypted" in (items[0].error or "")
    assert read_bytes(items[1]) == b"open"


def test_a_damaged_member_of_a_zip_is_a_fault_of_that_film(tmp_path: Path) -> None:
    path = tmp_path / "films.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", os.urandom(1000))
    content = bytearray(path.read_bytes())
    content[200] ^= 1
    path.write_bytes(bytes(content))
    (item,) = find_items([str(path)])
    with pytest.raises(ImageReadError, match="checksum in the zip file|could not be unpacked"):
        read_bytes(item)


def test_an_archive_in_an_archive_is_a_fault_not_a_silence(tmp_path: Path) -> None:
    path = tar(tmp_path / "outer.tar", {"inner.zip": b"PK", "a.png": b"x"})
    assert "an archive inside an archive" in fault(path)


def test_a_tar_in_a_folder_is_opened(tmp_path: Path) -> None:
    (tmp_path / "films").mkdir()
    tar(tmp_path / "films" / "2019.tar", {"a.png": b"x"})
    (item,) = find_items([str(tmp_path / "films")])
    assert item.key == f"{tmp_path}/films/2019.tar::a.png"


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_lists_films_each_once_relative_to_its_folder(tmp_path: Path, kind: str) -> None:
    frame = pl.DataFrame(
        {"path": ["a.png", "in/b.png", "a.png", "/x/c.png"], "label": list("0101")}
    )
    path = tmp_path / f"films.{kind}"
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    found = [item.path for item in find_items([str(path)])]
    assert found == [f"{tmp_path}/a.png", f"{tmp_path}/in/b.png", "/x/c.png"]


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_table_without_paths_or_damaged_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"films.{kind}"
    frame = pl.DataFrame({"image": ["a.png"]})
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    with pytest.raises(DataError, match="must have a column `path`, got"):
        list(find_items([str(path)]))
    with pytest.raises(DataError, match="cannot be read"):
        list(find_items([str(tmp_path / f"absent.{kind}")]))


def test_sources_that_are_not_there_are_refused_together(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"not there:\n  - /absent/a\n  - /absent/b"):
        check_sources(["/absent/a", str(tmp_path), "/absent/b"])


def test_object_storage_is_walked_and_read_like_folders(tmp_path: Path) -> None:
    fsspec = pytest.importorskip("fsspec")
    memory = fsspec.filesystem("memory")
    packed = tar(tmp_path / "films.tar", {"c.png": b"in a tar"}).read_bytes()
    for name, content in {
        "a.png": b"one", "deep/IM1": DICOM, "deep/notes": b"x" * 200, "films.tar": packed,
    }.items():  # fmt: skip
        memory.pipe_file(f"/bucket/{name}", content)
    try:
        found = {item.key: read_bytes(item) for item in find_items(["memory://bucket"])}
    finally:
        memory.rm("/bucket", recursive=True)
    assert found == {
        "memory:///bucket/a.png": b"one",
        "memory:///bucket/deep/IM1": DICOM,
        "memory:///bucket/films.tar::c.png": b"in a tar",
    }


def test_a_film_gone_from_object_storage_says_so() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(ImageReadError, match="there is no such file"):
        read_bytes(Item(path="memory:///bucket/absent.png"))
    with pytest.raises(DataError, match="not there"):
        check_sources(["memory:///absent"])


def test_what_a_storage_raises_of_its_own_is_a_fault_of_that_film(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    memory = pytest.importorskip("fsspec.implementations.memory").MemoryFileSystem

    class NoCredentialsError(Exception):
        """As a storage's library would raise."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise NoCredentialsError("who are you?")

    for name in ("size", "isdir"):
        monkeypatch.setattr(memory, name, refuse)
    with pytest.raises(ImageReadError, match="NoCredentialsError: who are you"):
        read_bytes(Item(path="memory:///bucket/a.png"))
    with pytest.raises(DataError, match=r"memory:///bucket cannot be reached: NoCredentialsError"):
        check_sources(["memory:///bucket"])


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hilum\[scale\]'"):
        check_sources(["gs://bucket/films"])


def test_an_unknown_kind_of_storage_is_refused() -> None:
    pytest.importorskip("fsspec")
    with pytest.raises(DataError, match="nosuch:// cannot be opened"):
        check_sources(["nosuch://bucket"])


def test_a_key_set_knows_what_it_was_given_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("hilum.screening.archive.keys._PENDING", 50)
    keys = KeySet(f"film {number}" for number in range(1000))
    assert len(keys) == 1000
    assert all(f"film {number}" in keys for number in range(1000))
    assert not any(f"film {number}" in keys for number in range(1000, 3000))
    assert not keys.add("film 7")
    assert keys.add("film 1000")
