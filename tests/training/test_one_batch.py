"""Two processes are compared with one that has the whole batch, in double precision."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from torch import Tensor, distributed, nn
from torch.nn import functional

from hilum.errors import TrainingError
from hilum.training.augment import augment
from hilum.training.batches import Place
from hilum.training.one_batch import OneBatch, refuse_different_starts
from hilum.training.recipe import Augmentation

PROCESSES = 2
BATCH = 12


class Layered(nn.Module):
    """Normalises pictures with and without weights, then vectors; drops pixels, maps and units."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
        self.second = nn.Sequential(
            nn.Dropout(0.2), nn.Conv2d(4, 5, 3), nn.BatchNorm2d(5, affine=False), nn.ReLU()
        )
        self.frozen = nn.BatchNorm2d(5, momentum=0.3).eval()
        self.last = nn.Sequential(nn.Linear(5, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))
        self.out = nn.Linear(6, 3)

    def forward(self, images: Tensor) -> Tensor:
        maps = functional.dropout2d(self.frozen(self.second(self.first(images))), 0.3)
        logits: Tensor = self.out(self.last(maps.mean((2, 3))))
        return logits


def after_two_steps(rank: int, processes: int) -> dict[str, Tensor]:
    """Train on this process's part of each batch; return state, gradients and logits."""
    torch.manual_seed(0)
    model = Layered().double()
    images = torch.rand(2, BATCH, 1, 9, 9, dtype=torch.float64) * 3 + 100
    labels = torch.arange(BATCH) % 3
    own = slice(rank * BATCH // processes, (rank + 1) * BATCH // processes)
    logits = torch.empty(0)
    for step in range(2):
        torch.manual_seed(step)
        model.zero_grad()
        with OneBatch(rank, processes) if processes > 1 else nullcontext():
            logits = model(images[step, own])
            functional.cross_entropy(logits, labels[own]).backward()
        for parameter in model.parameters():
            assert parameter.grad is not None or parameter.shape == (5,)
            if parameter.grad is not None and processes > 1:
                distributed.all_reduce(parameter.grad)
                parameter.grad /= processes
            if parameter.grad is not None:
                parameter.data -= 0.1 * parameter.grad
    gradients = {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return {**model.state_dict(), **{f"d {n}": g for n, g in gradients.items()}, "logits": logits}


def changed_looks(rank: int, processes: int, whole: int) -> Tensor:
    """Change this process's part of a batch; parts differ in length where `whole` is odd."""
    images = torch.rand(whole, 1, 16, 16, generator=torch.Generator().manual_seed(1))
    first, end = (each * whole // processes for each in (rank, rank + 1))
    how = Augmentation(look=0.7, noise=0.05, erase=0.3, rotation_deg=5)
    generator = torch.Generator().manual_seed(2)
    return augment(images[first:end], how, generator, Place(first, whole))


def work(rank: int, folder: str) -> None:
    torch.set_num_threads(1)
    where = f"file://{folder}/meeting"
    distributed.init_process_group("gloo", where, rank=rank, world_size=PROCESSES)
    result = after_two_steps(rank, PROCESSES)
    result |= {f"looks of {n}": changed_looks(rank, PROCESSES, n) for n in (BATCH, BATCH - 1)}
    try:
        refuse_different_starts(rank)
    except TrainingError as error:
        (Path(folder) / f"refusal-{rank}").write_text(str(error))
    refuse_different_starts(3)
    torch.save({name: t.detach() for name, t in result.items()}, f"{folder}/{rank}.pt")
    distributed.destroy_process_group()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("two")
    torch.multiprocessing.spawn(work, (str(folder),), nprocs=PROCESSES)  # type: ignore[no-untyped-call]
    return folder


def parts(shared: Path) -> list[dict[str, Tensor]]:
    return [torch.load(shared / f"{rank}.pt", weights_only=True) for rank in range(PROCESSES)]


@pytest.mark.slow
def test_two_processes_have_the_gradients_and_statistics_of_one(shared: Path) -> None:
    whole = after_two_steps(0, 1)
    names = [name for name in whole if name != "logits"]
    assert {"first.1.running_var", "second.2.running_mean", "d first.0.weight"} <= {*names}
    for part in parts(shared):
        for name in names:
            assert torch.allclose(part[name], whole[name], rtol=1e-9, atol=1e-10), name


@pytest.mark.slow
def test_two_processes_drop_what_one_would_have_dropped(shared: Path) -> None:
    logits = torch.cat([part["logits"] for part in parts(shared)])
    assert torch.allclose(logits, after_two_steps(0, 1)["logits"], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("whole", [BATCH, BATCH - 1])
def test_two_processes_lend_each_other_the_looks_that_one_would_have_drawn(
    shared: Path, whole: int
) -> None:
    found = [part[f"looks of {whole}"] for part in parts(shared)]
    assert [len(part) for part in found] == [whole // 2, whole - whole // 2]
    assert torch.allclose(torch.cat(found), changed_looks(0, 1, whole), atol=1e-6)


@pytest.mark.slow
def test_processes_that_would_begin_with_different_epochs_are_refused(shared: Path) -> None:
    for rank in range(PROCESSES):
        assert "different epochs: [0, 1]" in (shared / f"refusal-{rank}").read_text()


def test_a_process_alone_may_begin_anywhere() -> None:
    refuse_different_starts(7)


def test_a_layer_in_evaluation_is_left_to_torch() -> None:
    images = torch.rand(3, 2, 4, 4)
    layer = nn.Sequential(nn.BatchNorm2d(2), nn.Dropout(0.5)).eval()
    with OneBatch(1, 4):
        found = layer(images)
    assert torch.equal(found, layer(images))
