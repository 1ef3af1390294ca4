"""Reading tables that other people's models wrote, and naming every fault with its row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum.errors import PredictionsError
from hilum.evaluation import Predictions

HEAD = "image,patient_id,label,source,normal,covid\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "predictions.csv"


def refused(file: Path, text: str | bytes, **options: object) -> PredictionsError:
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(PredictionsError, match=file.name) as caught:
        Predictions.read(file, **options)  # type: ignore[arg-type]
    return caught.value


def test_a_good_table_is_read(file: Path) -> None:
    file.write_text(HEAD + "a.png,1,normal,x,0.9,0.1\nb.png,2,covid,y,0.25,0.75\n")
    found = Predictions.read(file)
    assert found.classes == ("normal", "covid")
    assert found.labels.tolist() == [0, 1]
    assert found.sources is not None
    assert found.sources.tolist() == ["x", "y"]
    np.testing.assert_array_equal(found.probabilities, [[0.9, 0.1], [0.25, 0.75]])


def test_excels_mark_line_ends_blank_rows_and_blanks_do_no_harm(file: Path) -> None:
    text = "image, patient_id, label, a, b\r\nx.png, 7, a, 1, 0\r\n\r\n,,,,\r\n"
    file.write_bytes(b"\xef\xbb\xbf" + text.encode())
    found = Predictions.read(file)
    assert found.classes == ("a", "b")
    assert found.patient_ids.tolist() == ["7"]


def test_columns_of_a_manifest_are_no_probabilities(file: Path) -> None:
    file.write_text("image,patient_id,label,split,view,age,a,b,model\nx,1,a,test,PA,63,1,0,v2\n")
    assert Predictions.read(file, ignore=["model"]).classes == ("a", "b")


def test_a_single_column_with_labels_0_and_1_is_the_positive_class(file: Path) -> None:
    file.write_text("image,patient_id,label,probability\na,1,1,0.8\nb,2,0,0.3\n")
    found = Predictions.read(file)
    assert found.classes == ("0", "1")
    np.testing.assert_allclose(found.probabilities, [[0.2, 0.8], [0.7, 0.3]])
    assert found.labels.tolist() == [1, 0]


def test_a_single_column_with_names_needs_the_positive_class(file: Path) -> None:
    text = "image,patient_id,label,probability\na,1,covid,0.8\nb,2,normal,0.3\n"
    error = refused(file, text)
    assert "labels covid, normal: say which class it is the probability of" in str(error)
    assert Predictions.read(file, positive="covid").classes == ("normal", "covid")


def test_a_single_column_named_like_a_label_is_that_class(file: Path) -> None:
    file.write_text("image,patient_id,label,covid\na,1,covid,0.8\nb,2,normal,0.3\n")
    found = Predictions.read(file)
    assert found.classes == ("normal", "covid")
    assert found.labels.tolist() == [1, 0]


def test_a_single_column_with_one_class_present_names_the_other(file: Path) -> None:
    file.write_text("image,patient_id,label,p\na,1,covid,0.8\n")
    assert Predictions.read(file, positive="covid").classes == ("not covid", "covid")


def test_a_single_column_cannot_stand_for_three_classes(file: Path) -> None:
    text = "image,patient_id,label,p\na,1,x,0.8\nb,2,y,0.3\nc,3,z,0.3\n"
    error = refused(file, text, positive="x")
    assert "one probability column needs two classes, got labels x, y, z" in str(error)


def test_positive_must_be_one_of_the_labels(file: Path) -> None:
    text = "image,patient_id,label,p\na,1,covid,0.8\nb,2,normal,0.3\n"
    assert "one probability column needs two classes" in str(refused(file, text, positive="Covid"))
    error = refused(file, HEAD + "a,1,covid,x,0.5,0.5\n", positive="flu")
    assert "a positive class needs two classes, one of them 'flu', got normal, covid" in str(error)


def test_logits_are_named_with_their_rows(file: Path) -> None:
    error = refused(file, HEAD + "a,1,normal,x,2.5,-1.5\nb,1,covid,x,0.5,0.5\nc,1,covid,x,-3,4\n")
    assert [line.split(":")[0] for line in error.problems] == ["row 2", "row 2", "row 4", "row 4"]
    assert "these look like logits; pass them through softmax or sigmoid first" in str(error)


def test_percentages_are_suspected(file: Path) -> None:
    assert "percentages (divide by 100)" in str(refused(file, HEAD + "a,1,normal,x,95,5\n"))


def test_rows_that_do_not_sum_to_one_are_named(file: Path) -> None:
    error = refused(file, HEAD + "a,1,normal,x,0.5,0.5005\nb,1,covid,x,0.8,0.7\n")
    assert error.problems == ("row 3: the probabilities sum to 1.5, not to 1 (within 0.001)",)


def test_every_kind_of_fault_is_listed_at_once(file: Path) -> None:
    rows = "a,1,normal,x,0.9,0.1\na,2,covid,x,0.2,0.8\n,3,covid,x,0.1,0.9\nd,4,covd,x,0.1,0.9\n"
    error = refused(file, HEAD + rows)
    assert error.problems == (
        "row 4: image is empty",
        "row 3: the image 'a' stands in row 2 already",
        "row 5: unknown label 'covd'. Did you mean 'covid'?",
    )


@pytest.mark.parametrize("value", ["nan", "inf", "", "0,5", "high"])
def test_what_is_not_a_number_is_refused(file: Path, value: str) -> None:
    rows = f'a,1,normal,x,0.9,0.1\nb,2,covid,x,0.2,"{value}"\n'
    assert "row 3: 'covid' is" in str(refused(file, HEAD + rows))
    assert "not a number" in str(refused(file, HEAD + rows))


def test_a_column_of_text_is_refused_with_what_to_do(file: Path) -> None:
    error = refused(file, "image,patient_id,label,a,b,notes\nx,1,a,1,0,sharp\ny,1,a,1,0,blurred\n")
    assert "the column 'notes' holds no numbers, first 'sharp'" in str(error)
    assert "remove it, or name it with `ignore` (--ignore NAME)" in str(error)


def test_missing_and_doubled_columns_are_named(file: Path) -> None:
    error = refused(file, "image,score,score\nx,1,0\n")
    patient, label, score = error.problems
    assert patient.startswith("row 1: there is no column 'patient_id'; intervals resample patients")
    assert label == "row 1: there is no column 'label'"
    assert score == "row 1: the column 'score' stands more than once"
    assert "there is no probability column" in str(refused(file, "image,patient_id,label\nx,1,a\n"))
    assert "pandas writes its index so" in str(
        refused(file, ",image,patient_id,label,a\n0,x,1,a,1")
    )
    error = refused(file, HEAD + "a,1,normal,x,1,0\n", ignore=["model"])
    assert "there is no column 'model' to ignore" in str(error)


@pytest.mark.parametrize(("mark", "name"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_other_separators_are_named(file: Path, mark: str, name: str) -> None:
    text = (HEAD + "a,1,normal,x,1,0\n").replace(",", mark)
    assert f"cells are separated by {name}; save the file with commas" in str(refused(file, text))


def test_other_encodings_are_named(file: Path) -> None:
    text = HEAD + "a,1,normal,Universität,1,0\n"
    assert "not UTF-8 text: byte 0xe4 in row 2" in str(refused(file, text.encode("latin-1")))
    assert "It may be Latin-1 or UTF-16" in str(refused(file, text.encode("utf-16")))


@pytest.mark.parametrize("text", ["", " \n\n", "\n,,,\n", "\ufeff"])
def test_an_empty_file_is_refused(file: Path, text: str) -> None:
    assert "is empty" in str(refused(file, text))


def test_a_header_alone_is_refused(file: Path) -> None:
    assert "has a header and no rows" in str(refused(file, HEAD))


def test_ragged_rows_are_named(file: Path) -> None:
    error = refused(file, HEAD + "a,1,normal,x,1,0\nb,1,normal,x,1\n")
    assert error.problems == ("row 3: expected 6 cells like the header, got 5",)


def test_an_unfinished_quote_is_refused(file: Path) -> None:
    assert "is not a CSV file" in str(refused(file, HEAD + 'a,1,"normal,x,1,0\n'))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PredictionsError, match=r"Cannot read the predictions .*No such file"):
        Predictions.read(tmp_path / "none.csv")
