"""With Debian's Orthanc: film in, report and capture back."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pynetdicom")
pytest.importorskip("highdicom")

PACS = Path(__file__).resolve().parents[4] / "shared" / "pacs"


def needs_pacs() -> None:
    if not PACS.is_dir():
        pytest.skip("no ../shared/pacs beside this checkout")
    for program in ("/usr/sbin/Orthanc", "curl", "unshare"):
        if shutil.which(program) is None:
            pytest.skip(f"no {program}: install orthanc, orthanc-dicomweb, orthanc-gdcm and curl")
    if subprocess.run(["unshare", "-n", "true"], capture_output=True, check=False).returncode:
        pytest.skip("no network namespaces: they need root")


@pytest.fixture(scope="module")
def phantom(tmp_path_factory) -> Path:
    from hilum.data.phantom import write_cohort

    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, patients=3, size=512, dicom=True, seed=11)
    return min(folder.rglob("*.dcm"))


def errors_of(path) -> list[str]:
    said = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False).stderr
    return [line for line in said.splitlines() if line.startswith("Error")]


@pytest.mark.parametrize("way", ["dimse", pytest.param("web", marks=pytest.mark.slow)])
def test_a_film_comes_back_as_report_and_capture(phantom, tmp_path, way) -> None:
    needs_pacs()
    script = Path(__file__).with_name("round_trip.py")
    done = subprocess.run(
        [PACS / "in_netns", sys.executable, script, phantom, tmp_path, PACS, way],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["echo"]
    assert said["seconds"] < 10
    assert said["states"] == ["sent"]
    assert said["kinds"] == ["CANDIDATE", "OWN", "OWN"]
    assert (said["answers"], said["read_again"], said["objects_at_pacs"]) == (1, 0, 3)
    assert said["commitment"] == "Success"
    assert (said["failures"], said["left_in_arrivals"]) == ({}, 0)
    if shutil.which("dciodvfy") is not None:
        assert [errors_of(path) for path in said["files"].values()] == [[], []]


def test_the_phantom_is_a_film_the_default_bundle_reads(phantom) -> None:
    from hilum.screening.default import default_bundle
    from hilum.screening.screener import Screener

    screening = Screener(default_bundle()).screen(phantom)
    assert screening.accepted
    assert np.isclose(sum(screening.probabilities.values()), 1)
