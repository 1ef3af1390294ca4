from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.file_hash import file_sha256


def test_a_files_hash_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(tmp_path / "abc") == file_sha256(str(tmp_path / "abc")) == known


def test_a_file_that_cannot_be_read_says_so_itself(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        file_sha256(tmp_path / "nowhere")
