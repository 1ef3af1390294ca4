"""A warm network, one film: ONNX Runtime beside torch, OpenVINO beside torch, and what maps cost.

Weights are random: speed does not depend on what a network has learned. All that stand beside one
another are run in turn with as many threads. OpenVINO's rows are what `hilum optimize` can gain; it
gives bf16 to nobody whose films it changes the answers of.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hilum.benchmark.case import Case, Settings, lacking
from hilum.benchmark.row import Row, compared
from hilum.benchmark.turns import Turns, take_turns
from hilum.screening.bundle import Bundle
from hilum.screening.measured_engine import MeasuredEngine

if TYPE_CHECKING:
    from hilum.models import TrunkAndHead

__all__ = ["CASES", "Network", "maps_cost_row", "network_rows", "xrv_rows"]

POOLED, DENSE = 1.05, 1.15
_EAGER = "torch, eager"
_COMPILED = "torch.compile, fp32"
_TORCH = ("torch", "torchvision", "safetensors", "onnxscript")

Run = Callable[[], object]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A network and what is wanted of it.

    Args:
        name: As recipes have it.
        size: Side of its input in pixels.
        eager: How many times as fast as eager torch it should be.
        bf16: The same of OpenVINO in bf16.
        maps: What every class's map may cost at most, in inferences without.
    """

    name: str
    size: int = 224
    eager: float = 1.5
    bf16: float = 2.0
    maps: float = POOLED


NETWORKS = (
    Network(name="resnet50"),
    Network(name="densenet121", bf16=3.0),
    Network(name="inception_v3", size=299, eager=1.7),
)
VGG = Network(name="vgg16", maps=DENSE)


def network_rows(
    network: Network, settings: Settings, *, compiled: bool = True, openvino: bool = True
) -> list[Row]:
    """Return the rows of one network.

    Args:
        network: Which.
        settings: How often.
        compiled: Whether torch.compile is a peer; it takes 20 to 60 s to build.
        openvino: Whether OpenVINO is measured, where it is installed.
    """
    import torch

    from hilum.benchmark.bundles import shared_bundle

    model, bundle = shared_bundle(network.name, settings.folder, size=network.size)
    engine = MeasuredEngine(bundle, threads=settings.threads)
    tensor = torch.from_numpy(engine.image)
    torch.set_num_threads(engine.threads)
    runs: dict[str, Run] = {"hilum": engine.logits_only, "maps": engine.with_maps}
    lost: list[Row] = []
    with torch.inference_mode():
        runs[_EAGER] = lambda: model(tensor)
        if compiled:
            _add_compiled(model, tensor, network, runs, lost)
        if openvino:
            _add_openvino(engine, bundle, network, runs, lost)
        times = take_turns(runs, rounds=settings.rounds, warm_up=3, twice=True)
    return [*_rows(network, times, runs), *lost]


def _add_compiled(
    model: TrunkAndHead, tensor: object, network: Network, runs: dict[str, Run], lost: list[Row]
) -> None:
    """Build a network with torch.compile, or say why that could not be done."""
    import torch

    logging.getLogger("torch._inductor").setLevel(logging.ERROR)
    built = torch.compile(model)
    try:
        built(tensor)
    except (RuntimeError, OSError) as error:  # no C++ compiler, mostly
        why = f"it could not be built: {str(error).strip().splitlines()[0][:200]}"
        lost.append(_lost(network, _COMPILED, why))
        return
    runs[_COMPILED] = lambda: built(tensor)


def _add_openvino(
    engine: MeasuredEngine, bundle: Bundle, network: Network, runs: dict[str, Run], lost: list[Row]
) -> None:
    """Open a network in OpenVINO as `hilum optimize` does, or say why that cannot be done."""
    line = lacking("openvino")
    if line:
        lost.append(_lost(network, "OpenVINO", line))
        return
    from hilum.screening.engines.open_vino import OpenVinoSession, supported_precisions
    from hilum.screening.optimize_networks import fold, store

    folder = Path(bundle.folder.parent, f"{bundle.folder.name}-openvino")
    path = next(iter(folder.glob("*.xml")), None) or store(fold(bundle.model_path), folder)
    can = supported_precisions()
    for precision in ("fp32", "bf16"):
        name = f"OpenVINO {precision}"
        if precision in can:
            session = OpenVinoSession(path, precision=precision, threads=engine.threads)
            runs[name] = _of(session)(engine.image)
        else:
            lost.append(_lost(network, name, f"this processor does not compute in {precision}"))


def _of(session: object) -> Callable[[object], Run]:
    run: Callable[..., object] = session.run  # type: ignore[attr-defined]
    return lambda image: lambda: run(["logits"], {"images": image})


def _lost(network: Network, peer: str, why: str) -> Row:
    return Case(claim=f"{network.name}, one film, warm", peer=peer).missing(why)


def _rows(network: Network, times: Turns, runs: Mapping[str, Run]) -> Iterator[Row]:
    claim = f"{network.name}, one film, warm"
    eager = 1e3 * times.median(_EAGER)
    for peer, target in ((_EAGER, network.eager), (_COMPILED, None)):
        if peer in runs:
            yield compared(
                f"{claim}, fp32", 1e3 * times.median("hilum"), peer, 1e3 * times.median(peer),
                times.ratio(peer, "hilum"), unit="ms", target=target,
            )  # fmt: skip
    for name, target in (("OpenVINO fp32", None), ("OpenVINO bf16", network.bf16)):
        if name in runs:
            yield compared(
                f"{claim}, {name} (with maps)", 1e3 * times.median(name), _EAGER, eager,
                times.ratio(_EAGER, name), unit="ms", target=target,
            )  # fmt: skip
    yield _cost_row(network, times)


def _cost_row(network: Network, times: Turns) -> Row:
    return compared(
        f"{network.name}, every class's map beside none",
        1e3 * times.median("maps"), "the same without maps", 1e3 * times.median("hilum"),
        times.ratio("maps", "hilum"), unit="ms", target=network.maps, at_most=True,
    )  # fmt: skip


def maps_cost_row(network: Network, settings: Settings) -> Row:
    """Return the row of what maps cost, for a network that has no peer."""
    from hilum.benchmark.bundles import shared_bundle

    _, bundle = shared_bundle(network.name, settings.folder, size=network.size)
    engine = MeasuredEngine(bundle, threads=settings.threads)
    runs: dict[str, Run] = {"hilum": engine.logits_only, "maps": engine.with_maps}
    return _cost_row(network, take_turns(runs, rounds=settings.rounds, warm_up=3, twice=True))


def xrv_rows(network: Network, settings: Settings) -> list[Row]:
    """Return hilum's DenseNet121 with every class's map beside torchxrayvision's without any."""
    import torch
    import torchxrayvision

    from hilum.benchmark.bundles import shared_bundle

    _, bundle = shared_bundle(network.name, settings.folder, size=network.size)
    engine = MeasuredEngine(bundle, threads=settings.threads)
    tensor = torch.from_numpy(engine.image)
    torch.set_num_threads(engine.threads)
    peer = torchxrayvision.models.DenseNet(weights=None).eval()
    with torch.inference_mode():
        times = take_turns(
            {"hilum": engine.with_maps, "xrv": lambda: peer(tensor)},
            rounds=settings.rounds, warm_up=3, twice=True,
        )  # fmt: skip
    return [
        compared(
            f"{network.name}, one film, warm, with every class's map",
            1e3 * times.median("hilum"), "torchxrayvision's DenseNet, eager, without maps",
            1e3 * times.median("xrv"), times.ratio("xrv", "hilum"), unit="ms", target=network.eager,
        )
    ]  # fmt: skip


def _case(network: Network) -> Case:
    return Case(
        claim=f"{network.name}, one film, warm", peer=_EAGER, needs=_TORCH,
        beside=lambda settings: network_rows(network, settings),
        packages=("onnxruntime", "openvino", "torch", "torchvision"),
    )  # fmt: skip


CASES = (
    *map(_case, NETWORKS),
    Case(
        claim="vgg16, every class's map beside none", peer="the same without maps", needs=_TORCH,
        beside=lambda settings: [maps_cost_row(VGG, settings)],
        packages=("onnxruntime",),
    ),
    Case(
        claim="densenet121, one film, warm, with every class's map",
        peer="torchxrayvision's DenseNet", needs=(*_TORCH, "torchxrayvision"),
        beside=lambda settings: xrv_rows(NETWORKS[1], settings),
        packages=("onnxruntime", "torch", "torchxrayvision"),
    ),
)  # fmt: skip
