from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.data.manifest import Manifest
from hilum.errors import DataError, LeakageError


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["data", "split", *map(str, arguments)])


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    rows = [
        f"{n}.png,{n // 2},{'nih' if n < 60 else 'ricord'},{'normal' if n % 4 else 'covid'},"
        f"{'test' if n >= 90 else 'train'}"
        for n in range(100)
    ]
    path = tmp_path / "manifest.csv"
    path.write_text("\n".join(["path,patient_id,source,label,split", *rows]) + "\n")
    return path


def splits(path: Path) -> dict[str, int]:
    frame = Manifest.read(path, check_files=False).frame
    return dict(sorted(frame["split"].value_counts().iter_rows()))


def test_all_is_dealt_by_patient_by_default(manifest: Path, tmp_path: Path) -> None:
    done = run(manifest, "--out", tmp_path / "out.csv")
    assert done.exit_code == 0
    assert done.stdout.split("\n")[0].split() == ["split", "source", "covid", "normal"]
    held = splits(tmp_path / "out.csv")
    assert sum(held.values()) == 100
    assert abs(held["train"] - 70) <= 4


def test_the_published_test_is_kept(manifest: Path, tmp_path: Path) -> None:
    done = run(manifest, "--out", tmp_path / "out.csv", "--keep", "test", "--json")
    assert done.exit_code == 0
    rows = Manifest.read(tmp_path / "out.csv", check_files=False).frame
    assert rows["split"][90:].to_list() == ["test"] * 10
    assert set(rows["split"][:90]) == {"train", "val"}
    counts = json.loads(done.stdout)["counts"]
    assert sum(row["images"] for row in counts if row["split"] == "test") == 10


def test_a_leaking_test_is_not_kept(manifest: Path, tmp_path: Path) -> None:
    manifest.write_text(manifest.read_text() + "x.png,49,ricord,covid,train\n")
    done = run(manifest, "--out", tmp_path / "out.csv", "--keep", "test")
    assert isinstance(done.exception, LeakageError)
    assert "patient '49' of 'ricord' stands in train, too" in str(done.exception)
    assert not (tmp_path / "out.csv").exists()


def test_fractions_and_seed_are_taken(manifest: Path, tmp_path: Path) -> None:
    words = ("--fractions", "train=.8, val=.2", "--seed", 3)
    assert run(manifest, "--out", tmp_path / "a.csv", *words).exit_code == 0
    assert run(manifest, "--out", tmp_path / "b.csv", *words).exit_code == 0
    assert splits(tmp_path / "a.csv").keys() == {"train", "val"}
    assert (tmp_path / "a.csv").read_text() == (tmp_path / "b.csv").read_text()


def test_a_hospital_is_left_out(manifest: Path, tmp_path: Path) -> None:
    words = ("--by", "source", "--test-source", "ricord")
    done = run(manifest, "--out", tmp_path / "out.csv", *words)
    assert done.exit_code == 0
    assert splits(tmp_path / "out.csv")["test"] == 40
    unknown = run(manifest, "--out", tmp_path / "x.csv", "--by", "source", "--test-source", "rnsa")
    assert isinstance(unknown.exception, DataError)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--by", "source"), "needs at least one --test-source"),
        (("--by", "source", "--test-source", "nih", "--keep", "test"), "--keep goes with"),
        (("--test-source", "nih"), "--test-source goes with --by source"),
        (("--by", "image"), "'image' is not one of"),
        (("--fractions", "train=70,val=30"), "must be above 0 and sum to 1"),
        (("--fractions", "train=.5,train=.5"), "expected shares such as"),
        (("--fractions", "train"), "expected shares such as"),
        (("--fractions", "train=half"), "expected shares such as"),
        (("--keep", "test", "--fractions", "train=.5,test=.5"), "split that is kept"),
    ],
)
def test_slips_are_usage_errors(
    manifest: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = run(manifest, "--out", tmp_path / "out.csv", *words)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.split())
    assert not (tmp_path / "out.csv").exists()


def test_a_real_set_is_split_again(shared_data: Path, tmp_path: Path) -> None:
    real = shared_data / "cxr" / "manifest.csv"
    done = run(real, "--out", tmp_path / "out.csv", "--keep", "test")
    assert done.exit_code == 0
    before, after = Manifest.read(real), Manifest.read(tmp_path / "out.csv")
    kept = before.frame["split"] == "test"
    assert (after.frame["split"] == "test").to_list() == kept.to_list()
    assert len(after) == 2393
