"""The scripts: what they work out, what they keep to."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hilum.serve.page.assets import assets

HERE = Path(__file__).parent
STATIC = Path(str(files("hilum.serve.page"))) / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All scripts as they are served, the made ones included."""
    folder = tmp_path_factory.mktemp("static")
    for name, content in assets().content.items():
        (folder / name).write_bytes(content)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


def test_what_the_scripts_work_out_is_right(folder: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    done = subprocess.run(
        [node, "--test", str(HERE / "pure.test.mjs")],
        env={"STATIC": f"{folder.as_uri()}/", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-4000:]
    assert re.search(r"# pass [1-9]", done.stdout), done.stdout[-500:]


def test_maps_are_enlarged_as_the_drawn_pictures_enlarge_them(folder: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    cam = np.random.default_rng(3).random((7, 7), np.float32)
    script = (
        f"import {{ enlarged }} from {json.dumps((folder / 'heat.js').as_uri())};"
        f"console.log(JSON.stringify([...enlarged({json.dumps(cam.tolist())}, 90, 60)]))"
    )
    done = subprocess.run(
        [node, "--input-type=module", "-e", script], capture_output=True, text=True, check=True
    )
    drawn = Image.fromarray(cam / cam.max()).resize((90, 60), Image.Resampling.BICUBIC)
    found = np.array(json.loads(done.stdout)).reshape(60, 90)
    assert np.abs(found - np.clip(np.asarray(drawn), 0, 1)).max() < 1e-5


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_no_script_makes_markup_of_text_or_evaluates_it(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|\.cssText"
        r"|setAttribute\(\"style\"",
        text,
    )
    assert not found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_are_checked_small_and_say_what_they_are(script: Path) -> None:
    lines = script.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "// @ts-check"
    assert lines[1].startswith("/**")
    assert len(lines) <= 300


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_load_only_what_is_served(script: Path) -> None:
    text = script.read_text(encoding="utf-8")
    for name in re.findall(r'from "([^"]+)"', text):
        assert name.startswith("./")
        assert name[2:] in assets().content
    assert not re.findall(r"https?://", text)


def test_the_heat_colours_of_the_page_are_those_of_the_pictures() -> None:
    from hilum.screening.colours import heat_colours

    text = assets().content["heat-colours.js"].decode()
    numbers = [int(found) for found in re.findall(r"\d+", text.partition("= ")[2])]
    assert numbers == heat_colours().ravel().tolist()
