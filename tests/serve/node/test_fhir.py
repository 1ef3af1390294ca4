"""An answer as FHIR."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from hilum.serve.node.fhir import diagnostic_report
from hilum.serve.node.source import film_headers

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def headers(make_film):
    return film_headers(make_film())


def test_an_answer_becomes_a_preliminary_report_with_one_observation_a_class(
    headers, make_reading
) -> None:
    report = diagnostic_report(headers, make_reading().screening, when=WHEN)
    device, *observations = report["contained"]
    assert (report["resourceType"], report["status"]) == ("DiagnosticReport", "preliminary")
    assert report["conclusion"].startswith("RESEARCH USE ONLY")
    assert report["subject"] == {"identifier": {"value": "P-1"}}
    assert device["serialNumber"] == "ab" * 32
    assert [one["code"]["text"] for one in observations] == [
        "Probability of normal", "Probability of pneumonia"]  # fmt: skip
    assert [one["valueQuantity"]["value"] for one in observations] == [0.25, 0.75]
    assert {one["status"] for one in observations} == {"preliminary"}
    assert all("Research use only" in one["note"][0]["text"] for one in observations)
    assert [one["reference"] for one in report["result"]] == [f"#{o['id']}" for o in observations]


def test_an_interval_stands_beside_its_probability(headers, make_reading) -> None:
    report = diagnostic_report(
        headers, make_reading().screening, when=WHEN, intervals={"pneumonia": (0.6, 0.9)}
    )
    ranges = [
        part["valueRange"]
        for one in report["contained"][1:]
        for part in one["component"]
        if "valueRange" in part
    ]
    assert [(r["low"]["value"], r["high"]["value"]) for r in ranges] == [(0.6, 0.9)]


@pytest.mark.parametrize("interval", [(0.8, 0.9), (0.1, 1.2), (float("nan"), 0.9)])
def test_an_interval_that_does_not_hold_the_probability_is_refused(
    headers, make_reading, interval
) -> None:
    with pytest.raises(ValueError, match="interval of pneumonia"):
        diagnostic_report(
            headers, make_reading().screening, when=WHEN, intervals={"pneumonia": interval}
        )


def test_a_refusal_has_reasons_and_no_value(headers, make_reading) -> None:
    refused = make_reading(accepted=False, reasons=["It is a hand."]).screening
    report = diagnostic_report(headers, refused, when=WHEN)
    text = json.dumps(report)
    assert "valueQuantity" not in text
    assert "It is a hand." in report["conclusion"]
    assert report["contained"][1]["dataAbsentReason"]["coding"][0]["code"] == "not-performed"


def test_a_failure_is_not_reported(headers, make_reading) -> None:
    with pytest.raises(ValueError, match="nothing to report"):
        diagnostic_report(headers, make_reading(error="damaged").screening, when=WHEN)


def test_a_moment_without_a_zone_is_refused(headers, make_reading) -> None:
    with pytest.raises(ValueError, match="time zone"):
        diagnostic_report(headers, make_reading().screening, when=WHEN.replace(tzinfo=None))


@pytest.mark.parametrize("accepted", [True, False])
def test_the_published_definitions_of_fhir_r4_agree(headers, make_reading, accepted) -> None:
    models = pytest.importorskip("fhir.resources.R4B.diagnosticreport")
    reading = make_reading(accepted=accepted, reasons=() if accepted else ["It is a hand."])
    report = diagnostic_report(
        headers, reading.screening, when=WHEN,
        intervals={"pneumonia": (0.6, 0.9)} if accepted else None,
    )  # fmt: skip
    read = models.DiagnosticReport.model_validate(json.loads(json.dumps(report)))
    assert read.status == "preliminary"
    assert len(read.contained) == (3 if accepted else 2)
