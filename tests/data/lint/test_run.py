"""Whole sets: clean ones raise nothing, the published ones what is wrong with them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from hilum.data.lint import LintReport
from hilum.data.lint.rules import rules
from hilum.data.lint.run import lint
from hilum.data.manifest import RawTable, read_table
from hilum.data.phantom import write_cohort
from hilum.data.sources import Request, build

Raw = Callable[..., RawTable]


def codes(report: LintReport) -> set[str]:
    return {finding.code for finding in report.findings}


def test_a_clean_table_raises_nothing_at_all(raw: Raw) -> None:
    report = lint(raw(), check_files=False)
    assert report.findings == ()
    assert report.verdict == "Nothing was found that would falsify a result on these images."


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_clean_cohort_of_phantoms_raises_no_error(tmp_path: Path, seed: int) -> None:
    write_cohort(tmp_path / "c", patients=40, seed=seed, size=64, hospitals=2)
    report = lint(read_table(tmp_path / "c"))
    assert not report.falsifies
    assert codes(report) <= {"H313", "H406", "H312"}


def test_a_planted_confounder_is_found(tmp_path: Path) -> None:
    write_cohort(tmp_path / "c", patients=60, seed=1, size=64, flaws=["confounded"])
    report = lint(read_table(tmp_path / "c"))
    assert "H402" in codes(report)
    assert report.falsifies


def test_every_rule_takes_a_table_of_one_column_or_none(tmp_path: Path) -> None:
    for header in ("path", "label", "patient_id,split", "source,label", "width,height", "x"):
        (tmp_path / "m.csv").write_text(f"{header}\n{','.join('1' for _ in header.split(','))}\n")
        assert "H101" in codes(lint(read_table(tmp_path / "m.csv")))


def test_a_table_of_empty_fields_is_told_not_tripped_over(tmp_path: Path) -> None:
    header = "path,patient_id,source,label,split,view,sex,age,width,height,original,study_id"
    (tmp_path / "m.csv").write_text(f"{header},extra\n" + f"{',' * 12}x\n" * 3)
    assert codes(lint(read_table(tmp_path / "m.csv"))) == {"H102", "H103"}


def test_findings_of_images_and_what_was_skipped_stand_in_the_same_report(raw: Raw) -> None:
    first = lint(raw(label=["covid"] * 240), check_files=False).findings
    report = lint(raw(), image_findings=first, check_files=False, skipped=["a thing"])
    assert codes(report) == {"H303"}
    assert "not looked at: a thing" in report.text()


def test_every_rule_is_registered_under_one_name() -> None:
    assert len(rules) == len({*rules}) >= 20


def test_the_real_set_is_described_as_its_readme_does(shared_data: Path) -> None:
    report = lint(read_table(shared_data / "cxr" / "manifest.csv"))
    told = next(one for one in report.findings if one.code == "H402")
    assert told.title == (
        "every covid image (986) comes from other sources than every other image (1,407)"
    )
    assert report.falsifies
    assert "H201" not in codes(report)


def covidx(shared_data: Path, version: str) -> pl.DataFrame:
    labels = shared_data / "formats" / "covid-net-labels"
    return build("covidx", Request(labels=labels, version=version), lists_only=True).manifest.frame


def test_covidx_8b_is_found_to_be_told_by_source_in_its_test_split(
    shared_data: Path, tmp_path: Path
) -> None:
    covidx(shared_data, "8B").write_parquet(tmp_path / "m.parquet")
    report = lint(read_table(tmp_path / "m.parquet"))
    errors = [one.title for one in report.findings if one.severity == "error"]
    told = "every positive image (200) comes from other sources than every other image (200)"
    assert errors == [f"in split test, {told}"]
    assert "H406" in codes(report)


def test_anon191_is_found_on_both_sides_of_covidx_6(shared_data: Path, tmp_path: Path) -> None:
    # 6 trains on the negatives of 8B and the COVID-19 images of 5; its own train list is not here.
    train = pl.col("split") == "train"
    columns = ["path", "patient_id", "source", "label", "split"]
    negatives = covidx(shared_data, "8B").filter(train & (pl.col("label") == "negative"))
    test = (shared_data / "formats" / "covid-net-labels" / "test_COVIDx6.txt").read_text()
    rows = [line.rsplit(" ", 3) for line in test.splitlines()]
    tested = pl.DataFrame(
        [(f"test/{file}", who, source, label, "test") for who, file, label, source in rows],
        schema=columns,
        orient="row",
    )
    pl.concat([negatives.select(columns), tested]).write_csv(tmp_path / "m.csv")
    leak = next(one for one in lint(read_table(tmp_path / "m.csv")).findings if one.code == "H201")
    assert leak.count == 1
    assert "'ANON191' of 'actmed'" in leak.examples[0]


SCRIPT = """
import resource, sys, time
from pathlib import Path
from hilum.data.lint.run import lint
from hilum.data.manifest import read_table
start = time.perf_counter()
report = lint(read_table(Path(sys.argv[1])), check_files=False)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(report.images, len(report.findings), seconds, peak)
"""


def a_million_rows() -> pl.DataFrame:
    n = 1_000_000
    rng = np.random.default_rng(0)
    person = rng.integers(0, 600_000, n)
    return pl.DataFrame(
        {
            "path": [f"images/{i:08x}.png" for i in range(n)],
            "patient_id": [f"P{p:07d}" for p in person],
            "source": np.array(["alpha", "beta", "gamma", "delta"])[person % 4],
            "label": np.array(["normal", "pneumonia", "covid"])[rng.integers(0, 3, n)],
            "split": np.array(["train", "val", "test"])[person // 4 % 3],
            "age": rng.integers(18, 90, n).astype(float),
            "width": np.full(n, 1024),
            "height": rng.integers(900, 1100, n),
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_million_rows_take_under_thirty_seconds_and_two_gigabytes(
    tmp_path: Path, ending: str
) -> None:
    path, frame = tmp_path / f"m.{ending}", a_million_rows()
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    command = [sys.executable, "-c", SCRIPT, str(path)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    images, findings, seconds, peak_mib = map(float, printed.split())
    assert (images, findings) == (1_000_000, 1)  # patients whose labels differ
    assert seconds < 30
    assert peak_mib < 2000
