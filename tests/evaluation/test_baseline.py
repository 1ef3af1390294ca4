"""The rule that never looks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hilum.evaluation import frequencies_by_group, majority_by_group


def test_each_group_gets_its_commonest_training_label() -> None:
    found = majority_by_group(["a", "a", "a", "b", "b"], [1, 1, 0, 2, 2], ["b", "a", "a"])
    assert found.tolist() == [2, 1, 1]


def test_an_unseen_group_gets_the_commonest_label_of_all() -> None:
    assert majority_by_group(["a", "a", "b"], [1, 1, 0], ["new"]).tolist() == [1]


def test_equally_common_labels_give_the_lowest() -> None:
    assert majority_by_group(["a", "a"], [2, 1], ["a"]).tolist() == [1]


def test_frequencies_are_the_shares_of_each_group() -> None:
    found = frequencies_by_group(["a", "a", "a", "b"], [0, 0, 1, 1], ["b", "a", "new"], 3)
    np.testing.assert_allclose(found, [[0, 1, 0], [2 / 3, 1 / 3, 0], [0.5, 0.5, 0]])


def test_bad_training_labels_are_refused() -> None:
    with pytest.raises(ValueError, match=r"must have one shape \(m >= 1,\), got \(0,\) and \(0,\)"):
        majority_by_group([], [], ["a"])
    with pytest.raises(ValueError, match=r"train_labels must be in \[0, 2\), got 0 to 2"):
        frequencies_by_group(["a", "b"], [0, 2], ["a"], 2)


def test_covidx8b_test_labels_follow_from_the_source_alone(shared_data: Path) -> None:
    parts = {}
    for split in ("train", "test"):
        file = shared_data / "formats" / "covid-net-labels" / f"{split}_COVIDx8B.txt"
        rows = [line.split()[-2:] for line in file.read_text().splitlines()]
        sources, labels = np.array(rows).T[::-1]
        parts[split] = (sources, (labels == "positive").astype(int))
    found = majority_by_group(*parts["train"], parts["test"][0])
    assert found.size == 400
    assert np.all(found == parts["test"][1])
