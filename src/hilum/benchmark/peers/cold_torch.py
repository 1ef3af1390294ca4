"""The usual script: load a ResNet18 with torch, classify one film, draw its Grad-CAM."""

from __future__ import annotations

import sys


def main(film: str, weights: str, out: str) -> None:
    """Classify a film and write its heatmap.

    Args:
        film: Path of a picture.
        weights: Path of ResNet18's weights as hilum names them.
        out: Path of the picture to write.
    """
    import torch
    from PIL import Image
    from safetensors.torch import load_file
    from torchvision import models, transforms

    model = models.resnet18(num_classes=3)
    model.conv1 = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
    state = load_file(weights)
    renamed = {
        key.replace("trunk.", "").replace("head.classifier", "fc"): value
        for key, value in state.items()
    }
    model.load_state_dict(renamed)
    model.eval()
    kept: dict[str, torch.Tensor] = {}
    model.layer4.register_forward_hook(lambda _m, _i, output: kept.update(features=output))
    look = transforms.Compose(
        [
            transforms.Grayscale(),
            transforms.Resize(224),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.5], [0.25]),
        ]
    )
    picture = Image.open(film)
    logits = model(look(picture).unsqueeze(0))
    best = int(logits.argmax())
    gradient = torch.autograd.grad(logits[0, best], kept["features"])[0]
    weighed = gradient.mean((2, 3), keepdim=True) * kept["features"]
    heat = torch.relu(weighed.sum(1))[0].detach()
    grey = (heat / heat.max().clamp_min(1e-12) * 255).byte().numpy()
    overlay = Image.fromarray(grey).resize(picture.size)
    Image.blend(picture.convert("L"), overlay, 0.4).save(out)
    sys.stdout.write(f"{torch.softmax(logits, 1)[0].tolist()}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
