"""The objects that say in the archive what was found."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

pytest.importorskip("highdicom")

from pydicom import dcmread

from hilum.errors import DataError
from hilum.serve.node.capture import captured_picture
from hilum.serve.node.own import kind_of
from hilum.serve.node.results import make_results, write_results
from hilum.serve.node.seams import Kind
from hilum.serve.node.uids import is_our_uid

WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
REASON = "It is not a frontal chest radiograph: it looks like a hand, in which no lungs are seen."


def texts(report):
    """Return every item of a report as (name, value)."""
    found = []

    def walk(items):
        for item in items:
            named = item.get("ConceptNameCodeSequence")
            name = named[0].CodeMeaning if named else ""
            value = item.get("TextValue") or item.get("UID")
            if "MeasuredValueSequence" in item:
                value = float(item.MeasuredValueSequence[0].NumericValue)
            if "ConceptCodeSequence" in item:
                value = item.ConceptCodeSequence[0].CodeMeaning
            found.append((name, value))
            walk(item.get("ContentSequence", []))

    walk([report])
    return found


def test_an_answer_becomes_a_report_and_a_capture_in_the_study(make_film, make_reading) -> None:
    film = make_film()
    results = make_results(film, make_reading(), when=WHEN)
    assert set(results) == {"sr", "capture"}
    for result in results.values():
        assert result.StudyInstanceUID == film.StudyInstanceUID
        assert result.SeriesInstanceUID != film.SeriesInstanceUID
        assert result.PatientID == "P-1"
        assert result.SeriesDescription.startswith("RESEARCH USE ONLY")
        assert is_our_uid(result.SOPInstanceUID)
        own = kind_of(result.SOPClassUID, "1.2.3", manufacturer=result.Manufacturer)
        assert own is Kind.OWN
    assert results["sr"].SeriesInstanceUID != results["capture"].SeriesInstanceUID


def test_the_report_says_what_was_found_by_what_and_that_nobody_verified_it(
    make_film, make_reading
) -> None:
    report = make_results(make_film(), make_reading(), when=WHEN)["sr"]
    said = texts(report)
    assert said[0][0].startswith("RESEARCH USE ONLY")
    assert ("Probability of pneumonia", 0.75) in said
    assert ("Probability of normal", 0.25) in said
    assert ("Decision by threshold, not a diagnosis", "Pneumonia") in said
    assert ("Algorithm Name", "hilum tiny") in said
    assert ("Algorithm Parameters", f"bundle sha256 {'ab' * 32}") in said
    assert ("Algorithm Parameters", "temperature 1.5 (calibrated)") in said
    rule = "threshold at half: pneumonia if its probability is at least 0.5"
    assert ("Algorithm Parameters", rule) in said
    assert (report.PreliminaryFlag, report.VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    template = report.ContentTemplateSequence[0].TemplateIdentifier
    assert template == "1500"


def test_a_refusal_is_reported_with_reasons_and_without_a_probability(
    make_film, make_reading
) -> None:
    results = make_results(make_film(), make_reading(accepted=False, reasons=[REASON]), when=WHEN)
    assert set(results) == {"sr"}
    said = texts(results["sr"])
    assert ("Comment", f"Refused: {REASON}") in said
    assert ("Input gate", "Refused, not read") in said
    assert not any(isinstance(value, float) for _, value in said)


def test_probabilities_forced_past_the_gate_do_not_reach_the_archive(
    make_film, make_reading
) -> None:
    forced = {"normal": 0.25, "pneumonia": 0.75}
    reading = make_reading(accepted=False, reasons=[REASON], probabilities=forced)
    said = texts(make_results(make_film(), reading, when=WHEN)["sr"])
    assert not any(isinstance(value, float) for _, value in said)


@pytest.mark.parametrize("probability", [float("nan"), float("inf"), -0.1, 1.1])
def test_what_is_no_probability_gives_no_result(make_film, make_reading, probability) -> None:
    reading = make_reading(probabilities={"normal": 0.5, "pneumonia": probability})
    assert make_results(make_film(), reading, when=WHEN) == {}


def test_a_failure_gives_no_result(make_film, make_reading) -> None:
    assert make_results(make_film(), make_reading(error="damaged"), when=WHEN) == {}


def test_the_same_answer_again_has_the_same_uids_and_others_do_not(make_film, make_reading) -> None:
    def uids(film, reading, **values):
        results = make_results(film, reading, when=datetime.now(UTC), **values)
        return {result.SOPInstanceUID for result in results.values()}

    film, reading = make_film(), make_reading()
    other = replace(reading, screening=replace(reading.screening, bundle="cd" * 32))
    first = uids(film, reading)
    assert uids(film, reading) == first
    assert not first & uids(make_film("1.2.3.5"), reading)
    assert not first & uids(film, other)
    assert not first & uids(film, reading, variant="struck out")


def test_what_must_not_be_missed_is_in_the_pixels_whatever_the_overlay(
    make_film, make_reading
) -> None:
    capture = make_results(make_film(), make_reading(), when=WHEN)["capture"]
    pixels = capture.pixel_array
    assert pixels.shape == (388, 640, 3)
    strip = pixels[:88].astype(int)
    amber = (strip[..., 0] > 200) & (strip[..., 2] < 130) & (strip[..., 0] - strip[..., 2] > 90)
    bright = strip.min(axis=2) > 180
    assert amber[4:34].sum() > 300  # the notice
    assert bright[36:60].sum() > 300  # the class, its probability and the decision
    assert (pixels[88:, 190:450] == 90).all()


def test_the_strip_changes_with_class_probability_and_bundle(make_reading) -> None:
    reading = make_reading()
    other = make_reading(probabilities={"normal": 0.24, "pneumonia": 0.76})
    assert (captured_picture(reading)[:88] != captured_picture(other)[:88]).any()
    screening = replace(reading.screening, bundle="cd" * 32)
    moved = replace(reading, screening=screening)
    assert (captured_picture(reading)[:88] != captured_picture(moved)[:88]).any()


@pytest.mark.parametrize("overlay", [np.zeros((9, 9), np.uint8), np.zeros((9, 9, 3), np.float32)])
def test_an_overlay_of_another_form_is_refused(make_reading, overlay) -> None:
    with pytest.raises(ValueError, match="uint8 of shape"):
        captured_picture(replace(make_reading(), overlay=overlay))


def test_a_capture_without_an_answer_is_refused(make_reading) -> None:
    with pytest.raises(ValueError, match="needs an answer"):
        captured_picture(make_reading(accepted=False, reasons=[REASON]))


def test_a_film_without_uids_gets_no_result(make_film, make_reading) -> None:
    film = make_film()
    del film.StudyInstanceUID
    with pytest.raises(DataError, match="a UID as StudyInstanceUID"):
        make_results(film, make_reading(), when=WHEN)


@pytest.mark.parametrize("name", ["山田^太郎=山田^太郎=やまだ^たろう", "قباني^لنزار",
                                  "<img src=x>^=HYPERLINK()", "Single", ""])  # fmt: skip
def test_names_stand_in_the_results_as_on_the_film(make_film, make_reading, tmp_path, name) -> None:
    film = make_film(PatientName=name)
    for file in write_results(film, make_reading(), tmp_path, when=WHEN):
        written = dcmread(file.path)
        assert str(written.PatientName).rstrip("^") == name
        assert written.SOPInstanceUID == file.sop_uid


BARE = ("PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "StudyID", "AccessionNumber",
        "PatientName", "PatientID", "ReferringPhysicianName", "Modality")  # fmt: skip


def films(make_film):
    bare = make_film()
    for keyword in BARE:
        del bare[keyword]
    odd = make_film(PatientSex="X", BurnedInAnnotation="MAYBE", IssuerOfPatientID="HOSPITAL",
                    PatientOrientation=["L", "F"])  # fmt: skip
    japanese = make_film(PatientName="Yamada^Tarou=山田^太郎=やまだ^たろう")
    return {"plain": make_film(), "bare": bare, "odd": odd, "japanese": japanese}


@pytest.mark.parametrize("kind", ["plain", "bare", "odd", "japanese"])
@pytest.mark.parametrize("accepted", [True, False])
def test_an_independent_validator_finds_no_error(
    make_film, make_reading, tmp_path, *, kind, accepted
) -> None:
    if shutil.which("dciodvfy") is None:
        pytest.skip("no dciodvfy: install Debian's dicom3tools")
    reading = make_reading(accepted=accepted, reasons=() if accepted else [REASON])
    written = write_results(films(make_film)[kind], reading, tmp_path, when=WHEN)
    assert len(written) == (2 if accepted else 1)
    for file in written:
        said = subprocess.run(["dciodvfy", file.path], capture_output=True, text=True, check=False)
        errors = [line for line in said.stderr.splitlines() if line.startswith("Error")]
        assert errors == []
        assert any(iod in said.stderr for iod in ("Comprehensive3DSR", "SCImage"))
