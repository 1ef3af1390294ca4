"""The core works where torch is not installed."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import hilum
from hilum.benchmark.groups import GROUPS

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
TRAINING_ONLY = ("torch", "torchvision", "lightning", "timm", "onnx", "safetensors", "tensorboard")


def run_without(blocked: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    script = BLOCK.format(blocked=blocked) + code
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "room",
    ["config", "data", "data.phantom", "evaluation", "screening", "screening.screener", "report",
     "report.whole.write", "report.audit_page", "serve", "serve.app",
     "serve.run", "cli", "training", "benchmark",
     *(f"benchmark.cases.{group.name}" for group in GROUPS)],
)  # fmt: skip
def test_a_core_room_imports_where_torch_cannot_be_found(room: str) -> None:
    done = run_without(TRAINING_ONLY, f"import hilum.{room}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("code", ["import hilum.models", "from hilum.training import fit"])
def test_a_training_room_names_its_extra_where_torch_cannot_be_found(code: str) -> None:
    done = run_without(TRAINING_ONLY, code)
    assert done.returncode == 1
    assert "pip install 'hilum[train]'" in done.stderr


def test_every_public_name_can_be_had_without_torch() -> None:
    code = "import hilum\nfor name in hilum.__all__: getattr(hilum, name)\n"
    done = run_without(TRAINING_ONLY, code)
    assert done.returncode == 0, done.stderr


def test_importing_hilum_imports_nothing_heavy() -> None:
    code = "import hilum, hilum.cli, sys; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.replace("'", "").strip("[]\n").split(", "))
    assert not loaded & {"numpy", "polars", "pydantic", "matplotlib", "onnxruntime", "torch"}


@pytest.mark.parametrize("room", ["hilum", "hilum.data", "hilum.evaluation", "hilum.screening",
                                  "hilum.models", "hilum.training", "hilum.report"])  # fmt: skip
def test_what_a_room_exports_is_there(room: str) -> None:
    module = importlib.import_module(room)
    assert len(set(module.__all__)) == len(module.__all__)
    assert all(hasattr(module, name) for name in module.__all__)


def test_an_unknown_public_name_is_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'scren'"):
        hilum.scren  # noqa: B018
