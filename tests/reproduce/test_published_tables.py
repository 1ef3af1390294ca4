"""What the four papers printed, and all that is wrong with it, by name."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from hilum.errors import ConfigError
from hilum.evaluation.published import Report, check_tables
from hilum.evaluation.published.verdict import Finding
from hilum.reproduce import PAPERS
from hilum.reproduce.published_tables import PUBLISHED, Figure, published

P2 = ("AlexNet", "VGG16", "ResNet50", "DenseNet121", "InceptionV3")


@pytest.fixture(scope="module")
def reports() -> Mapping[str, Report]:
    return {paper: check_tables(published(paper).tables) for paper in PUBLISHED}


def found(report: Report, row: str, table: str, kind: str | None = None) -> list[Finding]:
    return [
        finding
        for finding in report.findings
        if finding.row == row and table in finding.tables and kind in {None, finding.kind}
    ]


def numbers(report: Report, row: str, table: str) -> set[str]:
    return {n for finding in found(report, row, table, "impossible") for n in finding.numbers}


def test_every_paper_has_its_tables_and_every_network_its_row() -> None:
    assert set(PAPERS) == set(PUBLISHED)
    for name, paper in PAPERS.items():
        tables = published(name)
        assert tables.title
        assert tables.citation
        rows = {row.name for table in tables.tables for row in table.rows}
        named = {n.row for n in paper.networks if n.row} - {"VGG16 with Adam"}  # only a figure
        assert named <= rows


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_printed_is_found_by_the_names_a_paper_is_reproduced_with(name: str) -> None:
    tables = published(name)
    for network in PAPERS[name].networks:
        if network.row and network.row != "VGG16 with Adam":
            printed = [tables.lookup(network.row, metric) for metric in PAPERS[name].metrics]
            assert sum(figure.printed is not None for figure in printed) >= 3


def test_a_figure_is_given_as_printed_and_as_a_share() -> None:
    assert published("p1").lookup("Our COVID-Net", "accuracy") == Figure("86.4 %", 0.84)
    assert published("p1").lookup("Our COVID-Net", "parameters_millions") == ("134.7", 134.51)
    assert published("p4").lookup("DETL", "accuracy") == ("95.3 % ± 0.02", None)
    assert published("p2").lookup("VGG16", "no_such") == (None, None)


def test_an_unknown_paper_is_refused() -> None:
    with pytest.raises(ConfigError, match="There is no paper 'p5'"):
        published("p5")


def test_p1_accuracies_are_no_shares_of_231(reports: Mapping[str, Report]) -> None:
    (ours,) = found(reports["p1"], "Our COVID-Net", "Table 1", "impossible")
    assert "is no k/231" in ours.message
    assert "86.1 (199/231) or 86.6 (200/231)" in ours.message
    assert ours.must_be == {"accuracy": "84.0"}
    assert numbers(reports["p1"], "COVID-Net without rebalancing", "Table 1") == {"accuracy"}


def test_p1_sensitivities_are_no_shares_of_100(reports: Mapping[str, Report]) -> None:
    without = numbers(reports["p1"], "COVID-Net without rebalancing", "Table 2")
    assert without == {"recall_normal", "recall_pneumonia"}
    assert numbers(reports["p1"], "ResNet50", "Table 2") == {"recall_pneumonia"}


def test_p1_copied_row_of_predictive_values(reports: Mapping[str, Report]) -> None:
    (copy,) = found(reports["p1"], "Our COVID-Net", "Table 3", "recall_as_precision")
    assert copy.tables == ("Table 2", "Table 3")
    assert "Here no errors add up to it" in copy.message
    assert len(numbers(reports["p1"], "Our COVID-Net", "Table 3")) == 3


def test_p1_numbers_of_text_and_tables_differ(reports: Mapping[str, Report]) -> None:
    two = [f for f in reports["p1"].across if f.kind == "two_values"]
    assert {(f.row, f.numbers[0]) for f in two} == {
        ("Our COVID-Net", "parameters_millions"),
        ("Our COVID-Net", "precision_normal"),
        ("Linda Wang's COVID-Net", "parameters_millions"),
    }


def test_p1_predictive_values_of_resnet50_fit_when_two_classes_are_exchanged(
    reports: Mapping[str, Report],
) -> None:
    (finding,) = found(reports["p1"], "ResNet50", "Table 3", "contradiction")
    assert finding.slips == ("other_class",)


def test_p1_row_of_wang_is_possible(reports: Mapping[str, Report]) -> None:
    rows = [row for row in reports["p1"].rows if row.row == "Linda Wang's COVID-Net"]
    assert [row.possible for row in rows] == [True] * 4
    wrong = [f for f in reports["p1"].findings if f.row == "Linda Wang's COVID-Net"]
    assert [f.kind for f in wrong] == ["two_values"]


def test_p2_vgg16_has_the_row_of_alexnet(reports: Mapping[str, Report]) -> None:
    (wrong,) = found(reports["p2"], "VGG16", "Table III", "contradiction")
    assert wrong.must_be == {"recall_positive": "0.670", "f1_positive": "0.802"}
    (copy,) = found(reports["p2"], "VGG16", "Table III", "same_row")
    assert copy.message.startswith("AlexNet and VGG16 print the same numbers")


def test_p2_inception_he_cannot_be(reports: Mapping[str, Report]) -> None:
    assert numbers(reports["p2"], "InceptionV3 HE", "Table III") == {
        "precision_positive",
        "recall_positive",
    }
    (wrong,) = found(reports["p2"], "InceptionV3 HE", "Table III", "contradiction")
    assert wrong.must_be == {
        "precision_positive": "0.994",
        "recall_positive": "0.855",
        "f1_positive": "0.919",
    }


def test_p2_inception_has_the_numbers_of_the_other_class(reports: Mapping[str, Report]) -> None:
    (wrong,) = found(reports["p2"], "InceptionV3", "Table III", "contradiction")
    assert wrong.must_be == {"precision_positive": "0.970", "recall_positive": "0.980"}
    assert "other_class" in wrong.slips


def test_p2_table_vi_prints_macro_averages(reports: Mapping[str, Report]) -> None:
    (wrong,) = found(reports["p2"], "InceptionV3", "Table VI", "contradiction")
    assert wrong.slips == ("macro",)
    assert wrong.must_be == {"precision_positive": "0.970", "recall_positive": "0.980"}


def test_p2_one_matrix_has_two_macro_precisions(reports: Mapping[str, Report]) -> None:
    (finding,) = [f for f in reports["p2"].across if f.kind == "one_matrix"]
    assert "[[199, 1], [37, 163]]" in finding.message
    assert (finding.row, finding.must_be) == ("AlexNet HE", {"macro_precision": "0.919"})
    (alone,) = found(reports["p2"], "AlexNet HE", "Table IV", "impossible")
    assert "averaged" in alone.slips


def test_p2_alexnet_macro_precision_is_off_by_one_digit(reports: Mapping[str, Report]) -> None:
    (wrong,) = found(reports["p2"], "AlexNet", "Table IV", "contradiction")
    assert wrong.must_be == {"macro_precision": "0.933"}


def test_p2_the_other_rows_raise_nothing(reports: Mapping[str, Report]) -> None:
    faulty = {"AlexNet HE", "AlexNet", "VGG16", "InceptionV3 HE", "InceptionV3"}
    wrong = {f.row for f in reports["p2"].findings if not f.is_remark}
    assert wrong == faulty
    good = {"VGG16 HE", "ResNet50 HE", "ResNet50", "DenseNet121 HE", "DenseNet121",
            "COVID-Net CXR-2"}  # fmt: skip
    rows = [row for row in reports["p2"].rows if row.row in good]
    assert all(row.possible and not row.findings for row in rows)


def test_p3_precision_and_recall_are_exchanged(reports: Mapping[str, Report]) -> None:
    wrong = found(reports["p3"], "VGG16 with SGD", "Section 8.2", "impossible")
    assert wrong[0].slips == ("swapped",)
    assert {k: v for f in wrong for k, v in f.must_be.items()} == {
        "recall_covid": "0.8728",
        "precision_covid": "0.9559",
    }
    assert wrong[0].numbers == ("recall_covid",)
    assert "no k/621" in wrong[0].message


def test_p3_rows_of_the_confusion_matrix_are_named_wrongly(reports: Mapping[str, Report]) -> None:
    (wrong,) = found(reports["p3"], "VGG16 with SGD", "Table 3", "confusion")
    assert "its rows are named wrongly" in wrong.message


def test_p3_accuracies_of_twenty_epochs_differ(reports: Mapping[str, Report]) -> None:
    two = [f for f in reports["p3"].across if f.kind == "two_values"]
    assert {f.numbers[0] for f in two} == {"accuracy", "training_accuracy"}


@pytest.mark.parametrize("epochs", [5, 10])
def test_p3_accuracy_and_f1_of_earlier_epochs_exclude_each_other(
    reports: Mapping[str, Report], epochs: int
) -> None:
    row = f"VGG16 with SGD, {epochs} epochs"
    (wrong,) = found(reports["p3"], row, "Table 2", "contradiction")
    assert set(wrong.numbers) == {"accuracy", "f1_covid"}


def test_p4_spread_is_finer_than_an_image(reports: Mapping[str, Report]) -> None:
    spreads = [f for f in reports["p4"].findings if f.kind == "spread"]
    assert len(spreads) == 2
    assert "no 5 folds of 189 or 190 images" in spreads[0].message


def test_p4_data_b_has_two_sizes(reports: Mapping[str, Report]) -> None:
    (sizes,) = [f for f in reports["p4"].findings if f.kind == "two_sizes"]
    assert "947 images" in sizes.message
    assert "1,197" in sizes.message


def test_recomputed_numbers_are_those_the_check_arrives_at(reports: Mapping[str, Report]) -> None:
    compared = 0
    for paper, report in reports.items():
        for finding in report.findings:
            if finding.kind == "two_values" or " to " in "".join(finding.must_be.values()):
                continue
            for label, value in finding.must_be.items():
                rows = [
                    row
                    for table in published(paper).tables
                    for row in table.rows
                    if table.name in finding.tables and row.name == finding.row
                ]
                for row in rows:
                    if label in row.recomputed:
                        compared += 1
                        assert row.recomputed[label] == pytest.approx(float(value), abs=1e-9)
    assert compared >= 12
