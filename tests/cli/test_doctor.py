from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable

import pytest

from hilum.cli import main

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hilum(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the command line: exit code, output, errors."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["hilum", *words])
        with pytest.raises(SystemExit) as left:
            main()
        code = left.value.code
        out, err = capsys.readouterr()
        return (code if isinstance(code, int) else 0), out, err

    return run


def test_a_sound_installation_exits_with_0(hilum: Run) -> None:
    code, out, _ = hilum("doctor")
    assert code == 0
    assert "ok  onnxruntime" in out


def test_json_lists_every_finding(hilum: Run) -> None:
    _, out, _ = hilum("doctor", "--json")
    report = json.loads(out)
    assert report["ok"] is True
    names = {finding["name"] for finding in report["findings"]}
    assert {"python", "hilum", "pydicom", "torch", "processor", "disk", "write access"} <= names


def test_a_missing_core_package_exits_with_1_and_the_line_to_type(
    hilum: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "PIL" else real(name)
    )
    code, out, err = hilum("doctor")
    assert code == 1
    assert "mend: pip install pillow" in out
    assert "screening will not work" in err
