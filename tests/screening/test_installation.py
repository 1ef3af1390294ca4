from __future__ import annotations

import importlib.util
from pathlib import Path
from types import SimpleNamespace

import pytest

from hilum.screening import cores
from hilum.screening.installation import Finding, core_works, inspect_installation


def test_this_installation_can_screen() -> None:
    findings = inspect_installation()
    assert core_works(findings)
    assert {finding.group for finding in findings} == {"core", "dicom", "optional", "machine"}


def test_what_is_missing_names_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    hidden = ("torch", "openvino")
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name in hidden else real(name)
    )
    found = {finding.name: finding for finding in inspect_installation()}
    assert found["torch"].mend == "pip install 'hilum[train]'"
    assert found["openvino"].mend == "pip install openvino"
    assert core_works(list(found.values()))


def test_a_missing_core_package_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "numpy" else real(name)
    )
    assert not core_works(inspect_installation())


def test_an_engine_that_fails_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("illegal instruction")

    monkeypatch.setattr(onnxruntime, "InferenceSession", fails)
    engine = next(f for f in inspect_installation() if f.name == "onnxruntime")
    assert not engine.ok
    assert "illegal instruction" in engine.detail


def test_a_folder_that_cannot_be_written_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    found = {finding.name: finding for finding in inspect_installation(tmp_path)}
    assert not found["write access"].ok
    assert "Permission denied" in found["write access"].detail


def test_a_full_disk_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5e8))
    disk = next(f for f in inspect_installation() if f.name == "disk")
    assert (disk.ok, disk.detail) == (False, "0.5 GB free")


def test_optional_findings_do_not_decide() -> None:
    missing = Finding(group="optional", name="torch", ok=False, detail="missing")
    assert core_works([missing])


@pytest.mark.parametrize(("quota", "expected"), [("150000 100000", 2), ("max 100000", 8), ("x", 8)])
def test_a_container_quota_counts(
    quota: str, expected: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpu.max").write_text(quota)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(cores, "_CPUS", tmp_path / "nothing")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    assert cores.usable_cores() == expected


def test_hyperthreads_of_one_core_count_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for cpu in range(4):
        place = tmp_path / f"cpu{cpu}" / "topology"
        place.mkdir(parents=True)
        (place / "thread_siblings_list").write_text(f"{cpu % 2},{cpu % 2 + 2}\n")
    monkeypatch.setattr(cores, "_CPUS", tmp_path)
    monkeypatch.setattr(cores, "_QUOTA", tmp_path / "nothing")
    monkeypatch.setattr(cores.os, "sched_getaffinity", lambda _: set(range(4)), raising=False)
    assert cores.usable_cores() == 2
