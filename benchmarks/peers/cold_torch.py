"""The usual script: load a ResNet18 with torch, classify one film, draw its Grad-CAM."""

from __future__ import annotations

import sys

import torch
from PIL import Image
from safetensors.torch import load_file
from torchvision import models, transforms

film, weights, out = sys.argv[1:]
model = models.resnet18(num_classes=3)
model.conv1 = torch.nn.Conv2d(1, 64, 7, stride=2, padding=3, bias=False)
state = load_file(weights)
renamed = {k.replace("trunk.", "").replace("head.classifier", "fc"): v for k, v in state.items()}
model.load_state_dict(renamed)
model.eval()
kept = {}
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
heat = torch.relu((gradient.mean((2, 3), keepdim=True) * kept["features"]).sum(1))[0].detach()
heat = (heat / heat.max().clamp_min(1e-12) * 255).byte().numpy()
overlay = Image.fromarray(heat).resize(picture.size)
Image.blend(picture.convert("L"), overlay, 0.4).save(out)
print(torch.softmax(logits, 1)[0].tolist())
