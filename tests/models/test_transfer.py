from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch
from safetensors.torch import save, save_file
from torch import nn

from hilum.data.preprocessing import Preprocessing
from hilum.errors import BundleError, ConfigError
from hilum.models import DenseHead, TrunkAndHead, create_network
from hilum.models.transfer import start_from
from hilum.screening.bundle import load_bundle, write_bundle
from hilum.screening.record import Architecture, BundleRecord


def network(name: str = "detl", *, outputs: int = 2, size: int = 40, seed: int = 1) -> TrunkAndHead:
    torch.manual_seed(seed)
    return create_network(name, outputs=outputs, size=size)


def bundle_of(model: TrunkAndHead, folder: Path) -> Path:
    record = BundleRecord(
        name="stage A",
        created="2024-01-01T00:00:00+00:00",
        hilum_version="0.0",
        task="multiclass",
        classes=("normal", "disease"),
        architecture=Architecture(name="detl", channels=1, outputs=2),
        preprocessing=Preprocessing(size=40),
    )
    write_bundle(folder, record, model_onnx=b"onnx", weights=save(model.state_dict()))
    return folder


def run_of(model: TrunkAndHead, folder: Path) -> Path:
    (folder / "checkpoints").mkdir(parents=True)
    save_file(model.state_dict(), folder / "checkpoints" / "best.safetensors")
    return folder


def same(ours: TrunkAndHead, theirs: TrunkAndHead, *places: str) -> list[bool]:
    return [torch.equal(ours.get_parameter(place), theirs.get_parameter(place)) for place in places]


def test_a_network_for_other_classes_takes_all_but_the_last_layer(tmp_path: Path) -> None:
    given = network()
    started = create_network("detl", outputs=4, size=40, weights=bundle_of(given, tmp_path / "a"))
    places = ("trunk.pair3.2.weight", "head.layers.0.weight", "head.layers.1.bias")
    assert same(started, given, *places) == [True, True, True]
    about = started.started_from
    assert about is not None
    assert about.left_new == ("head.layers.2.weight", "head.layers.2.bias")
    assert len(about.tensors) == 12 + 4


def test_what_was_taken_is_on_record(tmp_path: Path) -> None:
    bundle = bundle_of(network(), tmp_path / "a")
    about = start_from(network(outputs=4, seed=2), bundle)
    assert (about.kind, about.name, about.classes) == ("bundle", "detl", ("normal", "disease"))
    assert about.id == load_bundle(bundle).id
    assert about.to_dict()["source"] == str(bundle)


def test_a_new_head_takes_nothing_but_the_trunk(tmp_path: Path) -> None:
    given = network()
    started = network(seed=2)
    about = start_from(started, bundle_of(given, tmp_path / "a"), new_head=True)
    assert same(started, given, "trunk.pair1.0.weight", "head.layers.1.weight") == [True, False]
    assert all(name.startswith("trunk.") for name in about.tensors)


def test_the_same_network_for_the_same_classes_answers_the_same(tmp_path: Path) -> None:
    given = network().eval()
    started = create_network("detl", outputs=2, size=40, weights=bundle_of(given, tmp_path / "a"))
    images = torch.rand(2, 1, 40, 40)
    assert torch.equal(started.eval()(images), given(images))


def test_a_run_and_a_file_do_as_well_as_a_bundle(tmp_path: Path) -> None:
    given = network("small_cnn")
    run = run_of(given, tmp_path / "run")
    weights = run / "checkpoints" / "best.safetensors"
    for source, kind in ((run, "run"), (weights, "file")):
        started = create_network("small_cnn", outputs=2, weights=str(source))
        assert same(started, given, "head.classifier.weight") == [True]
        about = started.started_from
        assert about is not None
        assert (about.kind, about.name) == (kind, None)
        assert about.id == hashlib.sha256(weights.read_bytes()).hexdigest()


def test_a_head_made_for_another_size_begins_anew_behind_the_same_trunk(tmp_path: Path) -> None:
    given = network(size=64)
    started = network(size=40, seed=2)
    about = start_from(started, run_of(given, tmp_path / "run"))
    assert same(started, given, "trunk.pair3.0.weight", "head.layers.1.weight") == [True, False]
    assert all(name.startswith("head.layers.") for name in about.left_new)
    assert len(about.left_new) == 6


def test_another_network_with_the_same_trunk_will_do(tmp_path: Path) -> None:
    given = TrunkAndHead(network("small_cnn").trunk, DenseHead(grid=2, layers=[nn.Linear(512, 2)]))
    started = create_network("small_cnn", outputs=2, weights=run_of(given, tmp_path / "run"))
    assert same(started, given, "trunk.keep4.0.weight") == [True]
    about = started.started_from
    assert about is not None
    assert about.left_new == ("head.classifier.weight", "head.classifier.bias")


def test_an_auxiliary_head_comes_along_unless_a_new_head_is_asked_for(tmp_path: Path) -> None:
    given = network("small_cnn")
    given.auxiliary = nn.Linear(16, 2)
    run = run_of(given, tmp_path / "run")
    for new_head in (False, True):
        started = network("small_cnn", seed=2)
        started.auxiliary = nn.Linear(16, 2)
        about = start_from(started, run, new_head=new_head)
        assert ("auxiliary.weight" in about.left_new) is new_head
        assert torch.equal(started.auxiliary.weight, given.auxiliary.weight) is not new_head


def test_statistics_of_normalisation_come_with_the_trunk(tmp_path: Path) -> None:
    given = network("small_cnn").train()
    given(torch.rand(4, 1, 40, 40))
    started = create_network("small_cnn", outputs=2, weights=run_of(given, tmp_path / "run"))
    assert torch.equal(started.trunk.down1[1].running_mean, given.trunk.down1[1].running_mean)


def test_a_trunk_of_another_shape_is_refused_tensor_by_tensor(tmp_path: Path) -> None:
    colour = create_network("small_cnn", outputs=2, channels=3)
    run = run_of(colour, tmp_path / "run")
    with pytest.raises(ConfigError, match="is not that of the network to be started") as caught:
        create_network("small_cnn", outputs=2, channels=1, weights=run)
    assert caught.value.problems == (
        "trunk.down1.0.weight: expected (16, 1, 3, 3), got (16, 3, 3, 3)",
    )


def test_another_trunk_is_refused_and_named(tmp_path: Path) -> None:
    bundle = bundle_of(network(), tmp_path / "a")
    target = network("small_cnn", seed=2)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    with pytest.raises(ConfigError, match=r"The trunk of .* \(a detl\)") as caught:
        start_from(target, bundle)
    assert "trunk.pair1.0.weight: expected nothing, got (32, 1, 3, 3)" in caught.value.problems
    assert "trunk.down1.0.weight: expected (16, 1, 3, 3), got nothing" in caught.value.problems
    after = target.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("wiring", ["covidnet_compact", "covidnet_compact_repaired"])
def test_the_two_wirings_of_covidnet_are_two_trunks(tmp_path: Path, wiring: str) -> None:
    other = {"covidnet_compact": "covidnet_compact_repaired"}.get(wiring, "covidnet_compact")
    run = run_of(create_network(wiring, outputs=2), tmp_path / "run")
    with pytest.raises(ConfigError, match="is not that of the network"):
        create_network(other, outputs=2, weights=run)


def test_a_bundle_with_changed_weights_is_refused(tmp_path: Path) -> None:
    bundle = bundle_of(network(), tmp_path / "a")
    with (bundle / "weights.safetensors").open("r+b") as file:
        file.seek(-1, 2)
        file.write(b"\xff")
    with pytest.raises(BundleError, match="weights of the bundle .* cannot be used"):
        create_network("detl", outputs=2, size=40, weights=bundle)


def test_a_folder_that_is_neither_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a bundle .* nor a run with trained weights"):
        create_network("detl", outputs=2, weights=tmp_path)


def test_a_path_with_nothing_there_is_refused() -> None:
    with pytest.raises(ConfigError, match="No weights at gone. model.weights must be"):
        create_network("detl", outputs=2, weights="gone")


def test_a_network_from_random_weights_has_no_origin() -> None:
    assert network("small_cnn").started_from is None
