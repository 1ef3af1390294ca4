from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torchvision.models as tv
from safetensors.torch import save_file

from hilum.errors import ConfigError
from hilum.models import create_network


def test_a_state_dict_as_torchvision_writes_it_fills_the_trunk(tmp_path: Path) -> None:
    given = tv.resnet18(weights=None)
    torch.save(given.state_dict(), tmp_path / "w.pth")
    model = create_network("resnet18", outputs=3, channels=3, weights=tmp_path / "w.pth")
    assert torch.equal(model.trunk.layer4[1].conv2.weight, given.layer4[1].conv2.weight)
    assert model.head.classifier.out_features == 3


def test_a_colour_convolution_is_summed_for_grey_pictures(tmp_path: Path) -> None:
    given = tv.resnet18(weights=None).eval()
    save_file(given.state_dict(), tmp_path / "w.safetensors")
    model = create_network("resnet18", outputs=2, channels=1, weights=tmp_path / "w.safetensors")
    grey = torch.randn(1, 1, 64, 64)
    ours = model.trunk.conv1(grey)
    assert torch.allclose(ours, given.conv1(grey.repeat(1, 3, 1, 1)), atol=1e-5)


def test_weights_of_another_network_are_refused_by_name(tmp_path: Path) -> None:
    save_file(tv.resnet18(weights=None).state_dict(), tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match="do not fit densenet121") as caught:
        create_network("densenet121", outputs=2, weights=tmp_path / "w.safetensors")
    assert any("is missing" in problem for problem in caught.value.problems)


def test_a_single_missing_tensor_is_refused(tmp_path: Path) -> None:
    state = tv.resnet18(weights=None).state_dict()
    del state["layer3.0.conv1.weight"]
    save_file(state, tmp_path / "w.safetensors")
    with pytest.raises(ConfigError, match=r"layer3\.0\.conv1\.weight is missing"):
        create_network("resnet18", outputs=2, weights=tmp_path / "w.safetensors")


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
def test_a_damaged_file_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not weights")
    with pytest.raises(ConfigError, match="cannot be read"):
        create_network("resnet18", outputs=2, weights=tmp_path / name)


def test_a_missing_file_is_named() -> None:
    with pytest.raises(ConfigError, match=r"No weights at gone\.pth"):
        create_network("resnet18", outputs=2, weights="gone.pth")


def test_a_pickle_that_would_run_code_runs_none(tmp_path: Path) -> None:
    import pickle

    canary = tmp_path / "canary"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return (open, (str(canary), "w"))

    (tmp_path / "w.pth").write_bytes(pickle.dumps(Bomb(), protocol=2))
    with pytest.raises(ConfigError, match="cannot be read"):
        create_network("resnet18", outputs=2, weights=tmp_path / "w.pth")
    assert not canary.exists()


def test_library_weights_offline_are_refused_with_a_clear_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def offline(*_: object, **__: object) -> object:
        raise OSError("no route to host")

    monkeypatch.setattr("torchvision.models._api.WeightsEnum.get_state_dict", offline)
    with pytest.raises(ConfigError, match="Without internet, give model.weights a local file"):
        create_network("resnet18", outputs=2, weights="default")
