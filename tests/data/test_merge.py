from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from hilum.data.manifest import Manifest
from hilum.data.merge import MergeRules, merge, merge_files
from hilum.data.tally import tally, tally_text
from hilum.data.vocabulary import clashes
from hilum.errors import ConfigError, LeakageError, ManifestError


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    return path


@pytest.fixture
def nih(tmp_path: Path) -> Path:
    rows = """path,patient_id,source,label,split,view
    images/1.png,1,nih,normal,train,PA
    images/2.png,2,nih,pneumonia,test,AP"""
    return write(tmp_path / "nih" / "manifest.csv", rows)


@pytest.fixture
def hannover(tmp_path: Path) -> Path:
    rows = f"""path,patient_id,source,label,age,lung_mask
    png/1.png,1,hannover,covid,57,masks/1.png
    {tmp_path}/far/2.png,2,hannover,covid,,"""
    return write(tmp_path / "deep" / "hannover" / "manifest.csv", rows)


def test_rows_and_columns_of_both_are_kept(nih: Path, hannover: Path, tmp_path: Path) -> None:
    merged = merge_files([nih, hannover], tmp_path / "all.csv")
    assert len(merged) == 4
    wanted = ["path", "patient_id", "source", "label", "split", "view", "age", "lung_mask"]
    assert merged.frame.columns == wanted
    assert merged.frame["age"].to_list() == [None, None, 57.0, None]
    assert merged.frame["view"].to_list() == ["PA", "AP", None, None]


def test_relative_paths_hang_from_the_new_folder_and_absolute_ones_stay(
    nih: Path, hannover: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out" / "all.csv"
    merge_files([nih, hannover], out).write(out)
    frame = pl.read_csv(out)
    assert frame["path"].to_list() == [
        "../nih/images/1.png",
        "../nih/images/2.png",
        "../deep/hannover/png/1.png",
        f"{tmp_path}/far/2.png",
    ]
    assert frame["lung_mask"][2] == "../deep/hannover/masks/1.png"
    again = Manifest.read(out, check_files=False)
    assert (tmp_path / "nih" / "images" / "1.png") in [path.resolve() for path in again.paths()]


def test_a_manifest_in_the_same_folder_keeps_its_paths(nih: Path, hannover: Path) -> None:
    merged = merge_files([nih, hannover], nih.with_name("all.csv"))
    assert merged.frame["path"][0] == "images/1.png"


def test_parquet_and_csv_merge(nih: Path, hannover: Path, tmp_path: Path) -> None:
    Manifest.read(hannover, check_files=False).write(tmp_path / "h.parquet")
    assert len(merge_files([nih, tmp_path / "h.parquet"], tmp_path / "all.parquet")) == 4


def test_an_image_listed_twice_names_both_manifests_and_rows(nih: Path, tmp_path: Path) -> None:
    rows = "path,patient_id,source,label\n../nih/./images/2.png,9,other,normal"
    other = write(tmp_path / "other" / "list.csv", rows)
    with pytest.raises(ManifestError, match="1 image.s. are listed more than once") as caught:
        merge_files([nih, other], tmp_path / "all.csv")
    where = f"{tmp_path}/nih/images/2.png: manifest row 2 (pneumonia), list row 1 (normal)"
    assert caught.value.problems == (where,)


def test_one_meaning_in_two_words_is_refused_and_mended_by_relabel(
    nih: Path, tmp_path: Path
) -> None:
    rows = "path,patient_id,source,label\na.png,1,x,COVID-19\nb.png,2,x,No Finding\nc.png,3,x,covid"
    other = write(tmp_path / "x.csv", rows)
    with pytest.raises(ManifestError, match="do not match; rename with --relabel") as caught:
        merge_files([nih, other], tmp_path / "all.csv")
    assert caught.value.problems == (
        "'normal' (manifest) and 'No Finding' (x) mean the same",
        "'COVID-19' (x) and 'covid' (x) mean the same",
    )
    rules = MergeRules(relabel={"COVID-19": "covid", "No Finding": "normal"})
    merged = merge_files([nih, other], tmp_path / "all.csv", rules)
    assert merged.labels == ["covid", "normal", "pneumonia"]


def test_positive_and_negative_do_not_mix_with_names_of_diseases(nih: Path, tmp_path: Path) -> None:
    rows = "path,patient_id,source,label\na.png,1,x,positive\nb.png,2,x,negative"
    other = write(tmp_path / "x.csv", rows)
    with pytest.raises(ManifestError, match="do not match") as caught:
        merge_files([nih, other], tmp_path / "all.csv")
    assert caught.value.problems[0].startswith("'negative' (x), 'positive' (x) stand beside")
    rules = MergeRules(relabel={"positive": "covid", "negative": "normal"})
    assert len(merge_files([nih, other], tmp_path / "all.csv", rules)) == 4


def test_labels_that_nobody_here_knows_are_taken_as_they_are() -> None:
    assert clashes({"a": ["covid"], "b": ["tuberculosis", "normal"], "c": ["結核"]}) == []


def test_a_label_to_rename_must_occur(nih: Path, hannover: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no label 'Covid' to rename.*Did you mean 'covid'"):
        merge_files([nih, hannover], tmp_path / "all.csv", MergeRules(relabel={"Covid": "x"}))


def two_splits(tmp_path: Path, second: str = "test") -> list[Path]:
    head = "path,patient_id,source,label,split,sex\n"
    return [
        write(tmp_path / "a.csv", f"{head}a.png,7,nih,normal,train,M\nb.png,8,nih,normal,test,F"),
        write(tmp_path / "b.csv", f"{head}c.png,7,nih,pneumonia,{second},M"),
    ]


def test_a_patient_who_comes_to_stand_in_two_splits_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LeakageError, match="1 patient.s. stand in more than one split") as caught:
        merge_files(two_splits(tmp_path), tmp_path / "all.csv")
    assert "patient '7' of 'nih'" in str(caught.value)
    assert "--drop-split" in str(caught.value)


def test_a_leak_is_mended_by_leaving_the_splits_out(tmp_path: Path) -> None:
    merged = merge_files(two_splits(tmp_path), tmp_path / "all.csv", MergeRules(drop_split=True))
    assert "split" not in merged.frame.columns


def test_a_leak_can_be_merged_to_be_looked_at(tmp_path: Path) -> None:
    merged = merge_files(two_splits(tmp_path), tmp_path / "all.csv", MergeRules(leaks=True))
    assert len(merged) == 3
    assert any("stand in more than one split" in note for note in merged.notes)


def test_a_source_in_two_manifests_is_noted_with_its_shared_patients(tmp_path: Path) -> None:
    merged = merge_files(two_splits(tmp_path, "train"), tmp_path / "all.csv")
    said = "Source 'nih' stands in a, b; equal patient numbers there are taken for one person"
    assert merged.notes == (f"{said} (1 are shared).",)


def test_one_patient_of_two_sexes_is_two_patients(tmp_path: Path) -> None:
    first, second = two_splits(tmp_path, "train")
    second.write_text(second.read_text().replace(",M", ",F"))
    with pytest.raises(ManifestError, match="tell them apart with --source-prefix") as caught:
        merge_files([first, second], tmp_path / "all.csv")
    assert caught.value.problems == ("patient '7' of 'nih' is M in a, F in b",)
    merged = merge_files([first, second], tmp_path / "all.csv", MergeRules(prefix=True))
    assert sorted(set(merged.frame["source"])) == ["a:nih", "b:nih"]


def test_images_without_a_split_beside_others_are_noted(
    nih: Path, hannover: Path, tmp_path: Path
) -> None:
    merged = merge_files([nih, hannover], tmp_path / "all.csv")
    assert merged.notes == ("2 image(s) are in no split: hannover.",)


def test_one_manifest_is_not_enough(nih: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected two or more manifests to merge, got 1"):
        merge({"a": Manifest.read(nih, check_files=False)}, tmp_path)


def test_the_same_manifest_twice_is_refused(nih: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Expected different manifests"):
        merge_files([nih, nih], tmp_path / "all.csv")


def test_a_merge_of_a_real_set_s_parts_is_the_set(shared_data: Path, tmp_path: Path) -> None:
    whole = Manifest.read(shared_data / "cxr" / "manifest.csv")
    sources = sorted(set(whole.frame["source"]))
    for source in sources:
        part = Manifest.from_frame(whole.frame.filter(pl.col("source") == source), whole.root)
        part.write(tmp_path / source / "manifest.csv")
    paths = [tmp_path / source / "manifest.csv" for source in sources]
    merged = merge_files(paths, tmp_path / "all.csv")
    merged.write(tmp_path / "all.csv")
    again = Manifest.read(tmp_path / "all.csv")  # looks for every file
    files = {path.resolve() for path in again.paths()}
    assert files == {path.resolve() for path in whole.paths()}
    assert tally(again) == tally(whole)


def test_the_table_counts_images_and_patients(tmp_path: Path) -> None:
    merged = merge_files(two_splits(tmp_path, "train"), tmp_path / "all.csv")
    assert tally(merged)[0] == {
        "split": "train",
        "label": "normal",
        "source": "nih",
        "images": 1,
        "patients": 1,
    }
    assert tally_text(tally(merged)).splitlines() == [
        "split  source  normal  pneumonia",
        "train  nih          1          1",
        "test   nih          1          0",
    ]


def test_the_table_names_what_has_no_split_and_counts_patients_apart(tmp_path: Path) -> None:
    rows = "path,patient_id,source,label\na.png,1,x,covid\nb.png,1,x,covid"
    text = tally_text(tally(Manifest.read(write(tmp_path / "a.csv", rows), check_files=False)))
    assert text.splitlines()[1].split() == ["(none)", "x", "2", "(1)"]


@pytest.mark.slow
def test_a_million_rows_merge_in_half_a_minute(tmp_path: Path) -> None:
    parts = {
        name: Manifest.from_frame(
            pl.DataFrame(
                {
                    "path": [f"{name}/{number}.png" for number in range(500_000)],
                    "patient_id": [str(number // 3) for number in range(500_000)],
                    "source": [name] * 500_000,
                    "label": ["normal", "covid"] * 250_000,
                }
            ),
            tmp_path,
        )
        for name in ("a", "b")
    }
    assert len(merge(parts, tmp_path / "out")) == 1_000_000
