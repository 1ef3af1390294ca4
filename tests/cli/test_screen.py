from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.cli import main
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import write_bundle
from hilum.screening.record import Architecture, BundleRecord
from hilum.screening.threshold import Threshold

onnx = pytest.importorskip("onnx")
Run = Callable[..., tuple[int, str, str]]


def network() -> bytes:
    """Return a network whose logit is the mean of the picture: brighter means covid."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("GlobalAveragePool", ["images"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
        helper.make_node("Neg", ["images"], ["negative"]),
        helper.make_node("Concat", ["negative", "images"], ["both"], axis=1),
        helper.make_node("Relu", ["both"], ["cams"]),
    ]
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, 16, 16])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", 1]),
            helper.make_tensor_value_info("cams", TensorProto.FLOAT, ["n", 2, 16, 16]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    record = BundleRecord(
        name="mean",
        created="2024-05-01T10:00:00Z",
        hilum_version="0.1.0",
        task="binary",
        classes=("normal", "covid"),
        architecture=Architecture(name="mean", channels=1, outputs=1),
        preprocessing=Preprocessing(size=16),
        thresholds={
            "argmax": Threshold(),
            "never": Threshold(kind="at_least", label="covid", value=1.0),
        },
    )
    return write_bundle(
        tmp_path / "bundle", record, model_onnx=network(), weights=b"weights"
    ).folder


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two films in two folders, a dark one and a bright one."""
    ramp = np.add.outer(np.linspace(0, 100, 150), np.linspace(0, 60, 140))
    for name, offset in {"a/dark.png": 0, "b/bright.png": 90}.items():
        path = tmp_path / "films" / name
        path.parent.mkdir(parents=True)
        Image.fromarray((ramp + offset).astype(np.uint8)).save(path)
    return tmp_path / "films"


@pytest.fixture
def hilum(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line: exit code, output, errors."""

    def run(*words: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hilum", *map(str, words)])
        with pytest.raises(SystemExit) as left:
            main()
        code = left.value.code
        out, err = capsys.readouterr()
        return (code if isinstance(code, int) else 0), out, err

    return run


def test_json_is_an_array_with_an_answer_a_film(hilum: Run, bundle: Path, films: Path) -> None:
    code, out, _ = hilum("screen", films, "--bundle", bundle, "--json")
    answers = json.loads(out)
    assert code == 0
    assert [Path(answer["path"]).name for answer in answers] == ["dark.png", "bright.png"]
    assert [answer["decision"] for answer in answers] == ["normal", "covid"]
    for answer in answers:
        assert sum(answer["probabilities"].values()) == pytest.approx(1)
        assert answer["accepted"] is True
        assert (answer["error"], answer["heatmap"], answer["reasons"]) == (None, None, [])
        assert answer["bundle"] == json.loads((bundle / "bundle.json").read_text())["id"]
        assert answer["seconds"] > 0


def test_text_is_for_a_person_and_says_research_use_only(
    hilum: Run, bundle: Path, films: Path
) -> None:
    code, out, _ = hilum("screen", films, "--bundle", bundle)
    assert code == 0
    assert "bright.png  covid" in out
    assert out.endswith("2 screened.\nResearch use only.\n")


def test_one_bad_film_does_not_stop_the_others(
    hilum: Run, bundle: Path, films: Path, tmp_path: Path
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    films_and_worse = [tmp_path / "text.png", films, tmp_path / "absent.png"]
    code, out, _ = hilum("screen", *films_and_worse, "--bundle", bundle, "--json")
    answers = json.loads(out)
    assert code == 3
    assert [answer["error"] is None for answer in answers] == [False, True, True, False]
    assert answers[0]["probabilities"] is None


def test_only_bad_films_is_a_failure(hilum: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("no picture")
    code, out, _ = hilum("screen", tmp_path / "text.png", "--bundle", bundle)
    assert code == 1
    assert "1 screened, 1 failed." in out


def test_a_refused_film_is_an_answer_with_reasons(hilum: Run, bundle: Path, tmp_path: Path) -> None:
    path = tmp_path / "blank.png"
    Image.new("L", (200, 200), 80).save(path)
    code, out, _ = hilum("screen", path, "--bundle", bundle, "--json")
    (answer,) = json.loads(out)
    assert code == 0
    assert (answer["accepted"], answer["probabilities"]) == (False, None)
    assert "blank" in answer["reasons"][0]
    code, out, _ = hilum("screen", path, "--bundle", bundle, "--json", "--force")
    assert json.loads(out)[0]["probabilities"] is not None


def test_heatmaps_are_written_one_a_class(
    hilum: Run, bundle: Path, films: Path, tmp_path: Path
) -> None:
    words = ("screen", films / "b", "--bundle", bundle, "--heatmaps", tmp_path / "maps", "--json")
    _, out, _ = hilum(*words)
    (answer,) = json.loads(out)
    assert answer["heatmap"] == answer["heatmaps"]["covid"]
    assert sorted(answer["heatmaps"].values()) == sorted(map(str, (tmp_path / "maps").iterdir()))


def test_a_named_threshold_decides(hilum: Run, bundle: Path, films: Path) -> None:
    _, out, _ = hilum("screen", films, "--bundle", bundle, "--threshold", "never", "--json")
    answers = json.loads(out)
    assert [answer["decision"] for answer in answers] == ["normal", "normal"]
    expected = {"name": "never", "kind": "at_least", "class": "covid", "value": 1.0}
    assert answers[0]["threshold"] == expected


def test_an_unknown_threshold_fails_with_a_suggestion(
    hilum: Run, bundle: Path, films: Path
) -> None:
    code, out, err = hilum("screen", films, "--bundle", bundle, "--threshold", "nevr")
    assert (code, out) == (1, "")
    assert "Did you mean 'never'?" in err


def test_without_a_bundle_it_says_how_to_make_one(hilum: Run, films: Path) -> None:
    code, _, err = hilum("screen", films)
    assert code == 2
    assert "make demo" in err


@pytest.mark.parametrize("blank", [False, True])
def test_a_damaged_bundle_gives_no_answer_and_no_refusal(
    hilum: Run, bundle: Path, films: Path, blank: bool
) -> None:
    if blank:
        for path in films.rglob("*.*"):
            Image.new("L", (200, 200), 80).save(path, format="PNG")
    content = bytearray((bundle / "model.onnx").read_bytes())
    content[50] ^= 1
    (bundle / "model.onnx").write_bytes(bytes(content))
    code, out, err = hilum("screen", films, "--bundle", bundle)
    assert (code, out) == (1, "")
    assert "model.onnx: expected sha256" in err


def test_a_folder_without_films_fails(hilum: Run, bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    code, _, err = hilum("screen", tmp_path / "empty", "--bundle", bundle)
    assert code == 1
    assert "holds no radiograph" in err


def test_originals_of_every_format_are_answered(
    hilum: Run, bundle: Path, shared_data: Path
) -> None:
    code, out, _ = hilum("screen", shared_data / "originals", "--bundle", bundle, "--json")
    answers = json.loads(out)
    assert code == 0
    assert len(answers) == 48
    assert all(answer["accepted"] and answer["probabilities"] for answer in answers)
