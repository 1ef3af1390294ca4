"""An answer about a DICOM film as FHIR; of another film there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest


@pytest.fixture(scope="module")
def dicom(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    from hilum.data.phantom import write_cohort

    folder = tmp_path_factory.mktemp("phantoms")
    write_cohort(folder, patients=3, size=256, dicom=True, seed=3)
    return min(folder.rglob("*.dcm")).read_bytes()


def answered(client: httpx.Client, film: bytes) -> tuple[str, dict[str, Any]]:
    said = client.post("/api/v1/films?wait=30", content=film).json()
    return f"/api/v1/films/{said['film']}/answers/{said['answer']['id']}/fhir", said


def test_a_dicom_film_has_a_preliminary_report_with_an_observation_a_class(
    client: httpx.Client, dicom: bytes
) -> None:
    path, said = answered(client, dicom)
    reply = client.get(path)
    report = reply.json()
    assert reply.headers["content-type"] == "application/fhir+json"
    assert (report["resourceType"], report["status"]) == ("DiagnosticReport", "preliminary")
    assert "RESEARCH USE ONLY" in report["conclusion"]
    seen = client.get(f"/api/v1/films/{said['film']}").json()
    study = report["imagingStudy"][0]["identifier"]["value"]
    assert study == f"urn:oid:{seen['study_uid']}"
    assert len(report["result"]) == len(said["answer"]["probabilities"])


def test_the_report_is_valid_fhir(client: httpx.Client, dicom: bytes) -> None:
    reports = pytest.importorskip("fhir.resources.R4B.diagnosticreport")
    path, _ = answered(client, dicom)
    reports.DiagnosticReport.model_validate(client.get(path).json())


def test_a_film_without_a_study_has_none(
    client: httpx.Client, film_of: Callable[[float], bytes]
) -> None:
    path, _ = answered(client, film_of(771))
    reply = client.get(path)
    assert reply.status_code == 409
    assert "belongs to a study" in reply.json()["detail"]


def test_an_answer_about_another_film_is_not_found(
    client: httpx.Client, dicom: bytes, film_of: Callable[[float], bytes]
) -> None:
    path, said = answered(client, dicom)
    _, other = answered(client, film_of(772))
    wrong = path.replace(said["film"], other["film"])
    assert client.get(wrong).status_code == 404


def test_of_an_answer_that_is_not_there_nothing_is_said(client: httpx.Client, dicom: bytes) -> None:
    path, said = answered(client, dicom)
    assert client.get(path.replace(said["answer"]["id"], "0" * 32)).status_code == 404
