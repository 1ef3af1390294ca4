"""De-identification: nothing of the person is left, and what was done is said."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.datadict import DicomDictionary, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag
from typer.testing import CliRunner

from hilum.cli import app
from hilum.errors import DataError
from hilum.serve.node.deidentify import DeidentifyOptions, deidentify
from hilum.serve.node.deidentify_files import deidentify_files, find_dicom
from hilum.serve.node.uids import is_our_uid

KEY = b"k" * 32
LEAK = "LEAKED"
TEXT = ("SH", "LO", "ST", "LT", "UT", "UC", "UR", "PN", "AE")
DESCRIBES_NO_PERSON = {
    "AlgorithmName", "AlgorithmVersion", "CodeMeaning", "CodeValue", "CodingSchemeDesignator",
    "CodingSchemeName", "CodingSchemeVersion", "LUTExplanation", "LongCodeValue", "Manufacturer",
    "ManufacturerModelName", "RescaleType", "SoftwareVersions", "WindowCenterWidthExplanation",
    "PixelIntensityRelationship",
}  # fmt: skip


def options(**values) -> DeidentifyOptions:
    return DeidentifyOptions(key=KEY, **values)


def written(dataset) -> bytes:
    dataset.file_meta = getattr(dataset, "file_meta", None) or Dataset()
    buffer = io.BytesIO()
    dataset.save_as(buffer, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def text_elements():
    """Yield every text element of the standard that may name somebody, filled."""
    for number, (vr, *_) in DicomDictionary.items():
        tag = Tag(number)
        keyword = keyword_for_tag(tag)
        if vr in TEXT and tag.group > 8 - 1 and keyword and keyword not in DESCRIBES_NO_PERSON:
            yield DataElement(tag, vr, LEAK)


@pytest.mark.filterwarnings("ignore:.*")
def test_no_text_of_the_standard_passes_at_any_depth(make_film) -> None:
    film = make_film()
    nested = Dataset()
    count = 0
    for element in text_elements():
        film.add(element)
        nested.add(element)
        count += 1
    film.AnatomicRegionSequence = [nested]
    nested.ViewCodeSequence = [Dataset()]
    nested.ViewCodeSequence[0].PatientComments = LEAK
    block = film.private_block(0x0011, LEAK, create=True)
    block.add_new(1, "LO", LEAK)
    film.add_new(0x60000022, "LO", LEAK)
    film.add_new(0x60003000, "OB", LEAK.encode())
    film.add_new(0x50003000, "OW", LEAK.encode())
    assert count > 700
    clean = deidentify(film, options())
    assert LEAK.encode() not in written(clean)
    assert LEAK.encode() in written(film)


def test_who_and_when_is_gone_and_pixels_are_as_they_were(make_film) -> None:
    film = make_film(PatientAge="070Y", PatientWeight=80, OtherPatientIDs="P-9",
                     InstitutionName="St. Elsewhere", ContentDate="20240102")  # fmt: skip
    clean = deidentify(film, options())
    data = written(clean)
    for word in (b"PHANTOM", b"P-1", b"P-9", b"19500101", b"20240102", b"101112", b"Elsewhere",
                 b"A-1", b"070Y", film.SOPInstanceUID.encode() + b"\0"):  # fmt: skip
        assert word not in data
    assert clean.PixelData == film.PixelData
    assert (clean.PatientBirthDate, clean.PatientSex, clean.StudyDate) == ("", "", "")
    assert (clean.Rows, clean.Modality, clean.SOPClassUID) == (64, "DX", film.SOPClassUID)


def codes(dataset):
    return [item.CodeValue for item in dataset.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize(
    ("values", "expected", "time"),
    [({}, ["113100"], "REMOVED"), ({"dates": "keep"}, ["113100", "113106"], "UNMODIFIED"),
     ({"dates": "shift", "shift_days": -40}, ["113100", "113107"], "MODIFIED"),
     ({"characteristics": True}, ["113100", "113108"], "REMOVED"),
     ({"blank_top": 4}, ["113100", "113101"], "REMOVED")],
)  # fmt: skip
def test_what_was_done_is_coded(make_film, values, expected, time) -> None:
    clean = deidentify(make_film(), options(**values))
    assert clean.PatientIdentityRemoved == "YES"
    assert codes(clean) == expected
    assert clean.LongitudinalTemporalInformationModified == time
    assert clean.DeidentificationMethod.startswith("hilum")


def test_dates_are_shifted_together_and_times_kept(make_film) -> None:
    film = make_film(SeriesDate="20240301", AcquisitionDateTime="20240102101112.5")
    clean = deidentify(film, options(dates="shift", shift_days=-40))
    assert (clean.StudyDate, clean.SeriesDate) == ("20231123", "20240121")
    assert (clean.AcquisitionDateTime, clean.StudyTime) == ("20231123101112.5", "101112")
    assert clean.PatientBirthDate == ""


@pytest.mark.filterwarnings("ignore:Invalid value for VR DA")
@pytest.mark.parametrize("odd", ["2024", "20241399", "99991231"])
def test_dates_that_cannot_be_shifted_are_removed(make_film, odd) -> None:
    clean = deidentify(make_film(StudyDate=odd), options(dates="shift", shift_days=40))
    assert clean.StudyDate == ""


def test_a_study_stays_together_under_one_key_and_under_no_other(make_film) -> None:
    first, second = make_film("1.2.1"), make_film("1.2.2", ReferencedSOPInstanceUIDInFile="1.2.1")
    one, two = deidentify(first, options()), deidentify(second, options())
    other = deidentify(first, DeidentifyOptions())
    assert one.StudyInstanceUID == two.StudyInstanceUID != other.StudyInstanceUID
    assert one.PatientID == two.PatientID != other.PatientID
    assert two.ReferencedSOPInstanceUIDInFile == one.SOPInstanceUID != two.SOPInstanceUID
    assert not is_our_uid(one.SOPInstanceUID)


def test_characteristics_are_kept_if_asked_for(make_film) -> None:
    film = make_film(PatientAge="070Y")
    clean = deidentify(film, options(characteristics=True))
    assert (clean.PatientSex, clean.PatientAge) == ("F", "070Y")


def test_names_in_the_pixels_are_refused_or_blanked(make_film) -> None:
    film = make_film(BurnedInAnnotation="YES")
    with pytest.raises(DataError, match="--blank-top"):
        deidentify(film, options())
    clean = deidentify(film, options(blank_top=5, blank_bottom=3))
    pixels = np.frombuffer(clean.PixelData, "<u2").reshape(64, 64)
    before = film.pixel_array
    assert (pixels[:5] == before.min()).all()
    assert (pixels[61:] == before.min()).all()
    assert (pixels[5:61] == before[5:61]).all()
    assert clean.BurnedInAnnotation == "NO"


def test_blanked_rows_are_black_on_an_inverted_film_too(make_film) -> None:
    film = make_film(PhotometricInterpretation="MONOCHROME1")
    clean = deidentify(film, options(blank_top=5))
    pixels = np.frombuffer(clean.PixelData, "<u2").reshape(64, 64)
    assert (pixels[:5] == film.pixel_array.max()).all()


def test_a_screen_capture_that_does_not_say_is_refused(make_film) -> None:
    film = make_film(sop_class="1.2.840.10008.5.1.4.1.1.7")
    del film.BurnedInAnnotation
    with pytest.raises(DataError, match="screen capture"):
        deidentify(film, options())


def test_other_classes_are_refused(make_film) -> None:
    with pytest.raises(DataError, match="expected one of Computed Radiography"):
        deidentify(make_film(sop_class="1.2.840.10008.5.1.4.1.1.2"), options())


@pytest.mark.parametrize(
    ("values", "message"),
    [({"key": b"short"}, "at least 16 bytes"), ({"dates": "shift"}, "shift_days"),
     ({"shift_days": 3}, "shift_days"), ({"blank_top": -1}, "below 0")],
)  # fmt: skip
def test_options_that_make_no_sense_are_refused(values, message) -> None:
    with pytest.raises(ValueError, match=message):
        DeidentifyOptions(**values)


def test_rows_that_are_not_there_cannot_be_blanked(make_film) -> None:
    with pytest.raises(DataError, match="cannot be blanked"):
        deidentify(make_film(), options(blank_top=40, blank_bottom=24))


def test_reports_keep_their_numbers_and_lose_their_words(make_film, make_reading) -> None:
    pytest.importorskip("highdicom")
    from datetime import UTC, datetime

    from hilum.serve.node.results import make_results

    report = make_results(make_film(), make_reading(), when=datetime.now(UTC))["sr"]
    clean = deidentify(report, options())
    data = written(clean)
    assert b"PHANTOM" not in data
    assert b"Probability of pneumonia" in data
    assert b"0.75" in data
    assert b"temperature" not in data


@pytest.fixture
def folder(tmp_path, make_film):
    place = tmp_path / "in"
    place.mkdir()
    make_film("1.2.1").save_as(place / "Meier_Anna.dcm", enforce_file_format=True)
    make_film("1.2.2", BurnedInAnnotation="YES").save_as(
        place / "burned.dcm", enforce_file_format=True
    )
    (place / "note.txt").write_text("no film")
    return place


def test_files_are_named_by_their_new_uids_and_what_is_wrong_stops_none(folder, tmp_path) -> None:
    out = tmp_path / "out"
    done = deidentify_files(find_dicom([folder]), out, options())
    assert [one.error is None for one in done] == [True, False]
    assert [path.stem for path in out.iterdir()] == [dcmread(done[0].path).SOPInstanceUID]
    assert done[0].path.read_bytes()[:128] == b"\0" * 128


def test_a_clean_file_is_never_overwritten(folder, tmp_path) -> None:
    sources = [folder / "Meier_Anna.dcm"]
    deidentify_files(sources, tmp_path, options())
    again = deidentify_files(sources, tmp_path, options())
    assert "is there already" in again[0].error


def test_the_command_says_how_many_and_ends_with_3_where_some_were_refused(
    folder, tmp_path
) -> None:
    key = tmp_path / "key"
    key.write_bytes(KEY)
    done = CliRunner().invoke(
        app, ["deidentify", str(folder), "--out", str(tmp_path / "out"), "--key", str(key)]
    )
    assert done.exit_code == 3
    assert "1 de-identified, 1 refused" in done.stdout


@pytest.mark.parametrize("wrong", [["--keep-dates", "--shift-days", "3"], ["--key", "SHORT"]])
def test_the_command_refuses_what_makes_no_sense(folder, tmp_path, wrong) -> None:
    (tmp_path / "SHORT").write_bytes(b"1")
    arguments = [str(tmp_path / "SHORT") if word == "SHORT" else word for word in wrong]
    done = CliRunner().invoke(app, ["deidentify", str(folder), "--out", "x", *arguments])
    assert done.exit_code == 2
