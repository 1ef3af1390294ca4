"""Making a bundle faster, on films drawn here; needs OpenVINO."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from hilum.data.manifest import Manifest
from hilum.errors import BundleError, DataError, MissingExtraError
from hilum.screening import optimize as room
from hilum.screening.bundle import Bundle, write_bundle
from hilum.screening.engine import Engine, open_engine
from hilum.screening.engines import choice
from hilum.screening.optimize import Optimized, optimize_bundle
from hilum.screening.optimize_films import part_films
from hilum.screening.optimize_report import report_text
from hilum.screening.screener import Screener

Make = Callable[..., Bundle]
IMAGES = np.random.default_rng(3).normal(size=(5, 1, 16, 16)).astype(np.float32)
LABELS = ("normal", "pneumonia", "covid")


@pytest.fixture(scope="module")
def fast_extra() -> None:
    pytest.importorskip("openvino", reason="pip install 'hilum[fast]'")


@pytest.fixture(scope="session")
def films(
    tmp_path_factory: pytest.TempPathFactory, chest: Callable[..., Any], png: Callable[..., bytes]
) -> Path:
    """A folder of 320 films of 160 patients, and a manifest with their splits."""
    folder = tmp_path_factory.mktemp("films")
    lines = ["path,patient_id,source,label,split"]
    for i in range(320):
        name, split = f"{i:03}.png", "test" if i < 240 else "train"
        (folder / name).write_bytes(png(chest(64, 60, shift=i / 10)))
        lines.append(f"{name},{i // 2},here,{LABELS[i // 2 % 3]},{split}")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder / "manifest.csv"


@pytest.fixture
def manifest(films: Path) -> Manifest:
    return Manifest.read(films)


def without_splits(manifest: Manifest) -> Manifest:
    return replace(manifest, frame=manifest.frame.drop("split"))


@pytest.fixture
def fast(fast_extra: None, bundle: Bundle, manifest: Manifest, tmp_path: Path) -> Optimized:
    return optimize_bundle(bundle, manifest, tmp_path / "fast", precision="fp32", least_speed=0)


def test_a_fast_bundle_answers_as_the_bundle_it_was_made_of(
    fast: Optimized, bundle: Bundle
) -> None:
    assert fast.bundle is not None
    engine = open_engine(Bundle.load(fast.bundle.folder))
    assert engine.name.startswith("OpenVINO 20")
    assert engine.warnings == ()
    for mine, theirs in zip(engine.run(IMAGES), Engine(bundle).run(IMAGES), strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5)


def test_threads_that_infer_at_once_do_not_disturb_each_other(fast: Optimized) -> None:
    assert fast.bundle is not None
    engine = Engine(fast.bundle, threads=1)
    expected = [engine.run(image[None])[0] for image in IMAGES]
    with ThreadPoolExecutor(5) as pool:
        found = pool.map(lambda turn: engine.run(IMAGES[turn % 5][None])[0], range(200))
        for turn, logits in enumerate(found):
            np.testing.assert_array_equal(logits, expected[turn % 5])


def test_a_fast_bundle_says_what_was_measured(fast: Optimized, bundle: Bundle) -> None:
    assert fast.bundle is not None
    record = Bundle.load(fast.bundle.folder).record
    assert record.engine is not None
    assert record.engine.optimized_from == bundle.id != fast.bundle.id
    assert record.engine.measured["measured_on"]["films"] == 240
    assert record.engine.measured["engines"][0]["agreement"]["estimate"] == 1
    assert record.engine.threads in (1, record.engine.cores)
    card = (fast.bundle.folder / "README.md").read_text()
    assert "## Fast engine" in card
    assert "films with the same most probable class | 1 |" in card


def test_a_fast_bundle_screens_and_leaves_nothing_else_behind(
    fast: Optimized, bundle: Bundle, film: bytes
) -> None:
    assert fast.bundle is not None
    mine, theirs = Screener(fast.bundle).screen(film), Screener(bundle).screen(film)
    assert mine.probabilities == pytest.approx(theirs.probabilities, abs=1e-5)
    assert mine.bundle == fast.bundle.id
    names = {path.name for path in fast.bundle.folder.iterdir()}
    assert names == {
        "README.md", "bundle.json", "engine.bin", "engine.xml", "model.onnx", "weights.safetensors"
    }  # fmt: skip


@pytest.mark.parametrize("name", ["engine.xml", "engine.bin"])
def test_one_changed_byte_of_the_engine_is_noticed(fast: Optimized, name: str) -> None:
    assert fast.bundle is not None
    path = fast.bundle.folder / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(BundleError, match=f"{name}: expected sha256"):
        Bundle.load(fast.bundle.folder)


def test_the_reference_can_still_be_asked_for(fast: Optimized) -> None:
    assert fast.bundle is not None
    assert Engine(fast.bundle, reference=True).name.startswith("ONNX Runtime")


def test_without_openvino_the_fp32_network_answers_and_says_so(
    fast: Optimized, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert fast.bundle is not None
    monkeypatch.setattr(choice, "installed_version", lambda: None)
    with caplog.at_level(logging.WARNING):
        engine = Engine(fast.bundle)
    assert engine.name.startswith("ONNX Runtime")
    (warning,) = engine.warnings
    assert "OpenVINO is not installed, so the fast fp32 engine was not used" in warning
    assert warning in caplog.text


def test_another_version_and_another_processor_are_said(
    fast: Optimized, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fast.bundle is not None
    monkeypatch.setattr(choice, "installed_version", lambda: "1999.1")
    monkeypatch.setattr(choice, "processor_flags", lambda: ("avx2", "amx_int8"))
    version, processor = Engine(fast.bundle).warnings
    assert "this is 1999.1, which may compute differently" in version
    assert "also has amx_int8" in processor


def test_threads_are_those_measured_only_on_as_many_cores(fast: Optimized) -> None:
    assert fast.bundle is not None
    engine = fast.bundle.record.engine
    assert engine is not None
    assert choice.fast_threads(engine) == engine.threads
    moved = replace(engine, cores=engine.cores + 1, threads=engine.cores + 1)
    assert choice.fast_threads(moved) == engine.cores


def test_another_record_does_not_take_the_engine_along(
    fast: Optimized, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert fast.bundle is not None
    record = replace(fast.bundle.record, temperature=3.0, files={}, id="")
    written = write_bundle(
        tmp_path / "new", record, model_onnx=fast.bundle.model_path, weights=b"weights"
    )
    assert written.record.engine is None
    assert "The fast engine is left out of the new bundle" in caplog.text


def test_engine_files_without_a_record_of_them_are_refused(tmp_path: Path, record: Any) -> None:
    with pytest.raises(BundleError, match="A fast engine is the files engine.xml and engine.bin"):
        write_bundle(
            tmp_path / "b", record, model_onnx=b"m", weights=b"w", engine={"engine.xml": b"x"}
        )


def test_a_mistyped_engine_section_lists_every_fault(fast: Optimized) -> None:
    assert fast.bundle is not None
    path = fast.bundle.folder / "bundle.json"
    values = json.loads(path.read_text())
    values["engine"] |= {"precision": "int4", "threads": 0, "flags": "avx2", "colour": "red"}
    path.write_text(json.dumps(values))
    with pytest.raises(BundleError, match=r"colour: unknown(.|\n)*flags(.|\n)*threads(.|\n)*int4"):
        Bundle.load(fast.bundle.folder)


@pytest.mark.slow
def test_int8_is_made_of_the_films_and_measured(
    fast_extra: None, bundle: Bundle, manifest: Manifest, tmp_path: Path
) -> None:
    pytest.importorskip("nncf", reason="pip install 'hilum[fast]'")
    found = optimize_bundle(
        bundle, manifest, tmp_path / "fast", precision="int8", calibrate=40, least_speed=0
    )
    assert found.tried[0].name == "int8"
    assert found.report["calibrated_on"]["films"] == 40
    assert found.tried[0].fidelity.largest_change > 0
    assert (found.bundle is None) == (not any(one.fidelity.passed for one in found.tried))


def test_an_engine_that_decides_otherwise_is_refused_and_nothing_written(
    fast_extra: None,
    bundle: Bundle,
    manifest: Manifest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = room.OpenVinoSession.run

    def upside_down(self: Any, *args: Any) -> list[Any]:
        logits, cams = run(self, *args)
        return [-logits, cams]

    monkeypatch.setattr(room.OpenVinoSession, "run", upside_down)
    out = tmp_path / "fast"
    found = optimize_bundle(bundle, manifest, out, precision="fp32", least_speed=0)
    assert found.bundle is None
    assert not out.exists()
    text = report_text(found.report)
    assert "fp32: REFUSED" in text
    assert "No engine passes: nothing was written." in text


def test_an_engine_that_is_not_faster_is_not_written(
    fast_extra: None, bundle: Bundle, manifest: Manifest, tmp_path: Path
) -> None:
    found = optimize_bundle(bundle, manifest, tmp_path / "fast", precision="fp32", least_speed=1e6)
    assert found.bundle is None
    assert "No engine that passes is faster: nothing was written." in report_text(found.report)


def test_a_taken_folder_is_refused_before_any_work(
    bundle: Bundle, manifest: Manifest, tmp_path: Path
) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(BundleError, match="There is already something at"):
        optimize_bundle(bundle, manifest, tmp_path / "taken")


def test_without_openvino_the_line_that_installs_it_is_named(
    bundle: Bundle, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'hilum\[fast\]'"):
        optimize_bundle(bundle, manifest, tmp_path / "fast")


def test_the_test_split_is_measured_on_and_others_calibrate(
    bundle: Bundle, manifest: Manifest
) -> None:
    parted = part_films(Screener(bundle), manifest)
    assert (len(parted.measuring), len(parted.calibration)) == (240, 80)
    assert parted.how == "the split test; films of train calibrated"


def test_without_splits_patients_are_parted(bundle: Bundle, manifest: Manifest) -> None:
    parted = part_films(Screener(bundle), without_splits(manifest))
    one, other = ({*part.patient_ids} for part in (parted.measuring, parted.calibration))
    assert not one & other
    assert len(one | other) == 160
    assert len(parted.measuring) == pytest.approx(240, abs=6)


def test_fewer_films_are_drawn_by_patient(bundle: Bundle, manifest: Manifest) -> None:
    parted = part_films(Screener(bundle), manifest, calibrate=20, most=200)
    assert (len(parted.measuring), len(parted.calibration)) == (200, 20)
    assert parted.measuring.patients == 100
    assert parted.calibration.patients == 10


def test_unknown_labels_and_unreadable_films_are_left_out_and_counted(
    bundle: Bundle, films: Path, tmp_path: Path
) -> None:
    lines = films.read_text().splitlines()
    lines[1] = lines[1].replace("normal", "fracture")
    moved = [lines[0], *(f"{films.parent}/{line}" for line in lines[1:])]
    (tmp_path / "broken.png").write_bytes(b"no film")
    moved[3] = f"{tmp_path}/broken.png,b,here,normal,test"
    (tmp_path / "manifest.csv").write_text("\n".join(moved) + "\n")
    parted = part_films(Screener(bundle), Manifest.read(tmp_path / "manifest.csv"))
    assert len(parted.measuring) == 238
    assert parted.left_out[0] == "1 films whose label is none of normal, pneumonia, covid"
    assert any("broken.png: " in line for line in parted.left_out)


def test_too_few_films_are_refused_with_every_reason(bundle: Bundle, manifest: Manifest) -> None:
    few = replace(manifest, frame=manifest.frame[:10].vstack(manifest.frame[-5:]))
    with pytest.raises(DataError, match=r"10 films to measure on(.|\n)*5 films to calibrate with"):
        part_films(Screener(bundle), few)


def test_a_split_that_is_not_there_is_refused(bundle: Bundle, manifest: Manifest) -> None:
    with pytest.raises(DataError, match="Expected films in the split 'vale'"):
        part_films(Screener(bundle), manifest, split="vale")


def test_the_command_exits_with_4_and_reports_when_nothing_passes(
    fast_extra: None, bundle: Bundle, films: Path, tmp_path: Path
) -> None:
    from hilum.cli import app

    out, report = tmp_path / "fast", tmp_path / "report" / "measured.json"
    done = CliRunner().invoke(
        app,
        ["optimize", str(bundle.folder), "--manifest", str(films), "--out", str(out),
         "--precision", "fp32", "--least-speed", "1000000", "--report", str(report)],
    )  # fmt: skip
    assert done.exit_code == 4, done.output
    assert "nothing was written" in done.output
    assert not out.exists()
    assert json.loads(report.read_text())["chosen"] is None


def test_the_command_writes_a_bundle_that_loads(
    fast_extra: None, bundle: Bundle, films: Path, tmp_path: Path
) -> None:
    from hilum.cli import app

    out = tmp_path / "fast"
    done = CliRunner().invoke(
        app,
        ["optimize", str(bundle.folder), "--manifest", str(films), "--out", str(out),
         "--precision", "fp32", "--least-speed", "0", "--json"],
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["bundle"] == Bundle.load(out).id


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_ordinary_bundle_never_imports_openvino(bundle: Bundle) -> None:
    code = f"""
import sys
from hilum.screening.screener import Screener
Screener({str(bundle.folder)!r})
print("openvino" in sys.modules)
"""
    assert run(code).strip() == "False"


def test_openvino_is_not_let_report_its_use(fast_extra: None) -> None:
    code = """
import sys
from hilum.screening.engines.open_vino import load_openvino
load_openvino()
print([name for name in sys.modules if name.startswith("openvino_telemetry.")])
"""
    assert run(code).strip() == "[]"
