from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.cli import main
from hilum.data.preprocessing import Preprocessing
from hilum.screening import default
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
        gate={"layout": False},  # the films below are ramps, and no chests
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


def test_without_a_bundle_and_without_a_default_it_says_how_to_make_one(
    hilum: Run, films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default, "_FOLDER", tmp_path / "absent")
    code, _, err = hilum("screen", films)
    assert code == 1
    assert "`hilum export` packs one" in err


def test_without_a_bundle_the_default_one_answers(
    hilum: Run, bundle: Path, films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(default, "_FOLDER", bundle)
    code, out, _ = hilum("screen", films, "--json")
    assert code == 0
    assert {answer["bundle_name"] for answer in json.loads(out)} == {"mean"}


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


def archive(hilum: Run, bundle: Path, out: Path, *words: str | Path) -> tuple[int, str, str]:
    """Run `hilum screen` into an archive with one worker."""
    return hilum("screen", *words, "--bundle", bundle, "--out", out, "--workers", "1")


def test_an_archive_goes_into_shards_and_its_summary_is_printed(
    hilum: Run, bundle: Path, films: Path, tmp_path: Path
) -> None:
    pl = pytest.importorskip("polars")
    code, out, _ = archive(hilum, bundle, tmp_path / "out", films)
    assert code == 0
    assert out.startswith("2 films; shards: 1.\n  accepted 2; refused 0; failed 0\n")
    assert out.endswith("Research use only.\n")
    rows = pl.read_parquet(f"{tmp_path}/out/*.parquet")
    assert rows["decision"].to_list() == ["normal", "covid"]


def test_an_archive_with_a_bad_film_ends_with_3_and_json_is_the_summary(
    hilum: Run, bundle: Path, films: Path, tmp_path: Path
) -> None:
    (films / "text.png").write_text("no picture")
    code, out, _ = archive(hilum, bundle, tmp_path / "out", films, "--json")
    found = json.loads(out)
    assert code == 3
    assert (found["films"], found["failed"], found["complete"]) == (3, 1, True)
    assert found == json.loads((tmp_path / "out" / "summary.json").read_text())


def test_an_archive_in_which_everything_or_nothing_is_found_to_be_bad_ends_with_1(
    hilum: Run, bundle: Path, tmp_path: Path
) -> None:
    (tmp_path / "films").mkdir()
    code, _, err = archive(hilum, bundle, tmp_path / "empty", tmp_path / "films")
    assert code == 1
    assert "no radiograph was found" in err
    (tmp_path / "films" / "text.png").write_text("no picture")
    assert archive(hilum, bundle, tmp_path / "out", tmp_path / "films")[0] == 1


def test_an_archive_is_not_begun_twice_but_resumed(
    hilum: Run, bundle: Path, films: Path, tmp_path: Path
) -> None:
    assert archive(hilum, bundle, tmp_path / "out", films)[0] == 0
    code, _, err = archive(hilum, bundle, tmp_path / "out", films)
    assert code == 1
    assert "already holds a run with 1 shards. Go on with it with --resume" in err
    code, out, _ = archive(hilum, bundle, tmp_path / "out", films, "--resume", "--json")
    assert code == 0
    assert json.loads(out)["screened_in_last_session"] == 0


def test_films_that_failed_are_done_again_where_that_is_asked_for(
    hilum: Run, bundle: Path, films: Path, tmp_path: Path
) -> None:
    (films / "late.png").write_bytes(b"")
    assert archive(hilum, bundle, tmp_path / "out", films)[0] == 3
    good = next(path for path in films.rglob("*.png") if path.stat().st_size)
    (films / "late.png").write_bytes(good.read_bytes())
    assert archive(hilum, bundle, tmp_path / "out", films, "--resume")[0] == 3
    words = ("--resume", "--retry-failed", "--json")
    code, out, _ = archive(hilum, bundle, tmp_path / "out", films, *words)
    assert code == 0
    assert (json.loads(out)["films"], json.loads(out)["screened_in_last_session"]) == (3, 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--resume"], "--resume: it needs --out"),
        (["--retry-failed", "--resume"], "--resume: it needs --out"),
        (["--retry-failed", "--out", "x"], "--retry-failed: it goes with --resume"),
        (["--workers", "2"], "--workers: it needs --out"),
        (["--ray", "auto"], "--ray: it needs --out"),
        (["--out", "x", "--heatmaps", "y"], "--heatmaps: it is for a few films, without --out"),
        (["--out", "x", "--threads", "2"], "--threads: it is for a few films, without --out"),
    ],
)
def test_options_of_the_one_are_refused_for_the_other(
    hilum: Run, bundle: Path, films: Path, words: list[str], message: str
) -> None:
    code, _, err = hilum("screen", films, "--bundle", bundle, *words)
    assert code == 2
    assert message in " ".join(err.split())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_writes_what_is_done_and_says_how_to_go_on(
    bundle: Path, films: Path, tmp_path: Path, number: int, code: int
) -> None:
    pl = pytest.importorskip("polars")
    film = (films / "b" / "bright.png").read_bytes()
    for copy in range(3000):
        (films / f"{copy}.png").write_bytes(film)
    words = [sys.executable, "-m", "hilum", "screen", films, "--bundle", bundle]
    words += ["--out", tmp_path / "out", "--workers", "1"]
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not _at_work(process.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Go on with the same command and --resume" in err
    assert not json.loads((tmp_path / "out" / "summary.json").read_text())["complete"]
    assert pl.read_parquet(f"{tmp_path}/out/*.parquet")["key"].is_unique().all()


def _at_work(pid: int) -> bool:
    """Return whether a run's worker has opened its network."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    maps = [Path(f"/proc/{child}/maps") for child in children]
    return any("onnxruntime" in path.read_text() for path in maps if path.exists())


def test_a_few_films_import_nothing_of_archives(bundle: Path, films: Path) -> None:
    code = f"""
import signal
import subprocess
import sys
import time
sys.argv = ["hilum", "screen", {str(films)!r}, "--bundle", {str(bundle)!r}]
from hilum.cli import main
main()
"""
    check = """
import atexit, sys
heavy = {"polars", "multiprocessing", "hilum.screening.archive", "tarfile"}
atexit.register(lambda: print(sorted(heavy & {*sys.modules})))
"""
    done = subprocess.run(
        [sys.executable, "-c", check + code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
