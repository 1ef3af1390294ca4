from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from hilum.cli import app
from hilum.data.preprocessing import Preprocessing
from hilum.screening.bundle import write_bundle
from hilum.screening.record import Architecture, BundleRecord

onnx = pytest.importorskip("onnx")
SIZE, CELLS = 32, 4


def network() -> bytes:
    """Return a network whose map is the brightness of 4 x 4 cells, whose logit is their mean."""
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("AveragePool", ["images"], ["cells"], kernel_shape=[8, 8], strides=[8, 8]),
        helper.make_node("Relu", ["cells"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["logits"]),
        helper.make_node("Neg", ["features"], ["negative"]),
        helper.make_node("Concat", ["negative", "features"], ["both"], axis=1),
        helper.make_node("Relu", ["both"], ["cams"]),
    ]
    shapes: dict[str, list[str | int | None]]
    shapes = {"logits": ["n", 1], "cams": ["n", 2, CELLS, CELLS]}
    graph = helper.make_graph(
        nodes,
        "bright",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, of) for name, of in shapes.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return bytes(model.SerializeToString())


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    record = BundleRecord(
        name="bright",
        created="2024-05-01T10:00:00Z",
        hilum_version="0.1.0",
        task="binary",
        classes=("normal", "covid"),
        architecture=Architecture(name="bright", channels=1, outputs=1),
        preprocessing=Preprocessing(size=SIZE),
        gate={"layout": False},
    )
    write_bundle(tmp_path / "bundle", record, model_onnx=network(), weights=b"none")
    return tmp_path / "bundle"


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """A grey film with a bright spot at the lower left."""
    rows, columns = np.mgrid[:160, :160]
    grey = 100 + 20 * np.sin(rows / 15) + 15 * np.cos(columns / 11)
    grey += 120 * np.exp(-(((rows - 100) / 18) ** 2) - ((columns - 60) / 18) ** 2)
    path = tmp_path / "film.png"
    Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture
def run(bundle: Path, tmp_path: Path) -> Callable[..., Result]:
    def invoke(*arguments: object, named: bool = True) -> Result:
        words = ["explain", *map(str, arguments), "--out", str(tmp_path / "out")]
        words += ["--bundle", str(bundle)] if named else []
        return CliRunner().invoke(app, words)

    return invoke


TORCH_FREE = ("--methods", "grad-cam,occlusion")


def test_a_film_is_explained_on_a_page_and_in_numbers(
    run: Callable[..., Result], film: Path, tmp_path: Path
) -> None:
    done = run(film, *TORCH_FREE, "--no-lungs", "--class", "covid")
    assert done.exit_code == 0, done.output
    assert f"{film}: covid " in done.stdout
    assert "The maps agree about where the evidence for covid lies." in done.stdout
    assert "Research use only" in done.stdout
    told = json.loads((tmp_path / "out" / "explanations.json").read_text())
    (explained,) = told["films"][0]["classes"]
    own, occlusion = explained["maps"]
    assert (own["method"], occlusion["method"]) == ("grad-cam", "occlusion")
    assert (own["peak_down"], own["peak_across"]) == (0.625, 0.375)
    assert (occlusion["peak_down"], occlusion["peak_across"]) == (0.625, 0.375)
    assert explained["occlusion"]["runs"] == 8 * 8 + 1
    assert np.array(explained["occlusion"]["probability_drops"]).shape == (8, 8)
    page = (tmp_path / "out" / "index.html").read_text()
    assert "Research use only" in page
    assert f"hilum explain {film}" in page
    assert page.count("data:image/jpeg;base64,") == 3
    assert "http://" not in page
    assert "https://" not in page


def test_json_prints_what_the_file_holds_with_the_seconds_of_each_method(
    run: Callable[..., Result], film: Path, tmp_path: Path
) -> None:
    done = run(film, *TORCH_FREE, "--class", "all", "--patch", 8, "--stride", 8, "--json")
    assert done.exit_code == 0, done.output
    printed = json.loads(done.stdout)
    assert printed == json.loads((tmp_path / "out" / "explanations.json").read_text())
    assert [one["class"] for one in printed["films"][0]["classes"]] == ["normal", "covid"]
    assert [one["method"] for one in printed["methods"]] == ["grad-cam", "occlusion"]
    assert all(one["median_seconds"] > 0 for one in printed["methods"])
    assert printed["films"][0]["classes"][0]["occlusion"]["runs"] == 17


def test_one_method_alone_confirms_nothing(run: Callable[..., Result], film: Path) -> None:
    done = run(film, "--methods", "occlusion", "--no-lungs")
    assert done.exit_code == 0, done.output
    assert "One method alone: nothing confirms the map." in done.stdout


def test_a_network_that_cannot_be_rebuilt_says_what_to_leave_out(
    run: Callable[..., Result], film: Path
) -> None:
    done = run(film)
    assert done.exit_code == 1
    assert "cannot be rebuilt in torch. No network called 'bright'" in str(done.exception)
    assert "--methods grad-cam,occlusion" in str(done.exception)


def test_a_film_that_cannot_be_read_gives_exit_code_3(
    run: Callable[..., Result], film: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    done = run(film, bad, *TORCH_FREE, "--no-lungs")
    assert done.exit_code == 3
    assert f"{bad}: " in done.stderr
    assert "No answer: " in (tmp_path / "out" / "index.html").read_text()
    assert run(bad, *TORCH_FREE, "--no-lungs").exit_code == 1


def test_a_refused_film_is_named_and_explained_only_if_forced(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    flat = tmp_path / "flat.png"
    Image.fromarray(np.full((160, 160), 90, np.uint8)).save(flat)
    done = run(flat, *TORCH_FREE, "--no-lungs")
    assert done.exit_code == 0, done.output
    assert f"{flat}: refused: " in done.stdout
    assert "The input gate refuses it: " in (tmp_path / "out" / "index.html").read_text()
    forced = run(flat, *TORCH_FREE, "--no-lungs", "--force")
    assert forced.exit_code == 0, forced.output
    assert "Evidence for" in (tmp_path / "out" / "index.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--methods", "grad-cma"), "no method called 'grad-cma'. Did you mean 'grad-cam'?"),
        (("--methods", ","), "name one of grad-cam, grad-cam++, occlusion"),
        (("--class", "covd"), "no class called 'covd'. Did you mean 'covid'?"),
        ((*TORCH_FREE, "--patch", "33"), "patch must be in [1, 32] pixels, got 33"),
        ((*TORCH_FREE, "--patch", "4", "--stride", "9"), "stride must be in [1, 4] pixels"),
    ],
)
def test_wrong_usage_is_answered_with_what_is_right(
    run: Callable[..., Result], film: Path, words: tuple[str, ...], message: str
) -> None:
    done = run(film, *words)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())


def test_a_file_in_place_of_the_folder_is_a_usage_error(bundle: Path, film: Path) -> None:
    words = ["explain", str(film), "--bundle", str(bundle), "--out", str(film)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "name a folder" in done.stderr


def test_the_lung_segmenter_is_no_classifier(film: Path, tmp_path: Path) -> None:
    from hilum.screening.lungs import SHIPPED

    words = ["explain", str(film), "--bundle", str(SHIPPED), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 2
    assert "a segmentation has no answer to explain" in done.stderr


def test_without_torch_two_methods_work_and_the_third_names_its_extra(
    bundle: Path, film: Path, tmp_path: Path
) -> None:
    code = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("torch", "torchvision", "safetensors", "timm"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Blocked())
from hilum.cli import main
main()
"""
    words = ["explain", film, "--bundle", bundle, "--no-lungs", "--out", tmp_path / "out"]

    def typed(*more: str) -> subprocess.CompletedProcess[str]:
        line = [sys.executable, "-c", code, *map(str, words), *more]
        return subprocess.run(line, capture_output=True, text=True, check=False)

    done = typed(*TORCH_FREE)
    assert done.returncode == 0, done.stderr
    assert "The maps agree" in done.stdout
    refused = typed()
    assert refused.returncode == 1
    assert "pip install 'hilum[train]'" in refused.stderr
    assert "--methods grad-cam,occlusion" in refused.stderr
