"""Films' bytes on the disk, and who owns what is unfinished."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hilum.serve.owner import Owner
from hilum.serve.storage.blobs import BlobStore, TooLargeError
from hilum.serve.storage.errors import FullError, UnwritableError


def test_what_is_kept_lies_under_its_hash(blobs: BlobStore) -> None:
    with blobs.incoming(100) as incoming:
        incoming.write(b"ab")
        incoming.write(memoryview(b"cd"))
        kept = incoming.keep()
    assert kept.sha256 == hashlib.sha256(b"abcd").hexdigest()
    assert kept.size == 4
    assert blobs.path(kept.sha256).read_bytes() == b"abcd"


def test_what_is_not_kept_leaves_nothing(blobs: BlobStore, owner: Owner, tmp_path: Path) -> None:
    with blobs.incoming(100) as incoming:
        incoming.write(b"ab")
        assert len(list(owner.incoming.iterdir())) == 1
    assert not list(owner.incoming.iterdir())
    assert not list((tmp_path / "data/films").iterdir())


def test_the_same_bytes_twice_are_one_file(blobs: BlobStore) -> None:
    for _ in range(2):
        with blobs.incoming(100) as incoming:
            incoming.write(b"ab")
            kept = incoming.keep()
    assert list(blobs.names()) == [[kept.sha256]]
    assert blobs.path(kept.sha256).stat().st_nlink == 1


def test_one_byte_more_than_is_taken_is_refused(blobs: BlobStore) -> None:
    with blobs.incoming(3) as incoming:
        incoming.write(b"abc")
        with pytest.raises(TooLargeError, match="Expected at most 3 bytes"):
            incoming.write(b"d")


def test_the_first_256_bytes_are_remembered_however_they_come(blobs: BlobStore) -> None:
    with blobs.incoming(1000) as incoming:
        for _ in range(30):
            incoming.write(b"0123456789")
    assert incoming.head == b"0123456789" * 25 + b"012345"
    assert incoming.size == 300


def test_bytes_that_were_taken_away_meanwhile_are_put_back(blobs: BlobStore) -> None:
    with blobs.incoming(100) as incoming:
        incoming.write(b"ab")
        kept = incoming.keep()
        blobs.remove(kept.sha256)
        incoming.settle()
    assert blobs.path(kept.sha256).read_bytes() == b"ab"


@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd", "A" * 64, "", "a" * 63, "a" * 64 + "\n", "a" * 62 + "/.", "\0" * 64],
)
def test_a_name_that_is_no_hash_never_becomes_a_path(blobs: BlobStore, name: str) -> None:
    with pytest.raises(ValueError, match="expected a SHA-256 in hexadecimal"):
        blobs.path(name)


def test_too_little_free_space_is_refused_before_anything_is_taken(
    tmp_path: Path, owner: Owner
) -> None:
    store = BlobStore(tmp_path / "data", owner, reserve_bytes=1 << 62)
    with pytest.raises(FullError, match="MB are kept free. Nothing was kept"):
        store.incoming(100)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(errno.ENOSPC, FullError), (errno.EDQUOT, FullError), (errno.EIO, UnwritableError)],
)
def test_a_disk_that_fails_is_told_as_full_or_as_broken(
    blobs: BlobStore, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[Exception]
) -> None:
    def fail(_handle: int) -> None:
        raise OSError(code, os.strerror(code))

    with blobs.incoming(100) as incoming:
        incoming.write(b"ab")
        monkeypatch.setattr("hilum.serve.storage.blobs.os.fsync", fail)
        with pytest.raises(kind, match=os.strerror(code)):
            incoming.keep()


def test_a_folder_that_is_gone_is_told_as_unwritable(blobs: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "data/films").rmdir()
    with pytest.raises(UnwritableError, match="No such file"):
        blobs.check_room()


# Who owns what is unfinished


def test_an_owner_lives_as_long_as_its_process(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib\nfrom hilum.serve.owner import Owner\n"
        "owner = Owner(pathlib.Path(sys.argv[1]))\n(owner.incoming / 'a.part').write_bytes(b'x')\n"
        "print(owner.id, flush=True)\nsys.stdin.read()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdout=subprocess.PIPE, stdin=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert other.stdout is not None
    name = other.stdout.readline().strip()
    with Owner(tmp_path) as owner:
        assert owner.alive(name)
        assert owner.sweep() == 0
        other.kill()
        other.communicate()
        assert not owner.alive(name)
        assert owner.sweep() == 1
        assert not (tmp_path / "incoming" / name).exists()
        assert [each.stem for each in (tmp_path / "owners").iterdir()] == [owner.id]


def test_an_owner_that_ends_well_leaves_nothing(tmp_path: Path) -> None:
    with Owner(tmp_path) as owner:
        assert owner.alive(owner.id)
        assert not owner.alive("f" * 32)
    assert not list((tmp_path / "owners").iterdir())
    assert not list((tmp_path / "incoming").iterdir())
