"""What is said of impossible rows: which numbers, which nearest, which slip of the pen."""

from __future__ import annotations

import numpy as np
import pytest

from hilum.evaluation.published import PublishedRow, PublishedTable, Report, check_tables
from hilum.evaluation.published.folds import check_spread
from hilum.evaluation.published.metric import Counts
from hilum.evaluation.published.number import Printed

TWO = Counts(("negative", "positive"), (200, 200), 1)
THREE = Counts(("a", "b", "c"), (100, 100, 31))


def row(row_name: str = "m", **printed: str) -> PublishedRow:
    return PublishedRow(name=row_name, printed={k: Printed.parse(v) for k, v in printed.items()})


def table(*rows: PublishedRow, name: str = "t", counts: Counts = TWO) -> PublishedTable:
    return PublishedTable(name=name, counts=counts, rows=rows)


def check(*rows: PublishedRow, counts: Counts = TWO) -> Report:
    return check_tables([table(*rows, counts=counts)])


def kinds(report: Report) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_a_recall_that_is_no_share_of_the_class_is_named_with_its_neighbours() -> None:
    (finding,) = check(row(recall="0.989")).findings
    assert finding.message.startswith(
        "recall 0.989 is no k/200 to 3 decimals; nearest 0.985 (197/200) or 0.990 (198/200)"
    )
    assert finding.numbers == ("recall",)


def test_of_many_numbers_only_those_that_contradict_each_other_are_named() -> None:
    report = check(row(recall="0.815", accuracy="0.905", precision="0.950", specificity="0.995"))
    (finding,) = report.findings
    assert "precision" in finding.numbers
    assert len(finding.numbers) == 2
    assert "cannot hold together" in finding.message


def test_two_independent_faults_of_a_row_are_both_named() -> None:
    report = check(row(recall="0.989", accuracy="0.9011"))
    assert [finding.numbers for finding in report.findings] == [("recall",), ("accuracy",)]


def test_a_number_settled_by_the_others_is_given() -> None:
    report = check(row(recall="0.815", specificity="0.995", accuracy="0.9055"))
    assert report.findings[0].must_be == {"accuracy": "0.9050"}


def test_exchanged_precision_and_recall_are_recognised() -> None:
    report = check(row(precision="0.815", recall="0.994", f1="0.896", specificity="0.995"))
    assert "swapped" in report.findings[0].slips


def test_digits_cut_off_instead_of_rounded_are_recognised() -> None:
    report = check(row(recall="0.815", specificity="0.995", precision="0.993"))
    assert report.failed
    assert report.findings[0].slips == ("cut_off",)


def test_a_mean_of_rounded_numbers_is_recognised() -> None:
    report = check(
        row(precision_negative="0.843", precision_positive="0.994", recall="0.815",
            macro_precision="0.918")
    )  # fmt: skip
    assert "averaged" in report.findings[0].slips
    assert report.findings[0].must_be == {"macro_precision": "0.919"}


def test_a_row_of_another_table_that_disagrees_is_named_with_what_it_must_be() -> None:
    report = check_tables(
        [
            table(row(precision_negative="0.752", recall_negative="1.000"), name="II"),
            table(row(recall="0.845", f1="0.916"), name="III"),
            table(row(macro_recall="0.835", macro_f1="0.830"), name="IV"),
        ]
    )
    (finding,) = report.across
    assert (finding.kind, finding.tables) == ("contradiction", ("III",))
    assert finding.must_be == {"recall": "0.670", "f1": "0.802"}


def test_macro_averages_under_the_heading_of_one_class_are_recognised() -> None:
    report = check_tables(
        [
            table(row(precision_negative="0.980", recall_negative="0.970"), name="II"),
            table(row(precision="0.975", recall="0.975"), name="VI"),
        ]
    )
    (finding,) = report.across
    assert finding.tables == ("VI",)
    assert "macro" in finding.slips
    assert finding.must_be == {"precision": "0.970", "recall": "0.980"}


def test_two_tables_of_equal_weight_that_disagree_are_both_named() -> None:
    report = check_tables(
        [table(row(recall="0.900"), name="I"), table(row(recall="0.905"), name="II")]
    )
    assert kinds(report) == {"two_values", "contradiction"}
    assert all(finding.tables == ("I", "II") for finding in report.across)


def test_the_same_value_with_more_digits_is_no_second_value() -> None:
    report = check_tables(
        [table(row(accuracy="0.9525"), name="I"), table(row(accuracy="0.953"), name="II")]
    )
    assert not report.findings


def test_equal_rows_are_odd_but_can_be() -> None:
    numbers = {"precision": "0.994", "recall": "0.815", "f1": "0.896"}
    report = check(row("one", **numbers), row("two", **numbers))
    assert kinds(report) == {"same_row"}
    assert not report.failed


def test_recalls_printed_again_as_precisions_are_odd() -> None:
    recalls = {f"recall_{c}": v for c, v in zip("abc", ("0.900", "0.880", "0.839"), strict=True)}
    again = {name.replace("recall", "precision"): v for name, v in recalls.items()}
    report = check(row(**recalls, **again), counts=THREE)
    assert kinds(report) == {"recall_as_precision"}
    assert not report.failed


def test_one_matrix_cannot_have_two_macro_precisions() -> None:
    numbers = {"recall": "0.815", "specificity": "0.995"}
    one, two = row("one", macro_precision="0.918"), row("two", macro_precision="0.919")
    report = check_tables(
        [table(row("one", **numbers), row("two", **numbers), name="I"), table(one, two, name="II")]
    )
    (finding,) = [finding for finding in report.across if finding.kind == "one_matrix"]
    assert finding.row == "one"
    assert finding.must_be == {"macro_precision": "0.919"}


def test_a_tie_may_be_rounded_either_way() -> None:
    numbers = {"recall": "0.815", "specificity": "0.990"}
    one, two = row("one", accuracy="0.902"), row("two", accuracy="0.903")
    report = check_tables(
        [table(row("one", **numbers), row("two", **numbers), name="I"), table(one, two, name="II")]
    )
    assert not report.failed


def test_three_precisions_that_no_errors_add_up_to_are_refused() -> None:
    report = check(row(precision_a="0.900", precision_b="0.780", precision_c="0.839"), counts=THREE)
    assert len(report.findings[0].numbers) == 3


@pytest.mark.parametrize("order", [[0, 1], [1, 0]])
def test_rows_of_a_confusion_matrix_that_are_named_wrongly_are_recognised(order: list[int]) -> None:
    matrix = np.array([[542, 79], [25, 1731]])[order]
    counts = Counts(("covid", "normal"), (621, 1756))
    named = PublishedRow(name="m", printed={}, confusion=tuple(map(tuple, matrix.tolist())))
    report = check(named, counts=counts)
    assert report.failed == (order == [1, 0])
    if report.failed:
        assert "the row called covid is normal" in report.findings[0].message


def test_a_number_unlike_its_own_confusion_matrix_is_named() -> None:
    made = PublishedRow(
        name="m", printed={"accuracy": Printed.parse("0.910")}, confusion=((199, 1), (37, 163))
    )
    (finding,) = check(made).findings
    assert finding.message == "accuracy 0.910 is 0.905 in its own confusion matrix."


@pytest.mark.parametrize(
    ("text", "possible"), [("95.3 ± 0.02", False), ("95.2 ± 0.01", True), ("95.3 ± 2", None)]
)
def test_a_spread_finer_than_one_image_a_fold_is_refused(text: str, possible: bool | None) -> None:
    printed = Printed.parse(text, percent=True)
    assert check_spread(printed, images=947, folds=5, slack=4).possible is possible


@pytest.mark.parametrize("seed", range(8))
def test_the_mean_and_spread_of_folds_that_were_are_never_refused(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = np.array([20, 20, 20, 19, 19])
    accuracies = (sizes - rng.integers(0, 3, 5)) / sizes
    text = f"{accuracies.mean():.3f} ± {accuracies.std(ddof=seed % 2):.3f}"
    made = check_spread(Printed.parse(text), images=98, folds=5, slack=2)
    assert made.possible is not False


def test_the_mean_over_folds_need_not_be_a_share_of_all_images() -> None:
    made = row(accuracy="95.3 %")
    counts = Counts(("a", "b"), (500, 447))
    pooled = PublishedTable(name="t", counts=counts, rows=(made,))
    folded = PublishedTable(name="t", counts=counts, rows=(made,), folds=5)
    assert check_tables([pooled]).failed
    assert not check_tables([folded]).failed


def test_one_row_read_as_of_two_test_sets_is_odd() -> None:
    other = Counts(("negative", "positive"), (200, 400), 1)
    report = check_tables(
        [table(row(recall="0.5"), name="I"), table(row(recall="0.5"), name="II", counts=other)]
    )
    assert kinds(report) == {"two_sizes"}


def test_the_report_is_plain_values_and_says_what_it_checked() -> None:
    report = check(
        row("good", recall="0.815"), row("bad", recall="0.989"), row("none", auroc="0.9")
    )
    assert report.to_dict()["possible"] is False
    assert [r["possible"] for r in report.to_dict()["rows"]] == [True, False, True]
    text = report.text()
    assert "bad   CANNOT BE" in text
    assert "nothing in it follows from counts" in text
    assert "Rows checked 2, cannot be by themselves 1" in text
