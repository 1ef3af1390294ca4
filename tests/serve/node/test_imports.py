"""What works without the extra, and what names it."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""
EXTRA = ("pynetdicom", "highdicom")


def run_without(blocked, code):
    script = BLOCK.format(blocked=blocked) + code
    return subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "module", ["seams", "settings", "uids", "own", "source", "fhir", "deidentify_files", "stow"]
)
def test_what_needs_no_network_imports_without_the_extra(module) -> None:
    done = run_without(EXTRA, f"import hilum.serve.node.{module}")
    assert done.returncode == 0, done.stderr


def test_the_node_names_its_extra() -> None:
    done = run_without(EXTRA, "import hilum.serve.node.node")
    assert "pip install 'hilum[dicom]'" in done.stderr


def test_the_node_needs_no_torch() -> None:
    pytest.importorskip("pynetdicom")
    pytest.importorskip("highdicom")
    done = run_without(("torch", "torchvision", "lightning"), "import hilum.serve.node.node")
    assert done.returncode == 0, done.stderr


def test_screening_brings_in_nothing_of_the_node() -> None:
    code = """
import hilum.screening.screener, hilum.screening.overlay, sys
found = ("pynetdicom", "highdicom", "hilum.serve")
print([module for module in sys.modules if module.startswith(found)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
