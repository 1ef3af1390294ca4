"""Films and patients on both sides of the split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from hilum.audit.checks.leakage import duplicates, patients_across_splits
from hilum.data.manifest import Manifest
from hilum.data.phantom import write_cohort

Make = Callable[..., Any]

_CLASSES = ("normal", "consolidation")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Phantom films without a flaw."""
    return drawn(tmp_path_factory.mktemp("clean"))


def drawn(folder: Path, **flaws: float) -> Manifest:
    return write_cohort(
        folder, patients=30, size=128, images_per_patient=(1, 2), classes=_CLASSES, flaws=flaws
    )


@pytest.fixture
def cohort(make: Make) -> Callable[..., Any]:
    """Return a function that makes a subject of real phantom files, all answered at random."""

    def made(manifest: Manifest) -> Any:
        subject = make()
        label = manifest.frame["label"].replace({"consolidation": "covid"})
        subject.manifest = replace(manifest, frame=manifest.frame.with_columns(label=label))
        rng = np.random.default_rng(0)
        for path in manifest.frame["path"]:
            p = float(rng.uniform(0.1, 0.9))
            subject.table[path] = (np.array([p, 1 - p]), None)
        return subject

    return made


def test_leaked_phantoms_are_found_and_the_score_without_them_is_told(
    cohort: Callable[..., Any], tmp_path: Path
) -> None:
    subject = cohort(drawn(tmp_path / "leaking", leak=1.0))
    found = duplicates(subject)
    assert found.verdict == "fail"
    assert "in another split as well" in found.summary
    share = found.numbers["share of films audited that stand in another split"]
    assert share.estimate is not None
    assert share.estimate > 0.2
    assert found.tables[0].rows[0][2] == "train"


def test_phantoms_without_a_leak_pass_both_checks(
    cohort: Callable[..., Any], clean: Manifest
) -> None:
    subject = cohort(clean)
    for check in (duplicates, patients_across_splits):
        found = check(subject)
        assert found.verdict == "pass"
        assert next(iter(found.numbers.values())).estimate == 0


def test_the_fingerprints_are_kept_in_the_audits_folder(
    cohort: Callable[..., Any], clean: Manifest
) -> None:
    subject = cohort(clean)
    duplicates(subject)
    assert (subject.store.path.parent / "fingerprints.sqlite").exists()


def test_a_copy_in_the_audited_split_itself_is_no_leak(
    cohort: Callable[..., Any], clean: Manifest
) -> None:
    subject = cohort(clean)
    frame = subject.manifest.frame
    first = frame.filter(pl.col("split") == "test").head(1)
    again = clean.root / "images" / "again.png"
    again.write_bytes((clean.root / first["path"][0]).read_bytes())
    copied = first.with_columns(path=pl.lit("images/again.png"))
    subject.manifest = replace(subject.manifest, frame=pl.concat([frame, copied]))
    subject.table["images/again.png"] = subject.table[first["path"][0]]
    assert duplicates(subject).verdict == "pass"


def test_a_patient_in_two_splits_is_found_with_the_score_without_them(make: Make) -> None:
    """Patients 0 to 9 were tested; ten of the train split are said to be the same people."""

    def shared(films: Any) -> Any:
        taught = films.patients - films.patients.max() // 2 - 1
        return np.where((films.splits == "train") & (taught < 10), taught, films.patients)

    subject = make(patients=shared, sources=1)
    found = patients_across_splits(subject)
    assert found.verdict == "fail"
    assert "10 patients" in found.summary
    assert "AUROC without them" in found.numbers
    assert found.tables[0].rows[0][0] == "H201"


def test_the_same_number_in_two_hospitals_is_two_patients(make: Make) -> None:
    def reused(films: Any) -> Any:
        return 1000 + films.patients % (films.patients.max() // 2 + 1)

    subject = make(patients=reused)
    frame = subject.manifest.frame
    apart = frame.with_columns(source=pl.col("source") + "-" + pl.col("split"))
    subject.manifest = replace(subject.manifest, frame=apart)
    assert patients_across_splits(subject).verdict == "pass"


def test_a_telling_id_under_two_sources_in_two_splits_fails(make: Make) -> None:
    subject = make(sources=1)
    frame = subject.manifest.frame
    both = frame.with_row_index("row").with_columns(
        patient_id=pl.when(pl.col("row").is_in([0, frame.height - 1]))
        .then(pl.lit("419639-000238-8F2A"))
        .otherwise(pl.col("patient_id")),
        source=pl.when(pl.col("row") == 0).then(pl.lit("ricord")).otherwise(pl.col("source")),
    )
    subject.manifest = replace(subject.manifest, frame=both.drop("row"))
    found = patients_across_splits(subject)
    assert found.verdict == "fail"
    assert "under two sources" in found.summary


def test_one_id_written_in_two_ways_warns(make: Make) -> None:
    subject = make(sources=1)
    frame = subject.manifest.frame
    slip = frame.with_row_index("row").with_columns(
        patient_id=pl.when(pl.col("row") == 0)
        .then(pl.lit("ANON 7x"))
        .when(pl.col("row") == frame.height - 1)
        .then(pl.lit("anon7X"))
        .otherwise(pl.col("patient_id"))
    )
    subject.manifest = replace(subject.manifest, frame=slip.drop("row"))
    assert patients_across_splits(subject).verdict == "warn"


def test_without_another_split_there_is_nothing_to_leak(make: Make) -> None:
    subject = make()
    subject.manifest = subject.manifest.select(split="test")
    for check in (duplicates, patients_across_splits):
        assert check(subject).verdict == "not run"


def test_a_leaking_manifest_can_be_read_for_an_audit(make: Make, tmp_path: Path) -> None:
    from hilum.cli.evaluate import labelled_images

    frame = make().manifest.frame.with_columns(patient_id=pl.lit("1"), source=pl.lit("a"))
    frame.write_csv(tmp_path / "leaks.csv")
    images, _ = labelled_images(tmp_path, tmp_path / "leaks.csv", leaks=True)
    assert isinstance(images, Manifest)
    assert "no score on these splits" in " ".join(images.notes)
