from __future__ import annotations

from collections.abc import Callable

import pytest

from hilum.data.lint import Finding

Found = Callable[..., dict[str, Finding]]
N = 240
STONYBROOK = "A416909-02-27-1901-NA-{}-04091-5.000000-AP-01545-1-1.jpg"


def named(*first: str) -> list[str]:
    return [*first, *(f"{i}.png" for i in range(N - len(first)))]


@pytest.mark.parametrize(
    "exam", ["FLAT_PLATE_OF_ABDOMEN_PORTABLE", "ABD_SERIES", "KUB", "Left-Knee", "skull", "HIP_2V"]
)
def test_a_name_that_says_another_part_of_the_body_is_an_error(found: Found, exam: str) -> None:
    finding = found(original=named(STONYBROOK.format(exam)))["H501"]
    assert (finding.count, finding.rows) == (1, (2,))
    assert finding.severity == "error"
    assert exam in finding.examples[1]


@pytest.mark.parametrize(
    "name",
    [
        STONYBROOK.format("CHEST_AP_PORT_CENTRAL_LINE_PL"),
        "003d8fa0-6bf1-40ed-abdb-1abd.png",
        "legionella-pneumonia-1.png",
        "covid-19-infection-exclusive-gastrointestinal-symptoms-pa.png",
        "1.CXRCTThoraximagesofCOVID-19fromSingapore.pdf-000-fig1a.png",
        "covid-19-pneumonia-bilateral.jpg",
        "handsome.png",
    ],
)
def test_a_name_that_says_none_is_left_alone(found: Found, name: str) -> None:
    assert not [code for code in found(original=named(name)) if code.startswith("H5")]


def test_folders_are_not_names(found: Found) -> None:
    paths = [f"hand-picked/legs/{i}.png" for i in range(N)]
    assert "H501" not in found(path=paths)


def test_descriptions_are_read_as_well(found: Found) -> None:
    described = ["ABDOMEN AP", *["CHEST PA"] * (N - 1)]
    finding = found(StudyDescription=described)["H501"]
    assert finding.examples[-1] == "row 2: ABDOMEN AP"


def test_views_that_are_not_frontal_are_a_warning(found: Found) -> None:
    finding = found(view=["L", "lateral", *["AP supine", "PA"] * (N // 2 - 1)])["H502"]
    assert (finding.count, finding.severity) == (2, "warning")
    assert "L 1" in finding.title


def test_a_name_that_says_lateral_is_a_warning(found: Found) -> None:
    finding = found(original=named("case_12_lateral.png"))["H503"]
    assert finding.title == "1 image whose name says it is not frontal (lateral 1)"


def test_another_modality_is_an_error(found: Found) -> None:
    finding = found(modality=["CT", *["X-ray", "DX"] * (N // 2 - 1), "cr"])["H504"]
    assert (finding.count, finding.severity) == (1, "error")


def test_a_name_that_says_ct_is_a_warning(found: Found) -> None:
    assert found(original=named("patient-3-axial-CT.png"))["H505"].severity == "warning"


def test_some_children_everywhere_are_a_note(found: Found) -> None:
    finding = found(age=[9, 4, *[40] * (N - 2)])["H506"]
    assert finding.severity == "note"
    assert finding.title == "2 images of children under 18 (0.8 % of 240 whose age is known)"


def test_controls_who_are_children_are_an_error(found: Found) -> None:
    label = [("normal", "covid")[i // 4 % 2] for i in range(N)]
    ages = [5 if name == "normal" else 60 for name in label]
    finding = found(label=label, age=ages)["H506"]
    assert finding.severity == "error"
    assert "normal: 100 % children" in finding.examples


def test_a_name_that_says_child_is_a_warning(found: Found) -> None:
    assert found(original=named("pediatric_12.png"))["H507"].count == 1
