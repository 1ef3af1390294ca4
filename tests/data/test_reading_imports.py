"""What reading brings into a process, and the public names of the room."""

from __future__ import annotations

import subprocess
import sys

import pytest

import hilum.data


def loaded_after(code: str, *, stdin: bytes = b"") -> set[str]:
    """Names of the top-level modules in a fresh process after running code."""
    script = f"import sys\n{code}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", script], input=stdin, capture_output=True, check=True
    )
    return set(done.stdout.decode().split())


def test_importing_the_room_brings_in_nothing_heavy() -> None:
    loaded = loaded_after("import hilum.data")
    assert not loaded & {"polars", "pydicom", "pydantic", "torch", "matplotlib", "scipy", "numpy"}


def test_reading_a_png_brings_in_no_dicom_and_no_tables(files) -> None:
    loaded = loaded_after(
        "from hilum.data import prepare, read_radiograph\nread_radiograph(sys.stdin.buffer)",
        stdin=files.encode(files.picture()),
    )
    assert "PIL" in loaded
    assert not loaded & {"pydicom", "gdcm", "polars", "pydantic", "torch", "pandas", "scipy"}


def test_reading_a_dicom_file_brings_in_pydicom(files) -> None:
    loaded = loaded_after(
        "from hilum.data import read_radiograph\nread_radiograph(sys.stdin.buffer)",
        stdin=files.dicom(files.picture()),
    )
    assert "pydicom" in loaded
    assert not loaded & {"polars", "torch", "pandas", "scipy"}


def test_every_public_name_has_a_home_and_is_listed() -> None:
    assert hilum.data.__all__ == sorted(hilum.data.__all__)
    assert set(hilum.data.__all__) <= set(dir(hilum.data))
    for name in ("Radiograph", "read_radiograph", "Preprocessing", "prepare", "normalize"):
        assert getattr(hilum.data, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"module 'hilum\.data' has no attribute 'nothing'"):
        hilum.data.nothing  # noqa: B018
