from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from hilum.data.fetch.archive import Limits, is_archive, unpack
from hilum.errors import DataError

NOISE = np.random.default_rng(1).bytes(40_000)
FILES = {"repo-abc/png/a.png": NOISE, "repo-abc/data.csv": b"image_id\na\n", "repo-abc/empty": b""}


def tar(path: Path, files: dict[str, bytes], *more: tarfile.TarInfo, comment: str = "") -> Path:
    headers = {"comment": comment} if comment else {}
    mode = "w:gz" if path.suffix == ".gz" else "w"
    with tarfile.open(path, mode, format=tarfile.PAX_FORMAT, pax_headers=headers) as archive:
        for name, body in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(body)
            archive.addfile(info, io.BytesIO(body))
        for info in more:
            archive.addfile(info)
    return path


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return path


def special(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.fixture(params=["a.tar", "a.tar.gz", "a.zip"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / request.param
    return zipped(path, FILES) if path.suffix == ".zip" else tar(path, FILES)


def make(path: Path, files: dict[str, bytes]) -> Path:
    return zipped(path, files) if path.suffix == ".zip" else tar(path, files)


def clean(tmp_path: Path, archive: Path) -> bool:
    """Nothing is left but the archive."""
    return [path.name for path in tmp_path.iterdir()] == [archive.name]


def test_every_kind_of_archive_unpacks_whole(archive: Path, tmp_path: Path) -> None:
    done = unpack(archive, tmp_path / "out", strip=1)
    assert done.files == {"png/a.png": 40_000, "data.csv": 11, "empty": 0}
    assert (tmp_path / "out" / "png" / "a.png").read_bytes() == NOISE
    assert not list(tmp_path.glob(".*"))


def test_only_what_is_asked_for_is_unpacked(archive: Path, tmp_path: Path) -> None:
    done = unpack(archive, tmp_path / "out", strip=1, only=("*.csv",))
    assert done.files == {"data.csv": 11}


def test_asking_for_what_is_not_there_is_an_error(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no files that match labels/"):
        unpack(archive, tmp_path / "out", strip=1, only=("labels/*",))
    assert clean(tmp_path, archive)


def test_a_repository_s_archive_tells_its_commit(tmp_path: Path) -> None:
    commit = "6a4242344473ccb5ed0d2148d8c7bfb1691e4ed8"
    made = tar(tmp_path / "a.tar.gz", FILES, comment=commit)
    assert unpack(made, tmp_path / "out").commit == commit
    with zipfile.ZipFile(zipped(tmp_path / "a.zip", FILES), "a") as archive:
        archive.comment = commit.encode()
    assert unpack(tmp_path / "a.zip", tmp_path / "zip").commit == commit


EVIL = ["../evil.png", "a/../../evil.png", "/evil.png", "..\\evil.png", "C:\\evil.png", "a\nb.png"]


@pytest.mark.parametrize("kind", ["a.tar", "a.tar.gz", "a.zip"])
@pytest.mark.parametrize("name", EVIL)
def test_a_path_that_leads_elsewhere_refuses_the_whole_archive(
    tmp_path: Path, name: str, kind: str
) -> None:
    made = make(tmp_path / kind, {"good.png": NOISE, name: b"evil"})
    with pytest.raises(DataError, match="The archive holds an? .*Nothing of it was kept"):
        unpack(made, tmp_path / "out" / "deep", strip=0)
    assert not list(tmp_path.rglob("*.png"))
    assert not list(tmp_path.rglob(".*"))


def test_an_endless_name_is_refused(tmp_path: Path) -> None:
    made = tar(tmp_path / "a.tar", {"x" * 300: b""})
    with pytest.raises(DataError, match="a name longer than 255 bytes"):
        unpack(made, tmp_path / "out")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_links_are_left_out_and_said(tmp_path: Path, kind: bytes) -> None:
    made = tar(tmp_path / "a.tar.gz", FILES, special("repo-abc/passwd", kind, "/etc/passwd"))
    done = unpack(made, tmp_path / "out", strip=1)
    assert done.links == ["passwd"]
    assert not (tmp_path / "out" / "passwd").exists()


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    made = tmp_path / "a.tar"
    with tarfile.open(made, "w") as archive:
        archive.addfile(special("door", tarfile.SYMTYPE, str(tmp_path)))
        info = tarfile.TarInfo("door/evil")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
    unpack(made, tmp_path / "out")
    assert not (tmp_path / "evil").exists()
    assert (tmp_path / "out" / "door" / "evil").is_file()


def test_links_in_a_zip_are_left_out(tmp_path: Path) -> None:
    made = zipped(tmp_path / "a.zip", FILES)
    with zipfile.ZipFile(made, "a") as archive:
        info = zipfile.ZipInfo("passwd")
        info.external_attr = 0o120777 << 16
        archive.writestr(info, "/etc/passwd")
    assert unpack(made, tmp_path / "out").links == ["passwd"]
    assert not (tmp_path / "out" / "passwd").exists()


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_and_pipes_are_refused(tmp_path: Path, kind: bytes) -> None:
    made = tar(tmp_path / "a.tar", FILES, special("dev", kind))
    with pytest.raises(DataError, match="'dev', which is neither a file nor a folder nor a link"):
        unpack(made, tmp_path / "out")
    assert clean(tmp_path, made)


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    made = zipped(tmp_path / "a.zip", {"a.png": NOISE})
    data = bytearray(made.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    made.write_bytes(data)
    with pytest.raises(DataError, match="encrypted .'a.png'.; unpack it by hand"):
        unpack(made, tmp_path / "out")


@pytest.mark.parametrize("kind", ["a.tar", "a.tar.gz", "a.zip"])
def test_a_name_twice_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / kind
    if kind == "a.zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.png", b"1")
            with pytest.warns(UserWarning, match="Duplicate"):
                archive.writestr("a.png", b"2")
    else:
        again = tarfile.TarInfo("a.png")
        tar(path, {"a.png": b"1"}, again)
    with pytest.raises(DataError, match="holds 'a.png' twice"):
        unpack(path, tmp_path / "out")
    assert clean(tmp_path, path)


def test_a_file_that_is_also_a_folder_is_refused(tmp_path: Path) -> None:
    made = tar(tmp_path / "a.tar", {"a": b"1", "a/b.png": b"2"})
    with pytest.raises(DataError, match="holds 'a/b.png' twice"):
        unpack(made, tmp_path / "out")


def test_names_that_differ_only_in_case_are_said(tmp_path: Path) -> None:
    made = tar(tmp_path / "a.tar", {"png/A.PNG": b"1", "png/a.png": b"2", "png/b.png": b"3"})
    assert unpack(made, tmp_path / "out").alike == ["png/a.png"]


@pytest.mark.parametrize("kind", ["a.tar.gz", "a.zip"])
def test_a_bomb_is_stopped_by_the_total(tmp_path: Path, kind: str) -> None:
    made = make(tmp_path / kind, {"zeros.png": bytes(30_000_000)})
    with pytest.raises(DataError, match="swells to over 1,000,000 bytes"):
        unpack(made, tmp_path / "out", limits=Limits(bytes=1_000_000))
    assert clean(tmp_path, made)


def test_a_bomb_is_stopped_by_its_ratio(tmp_path: Path) -> None:
    made = tmp_path / "a.tar.gz"
    with gzip.open(made, "wb", compresslevel=1) as file:
        info = tarfile.TarInfo("zeros.png")
        info.size = 400 * 2**20
        file.write(info.tobuf())
        for _ in range(400):
            file.write(bytes(2**20))
        file.write(bytes(1024))
    with pytest.raises(DataError, match="swells to over 3[0-9]{2},"):
        unpack(made, tmp_path / "out", limits=Limits(ratio=180))
    assert clean(tmp_path, made)


def test_a_skipped_bomb_is_stopped_too(tmp_path: Path) -> None:
    made = tar(tmp_path / "a.tar.gz", {"zeros.png": bytes(30_000_000), "labels/a.txt": b"1"})
    with pytest.raises(DataError, match="swells to over"):
        unpack(made, tmp_path / "out", only=("labels/*",), limits=Limits(bytes=1_000_000))


def test_a_header_of_a_giant_is_refused(tmp_path: Path) -> None:
    made = tmp_path / "a.tar.gz"
    with gzip.open(made, "wb") as file:
        info = tarfile.TarInfo("pax")
        info.type, info.size = tarfile.XHDTYPE, 60_000_000
        file.write(info.tobuf())
        file.write(bytes(60_000_000))
    with pytest.raises(DataError, match="a header of more than 16 MiB"):
        unpack(made, tmp_path / "out")


def test_too_many_members_are_refused(tmp_path: Path, archive: Path) -> None:
    with pytest.raises(DataError, match="over 2 members; refused"):
        unpack(archive, tmp_path / "out", limits=Limits(members=2))


def test_an_archive_cut_anywhere_is_refused(archive: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    for cut in (len(data) - 1, len(data) - 12, len(data) // 2, 600, 30):
        if archive.suffix == ".tar" and cut > len(data) - 5000:
            continue  # the end mark and its padding; the next test cuts there
        archive.write_bytes(data[:cut])
        with pytest.raises(DataError, match="damaged|cut off|no zip"):
            unpack(archive, tmp_path / "out")
        assert clean(tmp_path, archive)


def test_a_tar_cut_between_two_members_is_refused(tmp_path: Path) -> None:
    made = tar(tmp_path / "a.tar", {"a": bytes(512), "b": bytes(512)})
    made.write_bytes(made.read_bytes()[:1024])
    with pytest.raises(DataError, match="its members do not end in an end mark"):
        unpack(made, tmp_path / "out")


def test_a_tar_with_a_damaged_header_in_the_middle_is_refused(tmp_path: Path) -> None:
    made = tar(tmp_path / "a.tar", {"a": bytes(512), "b": bytes(512), "c": bytes(512)})
    data = bytearray(made.read_bytes())
    data[1024 + 150] ^= 0xFF  # in the checksum of the second header
    made.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        unpack(made, tmp_path / "out")


@pytest.mark.parametrize("kind", ["a.tar.gz", "a.zip"])
def test_one_flipped_bit_is_found(tmp_path: Path, kind: str) -> None:
    made = make(tmp_path / kind, {"a.png": NOISE})
    data = bytearray(made.read_bytes())
    data[20_000] ^= 1
    made.write_bytes(data)
    with pytest.raises(DataError, match="damaged"):
        unpack(made, tmp_path / "out")
    assert clean(tmp_path, made)


def test_a_web_page_instead_of_an_archive_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_text("\n<!DOCTYPE html><title>Log in</title>")
    assert not is_archive(tmp_path / "a.zip")
    with pytest.raises(DataError, match="It is a web page: a login"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def test_a_folder_in_use_is_never_touched(archive: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(DataError, match="is there already; move it away"):
        unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "mine").read_text() == "mine"


def test_what_a_killed_run_left_is_removed(archive: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.unpacking").mkdir()
    (tmp_path / ".out.unpacking" / "half.png").write_bytes(b"half")
    unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out" / "half.png").exists()
    assert not (tmp_path / ".out.unpacking").exists()


def test_a_disk_that_is_full_leaves_nothing(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Path, *args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("hilum.data.fetch.archive.os.sync", lambda: full(tmp_path))
    with pytest.raises(DataError, match="Cannot unpack .*No space left on device"):
        unpack(archive, tmp_path / "out")
    assert clean(tmp_path, archive)
