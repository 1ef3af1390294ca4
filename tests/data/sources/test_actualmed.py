"""The Actualmed set: its published list, and lists gone wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from hilum.data.sources import Listing, Request, build, sources
from hilum.errors import HilumError

HEADER = (
    "patientid,offset,sex,age,finding,survival,temperature,pO2 saturation,view,modality,imagename,"
    "artifacts/distortion,notes"
)


def row(patient: str, finding: str, view: str, name: str) -> str:
    """A row as published, with its comma in the notes."""
    return f'{patient},,,,{finding},,,,{view},X-ray,{name},,"x, date taken (YYYYMMDD): 20200313"'


ROWS = (
    row("ANON1", "COVID-19", "PA", "CR.1.png"),
    row("ANON1", "No finding", "AP", "CR.2.png"),
    row("ANON2", "", "PA", "CR.3.png"),
    row("ANON3", "COVID-19", "L", "DX.4.png"),
    row("ANON1", "COVID-19", "PA", "CR.1.png"),
)


def write(folder: Path, *rows: str, end: str = "\r\n") -> Path:
    path = folder / "metadata.csv"
    path.write_bytes(end.join((*rows, "")).encode())
    return path


def listing(folder: Path) -> Listing:
    return sources.create("actualmed").listing(Request(labels=folder))


def test_the_published_list_has_the_counts_that_were_published(shared_data: Path) -> None:
    made = listing(shared_data / "formats")
    assert dict(made.frame["label"].value_counts().iter_rows()) == {"covid": 58, "normal": 127}
    assert (made.listed, [out.count for out in made.left_out]) == (238, [53])
    assert "ANON191" in made.notes[0]


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_rows_are_kept_or_left_out_with_a_reason(tmp_path: Path, end: str) -> None:
    write(tmp_path, HEADER, *ROWS, end=end)
    made = listing(tmp_path)
    wanted = made.frame.select("file", "patient_id", "label", "view", "study_date").rows()
    assert wanted == [
        ("images/CR.1.png", "ANON1", "covid", "PA", "20200313"),
        ("images/CR.2.png", "ANON1", "normal", "AP", "20200313"),
    ]
    assert {out.reason: out.examples for out in made.left_out} == {
        "the view is not frontal, or not given": ("row 5: DX.4.png",),
        "the finding is blank: the test was inconclusive": ("row 4: CR.3.png",),
        "listed again": ("row 6: CR.1.png",),
    }


def test_it_builds_against_files_of_these_names(tmp_path: Path) -> None:
    write(tmp_path, HEADER, *ROWS)
    (tmp_path / "images").mkdir()
    for name in ("CR.1.png", "CR.3.png", "SAMPLE.png"):
        (tmp_path / "images" / name).touch()
    built = build("actualmed", Request(root=tmp_path))
    assert built.manifest.frame["path"].to_list() == ["images/CR.1.png"]
    assert built.reconciliation.missing == (("images/CR.2.png", "actualmed"),)
    assert built.reconciliation.extra == ("images/SAMPLE.png",)


def test_a_missing_column_is_named_with_the_file(tmp_path: Path) -> None:
    write(tmp_path, HEADER.replace("imagename", "picture"), *ROWS)
    with pytest.raises(HilumError, match=r"metadata\.csv: expected a column 'imagename'"):
        listing(tmp_path)


def test_a_file_cut_short_names_the_row(tmp_path: Path) -> None:
    path = write(tmp_path, HEADER, *ROWS)
    path.write_bytes(path.read_bytes()[:-70])
    with pytest.raises(HilumError, match=r"(?s)metadata\.csv cannot be read as a table.*row 6"):
        listing(tmp_path)


@pytest.mark.parametrize("cut", [3, 20, 48, 60, 100, 139])
def test_the_published_list_cut_within_its_last_row_is_refused(
    shared_data: Path, tmp_path: Path, cut: int
) -> None:
    whole = (shared_data / "formats" / "actualmed_metadata.csv").read_bytes()
    (tmp_path / "metadata.csv").write_bytes(whole[:-cut])
    with pytest.raises(HilumError, match=r"(?s)metadata\.csv cannot be read.*row 239"):
        listing(tmp_path)


def test_a_list_that_lost_whole_rows_differs_from_the_published_counts(
    shared_data: Path, tmp_path: Path
) -> None:
    whole = (shared_data / "formats" / "actualmed_metadata.csv").read_bytes()
    (tmp_path / "metadata.csv").write_bytes(b"\r\n".join(whole.split(b"\r\n")[:-5]))
    record = build("actualmed", Request(labels=tmp_path), lists_only=True).reconciliation
    assert any(
        line.endswith("says 238 rows, 127 normal; the lists hold 234 and 125")
        for line in record.published
    )


def test_a_quote_never_closed_is_refused(tmp_path: Path) -> None:
    write(tmp_path, HEADER, ROWS[0].removesuffix('"'), *ROWS[1:])
    with pytest.raises(HilumError, match=r"metadata\.csv cannot be read as a table"):
        listing(tmp_path)
