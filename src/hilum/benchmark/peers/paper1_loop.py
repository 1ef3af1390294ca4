"""A training loop as paper 1's: files decoded as it goes, changed one by one, fp32.

Pictures are brought to 224 x 224, enlarged to 256 again, cropped, and changed by six transforms of
torchvision in a row; batches of 8; Adam at 2e-5; the third class weighs six times as much.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["BATCH", "loop_step"]

BATCH = 8


def loop_step(
    paths: Sequence[Path], labels: torch.Tensor, *, side: int = 224
) -> Callable[[], None]:
    """Return one step on these files.

    Args:
        paths: A batch.
        labels: Of them, shape (n,), 0 to 2.
        side: Of the network's input; smaller for tests.
    """
    import torch
    from PIL import Image
    from torchvision import models, transforms

    look = transforms.Compose(
        [
            transforms.Resize(side * 256 // 224),
            transforms.CenterCrop(side * 256 // 224),
            transforms.RandomCrop(side),
            transforms.ColorJitter(brightness=(0.9, 1.1)),
            transforms.RandomRotation(10),
            transforms.RandomHorizontalFlip(),
            transforms.RandomAffine(0, translate=(0.1, 0.1), shear=10, scale=(0.85, 1.15)),
            transforms.ToTensor(),
        ]
    )
    model = models.resnet50(num_classes=3).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-5)
    loss_of = torch.nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1.0, 6.0]))

    def read(path: Path) -> torch.Tensor:
        with Image.open(path) as picture:
            tensor: torch.Tensor = look(picture.convert("RGB").resize((side, side)))
        return tensor

    def step() -> None:
        images = torch.stack([read(path) for path in paths])
        optimizer.zero_grad()
        loss_of(model(images), labels).backward()
        optimizer.step()

    return step
