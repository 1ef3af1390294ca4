"""From films to a gate's network on disk: fit, export, set limits, measure, write.

Train films and sketches fit the network; val films set the limits; test films are only measured.
Whether it holds at a hospital it has not seen is measured with other networks, each fitted without
one source; the one that is written has seen them all.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray

from hilum import __version__
from hilum.data.preprocessing import equalize
from hilum.errors import BundleError
from hilum.models.export import to_onnx
from hilum.screening.fields import canonical
from hilum.screening.gate.layout import FORMAT, LIMITS, LayoutNetwork
from hilum.screening.record import INTENDED_USE
from hilum.training.gate import GateSettings, fit_gate
from hilum.training.gate_films import GateFilms, phantom_squares, read_squares
from hilum.training.gate_measure import choose_limits, measure_films, measure_strangers
from hilum.training.gate_network import SIDE, GateNet, GateProbabilities
from hilum.training.run_folder import package_versions

if TYPE_CHECKING:
    from hilum.data.manifest import Manifest

__all__ = ["export_gate", "train_gate"]

Progress = Callable[[int, int], None]
_PARITY = 1e-4
_NO_LIMITS = dict.fromkeys(LIMITS, 1.0)
_PHANTOMS_MEASURED = 100


def train_gate(
    manifest: Manifest,
    out: str | Path,
    settings: GateSettings,
    *,
    left_out_steps: int = 0,
    licence: str = "not stated",
    command: Sequence[str] = (),
    overwrite: bool = False,
    progress: Progress | None = None,
) -> LayoutNetwork:
    """Fit the gate's network to the films of a manifest, measure it, and write its folder.

    Args:
        manifest: Upright frontal chest films, with a column split drawn by patient.
        out: The folder; must not exist unless `overwrite`.
        settings: How it is fitted.
        left_out_steps: Batches shown to each network that is fitted without one source; 0 for no
            such networks.
        licence: Terms under which the weights may be used.
        command: How it was asked for; recorded.
        overwrite: Replace a folder that holds such a network.
        progress: Called with (batches done, batches in all) of the network that is written.

    Raises:
        DataError: If a split has no film, or films cannot be read.
        BundleError: If `out` is taken, or the exported network differs from torch.
    """
    place = Path(out).absolute()
    _refuse_to_replace(place, overwrite=overwrite)
    films = read_squares(manifest)
    phantoms = phantom_squares(settings.phantoms, (settings.seed, 1))
    train = films.split("train")
    onnx, apart = export_gate(fit_gate(train.squares, phantoms, settings, progress), films)
    shorter = replace(settings, steps=left_out_steps or 1)
    left_out = {
        source: _without(source, films, phantoms, shorter)
        for source in (sorted(set(films.sources.tolist())) if left_out_steps else ())
    }
    record = {
        "format": FORMAT,
        "format_version": 1,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "hilum_version": __version__,
        "input": f"the whole film stretched to {SIDE} x {SIDE} pixels, histogram equalised",
        "training": {
            "manifest_sha256": manifest.sha256,
            "n_images": len(train),
            "n_patients": len(set(train.patients)),
            "sources": sorted(set(train.sources.tolist())),
            "settings": asdict(settings),
            "command": [*command],
        },
        "licence": licence,
        "intended_use": INTENDED_USE,
        "versions": package_versions(),
    }
    measured, limits = _judged(record, onnx, films, settings.seed)
    measured["parity"] = {"images": 64, "largest_difference": apart}
    if left_out:
        measured["without_its_source"] = {"steps": left_out_steps, **left_out}
    _write(place, {**record, "limits": limits, "measured": measured}, onnx, overwrite=overwrite)
    return LayoutNetwork(place)


def _judged(
    record: Mapping[str, Any], onnx: bytes, films: GateFilms, seed: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Set limits on val films, and measure on test films, phantoms and sketches."""
    val, test = films.split("val"), films.split("test")
    network, limits = _with_limits(record, onnx, val)
    phantoms = phantom_squares(_PHANTOMS_MEASURED, (seed, 3))
    drawn = GateFilms(
        squares=phantoms,
        sources=np.array(["phantoms"] * len(phantoms)),
        patients=tuple(("phantoms", str(number)) for number in range(len(phantoms))),
        splits=np.array(["test"] * len(phantoms)),
    )
    measured = {
        "limits_set_on": f"{len(val)} films of {len(set(val.patients))} patients (split val)",
        "test": measure_films(network, test),
        "phantoms": measure_films(network, drawn)["accepted"]["all"],
        "sketches": measure_strangers(network, test, (seed, 13)),
    }
    return measured, limits


def _without(
    source: str, films: GateFilms, phantoms: NDArray[np.uint8], settings: GateSettings
) -> dict[str, Any]:
    """Fit on all other sources, and measure on every film of this one."""
    others, unseen = films.take(films.sources != source), films.take(films.sources == source)
    network = fit_gate(others.split("train").squares, phantoms, settings)
    onnx, _ = export_gate(network, others)
    judged, limits = _with_limits({"format": FORMAT, "format_version": 1}, onnx,
                                  others.split("val"))  # fmt: skip
    found = measure_films(judged, unseen)
    return {"limits": limits, "accepted": found["accepted"]["all"],
            "warned_mirrored": found["warned_mirrored"],
            "made_wrong": found["made_wrong"]}  # fmt: skip


def _with_limits(
    record: Mapping[str, Any], onnx: bytes, val: GateFilms
) -> tuple[LayoutNetwork, dict[str, float]]:
    """Open a network with limits chosen on held-out films."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / "draft"
        _write(draft, {**record, "limits": _NO_LIMITS}, onnx, overwrite=False)
        network = LayoutNetwork(draft)
        limits = choose_limits(network, val)
        network.limits.update(limits)
    return network, limits


def export_gate(network: GateNet, films: GateFilms) -> tuple[bytes, float]:
    """Return the network as ONNX, compared with torch on films.

    Args:
        network: In evaluation mode.
        films: To compare on.

    Returns:
        The file, and the largest difference in probability.

    Raises:
        BundleError: If that is above 1e-4.
    """
    wrapped = GateProbabilities(network).eval()
    example = torch.zeros(2, 1, SIDE, SIDE)
    onnx = to_onnx(wrapped, example, outputs=("plain", "poses"))
    import onnxruntime

    some = films.squares[:64, ::2, ::2]
    images = np.stack([equalize(one) for one in some])[:, None].astype(np.float32) / 255
    session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
    found = session.run(["plain", "poses"], {"images": images})
    with torch.inference_mode():
        wanted = [tensor.numpy() for tensor in wrapped(torch.from_numpy(images))]
    apart = max(float(np.abs(a - b).max()) for a, b in zip(found, wanted, strict=True))
    if not apart <= _PARITY:
        raise BundleError(
            f"The exported network differs from torch by {apart:.2g}; at most {_PARITY:g} is "
            "allowed. It was not written."
        )
    return onnx, apart


def _refuse_to_replace(place: Path, *, overwrite: bool) -> None:
    if os.path.lexists(place) and not (overwrite and (place / "gate.json").is_file()):
        raise BundleError(
            f"There is already something at {place}. Choose another folder"
            + (", as this holds no gate's network." if overwrite else ", or ask to overwrite it.")
        )


def _write(place: Path, record: Mapping[str, Any], onnx: bytes, *, overwrite: bool) -> None:
    """Write `gate.json` and `model.onnx` so that a reader sees both or neither."""
    place.parent.mkdir(parents=True, exist_ok=True)
    files = {"model.onnx": {"sha256": hashlib.sha256(onnx).hexdigest(), "bytes": len(onnx)}}
    full: dict[str, Any] = {**record, "files": files}
    full["id"] = hashlib.sha256(canonical(full).encode()).hexdigest()
    part = Path(tempfile.mkdtemp(prefix=f".{place.name}.", suffix=".part", dir=place.parent))
    try:
        (part / "model.onnx").write_bytes(onnx)
        text = json.dumps(full, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (part / "gate.json").write_text(text, encoding="utf-8")
        part.chmod(0o755)
        if overwrite and place.exists():
            shutil.rmtree(place)
        part.rename(place)
    finally:
        shutil.rmtree(part, ignore_errors=True)
