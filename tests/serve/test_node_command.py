"""The whole of it: `hilum node`, the default bundle, and Debian's Orthanc."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")

PACS = Path(__file__).resolve().parents[3] / "shared" / "pacs"


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from hilum.data.phantom import write_cohort

    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, patients=3, size=512, dicom=True, seed=11)
    return min(folder.rglob("*.dcm"))


def errors_of(path: Path) -> list[str]:
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
    return [line for line in said.stderr.splitlines() if line.startswith("Error")]


def test_a_film_from_the_archive_comes_back_as_report_and_capture(
    phantom: Path, tmp_path: Path
) -> None:
    if not PACS.is_dir():
        pytest.skip("no ../shared/pacs beside this checkout")
    for program in ("/usr/sbin/Orthanc", "curl", "unshare"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install orthanc, orthanc-dicomweb, orthanc-gdcm and curl")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces: they need root")
    script = Path(__file__).with_name("node_and_pacs.py")
    done = subprocess.run(
        [PACS / "in_netns", sys.executable, script, phantom, tmp_path, PACS],
        capture_output=True, text=True, timeout=150, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["seconds"] < 10
    assert said["modalities"] == ["DX", "OT", "SR"]
    assert (said["sent_again"], said["objects"], said["exit_code"]) == (200, 3, 0)
    if shutil.which("dciodvfy") is not None:
        assert [errors_of(path) for path in tmp_path.glob("*.dcm")] == [[], []]
