"""Tables from CSV, YAML and evaluations, and all that can be wrong with them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from hilum.errors import DataError
from hilum.evaluation import Predictions, evaluate
from hilum.evaluation.published import check_tables, read_tables, table_of_evaluation
from hilum.report.folder import write_evaluation

Maker = Callable[..., Predictions]

GOOD = """name,n_positive,n_negative,accuracy,recall,auroc
one,200,200,0.905,0.815,0.97
two,200,200,-,0.845,
three,100,200,91.0,0.5,
"""


def write(folder: Path, text: str, name: str = "t.csv") -> Path:
    (folder / name).write_text(text, encoding="utf-8")
    return folder / name


def test_rows_with_equal_counts_are_one_table(tmp_path: Path) -> None:
    first, second = read_tables(write(tmp_path, GOOD.replace("91.0", "0.910")))
    assert [row.name for row in first.rows] == ["one", "two"]
    assert second.counts.images == (100, 200)
    assert set(first.rows[1].printed) == {"recall"}


def test_a_column_with_a_number_above_one_is_in_percent(tmp_path: Path) -> None:
    text = "name,n_a,n_b,accuracy,recall_a\nx,9,9,100,0.7\ny,9,9,0.5,0.3\n"
    (table,) = read_tables(write(tmp_path, text))
    assert table.rows[1].printed["accuracy"].value == pytest.approx(0.005)
    assert table.rows[1].printed["recall_a"].value == pytest.approx(0.3)


def test_a_repeated_name_is_told_apart_by_its_row(tmp_path: Path) -> None:
    text = "name,n_a,n_b,accuracy\nx,9,9,1\nx,9,9,1\n"
    (table,) = read_tables(write(tmp_path, text))
    assert [row.name for row in table.rows] == ["x", "x (row 3)"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty. Columns: name, n_positive"),
        ("name,n_a,n_b,accuracy\n", "no rows below the header"),
        ("n_a,n_b,accuracy\n9,9,1\n", "there is no column 'name'"),
        ("name,accuracy\nx,1\n", "expected the images of every class, got none"),
        ("name,n_a,accuracy\nx,9,1\n", "expected the images of every class, got only 'n_a'"),
        ("name,n_a,n_b,acuracy\nx,9,9,1\n", "row 2, column acuracy: .* Did you mean 'accuracy'"),
        ("name,n_a,n_b,recall\nx,9,9,1\n", "row 2, column recall: say which class"),
        ("name,n_a,n_b,accuracy\nx,9,,1\n", "row 2, column n_b: expected how many images"),
        ("name,n_a,n_b,accuracy\nx,9,9.5,1\n", "row 2, column n_b: .* got '9.5'"),
        ("name,n_a,n_b,accuracy\nx,9,9,good\n", "row 2, column accuracy: expected a number"),
        ("name,n_a,n_b,accuracy\nx,9,9,130\n", "row 2, column accuracy: expected percent from 0"),
        ("name,n_a,n_b,accuracy\nx,9,9,-0.1\n", "row 2, column accuracy: expected a share from 0"),
        ("name,n_a,n_b,accuracy\nx,9,9\n", "row 2: expected 4 cells like the header, got 3"),
        ("name,n_a,n_b,mcc,mcc\nx,9,9,0,0\n", "row 1: the column 'mcc' stands there more than"),
        ('name,n_a,n_b,mcc\n"x,9,9,0\n', "is not a CSV file"),
    ],
)  # fmt: skip
def test_a_faulty_table_is_refused_with_its_row_and_column(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        read_tables(write(tmp_path, text))


def test_every_fault_is_reported_at_once(tmp_path: Path) -> None:
    text = "name,n_a,n_b,accuracy,f1_a\nx,9,0,much,1\ny,9,9,1,more\n"
    with pytest.raises(
        DataError, match="(?s)row 2, column n_b.*row 2, column acc.*row 3, column f"
    ):
        read_tables(write(tmp_path, text))


YAML = """title: t
tables:
  - name: I
    counts: {covid: 31, normal: 100}
    positive: covid
    rows:
      - name: x
        printed: {recall: 0.90, accuracy: 95.0 %}
        confusion: [[28, 3], [4, 96]]
"""


def test_digits_of_a_yaml_number_are_kept(tmp_path: Path) -> None:
    (table,) = read_tables(write(tmp_path, YAML, "t.yaml"))
    assert table.rows[0].printed["recall"].text == "0.90"
    assert table.rows[0].confusion == ((28, 3), (4, 96))
    assert table.counts.positive == 0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("title: t\n", "titel: t\n", "'titel' is not known. Did you mean 'title'"),
        ("recall: 0.90", "recal: 0.90", "I, row 'x', column recal: .* Did you mean 'recall'"),
        ("recall: 0.90", "recall: high", "I, row 'x', column recall: expected a number"),
        ("normal: 100", "normal: many", "I, counts, normal: expected how many images"),
        ("positive: covid", "positive: flu", "I, positive: expected one of two classes"),
        ("positive: covid", "unit: permille", "I, unit: expected percent or share"),
        ("[28, 3]", "[28]", "I, row 'x', confusion: expected 2 lists of 2 whole numbers"),
        ("      - name: x\n        printed", "      - printed", "I: a row has no name"),
        ("printed: {", "printed: [", "not valid YAML"),
        ("    counts: {covid: 31, normal: 100}\n    positive: covid\n", "",
         "I, counts: expected names with values, got nothing"),
        ("title: t", "title: t\ntitle: u", "'title' stands twice"),
    ],
)  # fmt: skip
def test_a_faulty_yaml_is_refused_with_its_table_row_and_column(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in YAML
    with pytest.raises(DataError, match=message):
        read_tables(write(tmp_path, YAML.replace(old, new), "t.yaml"))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("t.xlsx", b"x", "Expected a table ending in .csv, .yaml or .json"),
        ("t.csv", b"\xff\xfe", "is not UTF-8 text"),
        ("t.json", b"{}", "is not an evaluation.json that `hilum evaluate` wrote"),
        ("t.json", b"[", "is not an evaluation.json that `hilum evaluate` wrote"),
    ],
)
def test_a_file_of_another_kind_is_refused(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_tables(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="Cannot read the table .*nothing.csv: No such file"):
        read_tables(tmp_path / "nothing.csv")


@pytest.mark.parametrize(("k", "decimals"), [(2, 3), (3, 3), (4, 2)])
def test_the_rounded_figures_of_an_evaluation_are_always_possible(
    make_predictions: Maker, k: int, decimals: int
) -> None:
    evaluation = evaluate(make_predictions(n=150, k=k, seed=k), resamples=0)
    table = table_of_evaluation(evaluation.to_dict(), name="own", decimals=decimals)
    report = check_tables([table])
    assert len(table.rows[0].printed) >= 8 + 5 * k - k
    assert report.rows[0].possible is True
    assert not report.failed


def test_a_written_evaluation_is_read_from_its_folder_and_a_changed_figure_is_found(
    tmp_path: Path, make_predictions: Maker
) -> None:
    predictions = make_predictions(n=90, k=2, seed=5)
    write_evaluation(tmp_path, predictions, evaluate(predictions, resamples=20))
    assert not check_tables(read_tables(tmp_path)).failed
    values = json.loads((tmp_path / "evaluation.json").read_text(encoding="utf-8"))
    values["metrics"]["accuracy"]["estimate"] += 0.004
    (tmp_path / "evaluation.json").write_text(json.dumps(values), encoding="utf-8")
    assert check_tables(read_tables(tmp_path / "evaluation.json")).failed
