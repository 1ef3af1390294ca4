from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hilum.errors import BundleError, ConfigError
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.record import BundleRecord

Make = Callable[..., Bundle]


def edit(bundle: Bundle, **changes: Any) -> Path:
    """Change fields of bundle.json (None removes) without touching its id; return the folder."""
    path = bundle.folder / "bundle.json"
    values = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            values.pop(key)
        else:
            values[key] = value
    path.write_text(json.dumps(values))
    return bundle.folder


def flip(path: Path, place: int = 7) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


def test_a_bundle_comes_back_as_it_was_written(bundle: Bundle, record: BundleRecord) -> None:
    loaded = Bundle.load(bundle.folder)
    assert loaded.record.classes == record.classes
    assert loaded.record.preprocessing == record.preprocessing
    assert loaded.record.thresholds == record.thresholds
    assert loaded.id == loaded.record.digest()
    assert len(loaded.id) == 64


def test_a_bundle_holds_four_files_and_a_card_for_research_use_only(bundle: Bundle) -> None:
    names = sorted(path.name for path in bundle.folder.iterdir())
    assert names == ["README.md", "bundle.json", "model.onnx", "weights.safetensors"]
    assert "Research use only" in (bundle.folder / "README.md").read_text()


def test_the_id_follows_the_contents(make_bundle: Make) -> None:
    assert make_bundle().id == make_bundle().id
    assert make_bundle().id != make_bundle(temperature=1.6).id


def test_nothing_is_left_beside_a_written_bundle(bundle: Bundle) -> None:
    assert [path.name for path in bundle.folder.parent.iterdir()] == [bundle.folder.name]


def test_a_failed_write_leaves_nothing(tmp_path: Path, record: BundleRecord) -> None:
    with pytest.raises(FileNotFoundError, match="absent"):
        write_bundle(
            tmp_path / "bundle", record, model_onnx=tmp_path / "absent.onnx", weights=b"weights"
        )
    assert list(tmp_path.iterdir()) == []


def test_an_existing_bundle_is_replaced_only_when_asked(
    bundle: Bundle, record: BundleRecord
) -> None:
    with pytest.raises(BundleError, match="already something at"):
        write_bundle(bundle.folder, record, model_onnx=b"new", weights=b"w")
    replaced = write_bundle(bundle.folder, record, model_onnx=b"new", weights=b"w", overwrite=True)
    assert replaced.model_path.read_bytes() == b"new"
    assert [path.name for path in bundle.folder.parent.iterdir()] == [bundle.folder.name]


def test_a_folder_that_is_no_bundle_is_never_replaced(tmp_path: Path, record: BundleRecord) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years of work")
    with pytest.raises(BundleError, match="not a bundle, so it is not replaced"):
        write_bundle(tmp_path / "thesis", record, model_onnx=b"m", weights=b"w", overwrite=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years of work"


def test_a_model_can_be_copied_from_a_file(tmp_path: Path, record: BundleRecord) -> None:
    source = tmp_path / "network.onnx"
    source.write_bytes(b"n" * 3_000_000)
    written = write_bundle(tmp_path / "bundle", record, model_onnx=source, weights=b"w")
    assert written.model_path.read_bytes() == source.read_bytes()
    assert written.record.files["model.onnx"].bytes == 3_000_000


def test_a_place_without_a_bundle_is_refused_with_the_way_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"got nothing\. Make one with `make demo`"):
        Bundle.load(tmp_path / "absent")
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundleError, match=r"Expected a bundle folder at .*got a file"):
        Bundle.load(tmp_path / "file")
    with pytest.raises(BundleError, match=r"has no bundle\.json"):
        Bundle.load(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not valid JSON"),
        (b"[1]", "must hold an object, got list"),
        (b'{"temperature": NaN}', "NaN is not JSON"),
        (b"\xff\xfe", r"not UTF-8 text \(byte 0\)"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"format": "other"}', "must say format 'hilum-bundle', got 'other'"),
    ],
)
def test_what_is_no_record_is_refused(bundle: Bundle, content: bytes, message: str) -> None:
    (bundle.folder / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError, match=message):
        Bundle.load(bundle.folder)


def test_a_newer_format_asks_for_an_upgrade(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="format version 3; this hilum reads up to 2"):
        Bundle.load(edit(bundle, format_version=3))


@pytest.mark.parametrize("version", ["1", True, 0, 1.0, None])
def test_a_format_version_that_is_no_number_is_refused(bundle: Bundle, version: object) -> None:
    with pytest.raises(BundleError, match="format_version must be a whole number"):
        Bundle.load(edit(bundle, format_version=version))


def test_every_faulty_field_is_reported_at_once(bundle: Bundle) -> None:
    folder = edit(
        bundle, name=None, temperature="hot", classes=["a", 3], licnce="MIT", task="regression"
    )
    with pytest.raises(BundleError, match="cannot be used") as caught:
        Bundle.load(folder)
    message = str(caught.value)
    assert "name: missing; expected a non-empty text" in message
    assert "temperature must be a finite number, got 'hot'" in message
    assert "classes must be a list of texts" in message
    assert "licnce: unknown field. Did you mean 'licence'?" in message
    assert "task must be 'binary' or 'multiclass', got 'regression'" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"temperature": 0}, "temperature must be above 0, got 0"),
        ({"temperature": -2.0}, "temperature must be above 0"),
        ({"classes": ["a", "b"]}, "architecture.outputs must be 2"),
        ({"classes": ["a", "a", "b"]}, "different, non-empty names"),
        ({"task": "binary"}, "a binary task has two classes, got 3"),
        ({"default_threshold": "argmx"}, "no threshold called 'argmx'. Did you mean 'argmax'"),
        (
            {"thresholds": {"argmax": {"kind": "at_least", "class": "covd", "value": 0.5}}},
            "no class called 'covd'. Did you mean 'covid'",
        ),
        (
            {"thresholds": {"argmax": {"kind": "at_least", "class": "covid", "value": 1.5}}},
            r"value must be in \[0, 1\], got 1.5",
        ),
        ({"thresholds": {"argmax": {"kind": "most"}}}, "kind must be 'argmax' or 'at_least'"),
        ({"thresholds": {"argmax": {"kind": "argmax", "value": 1}}}, "value: unknown field"),
        ({"thresholds": {"argmax": 0.5}}, "thresholds.argmax must be an object, got 0.5"),
        ({"intended_use": "Diagnose everyone."}, "must contain"),
        ({"files": {}}, "files.model.onnx: missing"),
        ({"files": {"../evil": {"sha256": "a", "bytes": 1}}}, r"files.\.\./evil: unknown field"),
        ({"versions": {"torch": 2}}, "versions must be an object of texts"),
        ({"architecture": {"name": "tiny"}}, "architecture.channels: missing"),
    ],
)
def test_a_record_that_cannot_be_is_refused(
    bundle: Bundle, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(BundleError, match=message):
        Bundle.load(edit(bundle, **changes))


def test_channels_of_network_and_preprocessing_must_agree(bundle: Bundle) -> None:
    architecture = {"name": "tiny", "channels": 3, "outputs": 3, "options": {}}
    with pytest.raises(
        BundleError, match=r"architecture\.channels is 3 but preprocessing\.channels"
    ):
        Bundle.load(edit(bundle, architecture=architecture))


def test_unknown_or_missing_preprocessing_is_refused(bundle: Bundle) -> None:
    values = bundle.record.preprocessing.to_dict()
    with pytest.raises(BundleError, match="'gamma'"):
        Bundle.load(edit(bundle, preprocessing={**values, "gamma": 2}))
    values.pop("square")
    with pytest.raises(BundleError, match="preprocessing: missing square"):
        Bundle.load(edit(bundle, preprocessing=values))


def test_preprocessing_that_does_not_match_its_hash_is_refused(bundle: Bundle) -> None:
    values = {**bundle.record.preprocessing.to_dict(), "equalization": "histogram"}
    with pytest.raises(BundleError, match=r"preprocessing_hash is .* but this hilum prepares"):
        Bundle.load(edit(bundle, preprocessing=values))


def test_a_changed_record_is_noticed(bundle: Bundle) -> None:
    with pytest.raises(BundleError, match="was changed after it was written"):
        Bundle.load(edit(bundle, temperature=1.25))


def test_any_flipped_letter_of_the_record_is_noticed(bundle: Bundle) -> None:
    path = bundle.folder / "bundle.json"
    whole = path.read_bytes()
    for place in range(0, len(whole), 37):
        changed = bytearray(whole)
        changed[place] ^= 1
        path.write_bytes(bytes(changed))
        with pytest.raises(BundleError, match="cannot be used"):
            Bundle.load(bundle.folder)


@pytest.mark.parametrize("name", ["model.onnx", "README.md"])
def test_a_flipped_bit_is_named_with_both_hashes(bundle: Bundle, name: str) -> None:
    flip(bundle.folder / name)
    expected = bundle.record.files[name].sha256
    with pytest.raises(
        BundleError, match=rf"{name}: expected sha256 {expected}, got [0-9a-f]{{64}}"
    ):
        Bundle.load(bundle.folder)
    assert Bundle.load(bundle.folder, verify=False).id == bundle.id


def test_weights_are_hashed_on_loading_and_again_when_used(bundle: Bundle) -> None:
    loaded = Bundle.load(bundle.folder)
    flip(bundle.folder / "weights.safetensors")
    with pytest.raises(BundleError, match=r"The weights of the bundle .*expected sha256"):
        loaded.weights_path()
    with pytest.raises(BundleError, match=r"weights\.safetensors: expected sha256"):
        Bundle.load(bundle.folder)


def test_missing_and_truncated_files_are_reported_together(bundle: Bundle) -> None:
    (bundle.folder / "weights.safetensors").unlink()
    (bundle.folder / "model.onnx").write_bytes(b"half")
    with pytest.raises(
        BundleError, match=r"(?s)model\.onnx: expected .* bytes, got 4.*it is missing"
    ):
        Bundle.load(bundle.folder)


def test_a_pickle_in_the_folder_is_never_touched(bundle: Bundle, tmp_path: Path) -> None:
    canary = tmp_path / "executed"
    bomb = f"cbuiltins\nexec\n(S'open({str(canary)!r}, \"w\")'\ntR.".encode()
    for name in ("model.pt", "weights.pkl", "checkpoint.ckpt"):
        (bundle.folder / name).write_bytes(bomb)
    Bundle.load(bundle.folder)
    assert not canary.exists()


def test_weights_come_back_by_name(tmp_path: Path, record: BundleRecord) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    import numpy as np

    content = safetensors.save({"head.bias": np.array([1.0, 2.0], np.float32)})
    bundle = write_bundle(tmp_path / "b", record, model_onnx=b"m", weights=content)
    assert bundle.load_weights()["head.bias"].tolist() == [1.0, 2.0]


def test_weights_that_are_no_safetensors_are_refused(bundle: Bundle) -> None:
    pytest.importorskip("safetensors")
    with pytest.raises(BundleError, match="is not a safetensors file"):
        bundle.load_weights()


def test_a_figure_that_is_not_finite_cannot_be_written(make_bundle: Make) -> None:
    with pytest.raises(BundleError, match="plain JSON values"):
        make_bundle(measured={"auroc": float("nan")})


def test_an_unknown_threshold_is_refused_with_a_suggestion(record: BundleRecord) -> None:
    assert record.threshold()[0] == "argmax"
    with pytest.raises(ConfigError, match=r"no threshold called 'sensitiv'\. Did you mean"):
        record.threshold("sensitiv")
