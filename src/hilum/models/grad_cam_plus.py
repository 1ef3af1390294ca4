"""Grad-CAM++: each place of a feature map weighed for itself, not by the mean of its gradient.

With the class score S (the logit), features A and g = dS / dA, the paper scores Y = exp(S). Its
second and third derivatives are then exp(S) g^2 and exp(S) g^3 as long as S is linear in A or bent
only by ReLUs, which both heads here are, and exp(S) cancels from

    alpha = g^2 / (2 g^2 + sum(A) g^3)          equation 19; sum(A) over the channel's places
    w     = sum over places of alpha relu(g)    equation 5, without its factor exp(S)
    map   = relu(sum over channels of w A)      equation 16

The factor exp(S) is the same at every place and is left out: a map is read by its shape. Where g
is not above 0 relu(g) takes the place out of the sum, so alpha is computed as g / (2 g + sum(A)
g^2) and only there. Features below 0 (trunks that end in SiLU) could make the denominator 0 or
negative, where the equations mean nothing: such a channel weighs nothing.

The trunk runs without gradients; they are taken through the head alone. Where the head begins with
global average pooling g = W / (h w) at every place and the weights are closed form,
w = relu(W) / (2 + mean(A) W); `pooled_weights` is that, and a test holds it against autograd.

References:
    Chattopadhay et al., "Grad-CAM++: Generalized Gradient-based Visual Explanations for Deep
    Convolutional Networks", WACV 2018.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from hilum.data.preprocessing import normalize
from hilum.models.rebuilt import check_alike, rebuild
from hilum.models.trunk_and_head import TrunkAndHead
from hilum.screening.bundle import Bundle
from hilum.screening.engine import Engine

__all__ = ["GradCamPlusPlus", "channel_weights", "grad_cam_plus_plus", "pooled_weights"]


def channel_weights(features: Tensor, gradient: Tensor) -> Tensor:
    """Return what each channel weighs.

    Args:
        features: A, shape (n, c, h, w).
        gradient: g of one class's score, same shape.

    Returns:
        Shape (n, c), at least 0.
    """
    held = features.sum((2, 3), keepdim=True)
    spread = 2 + held * gradient
    used = (gradient > 0) & (spread > 0)
    return torch.where(used, gradient / spread.where(used, torch.ones_like(spread)), 0).sum((2, 3))


def pooled_weights(features: Tensor, weights: Tensor) -> Tensor:
    """Return the same for a linear layer on globally averaged features, without a gradient.

    Args:
        features: A, shape (n, c, h, w).
        weights: W of one class, shape (c,).

    Returns:
        Shape (n, c), at least 0.
    """
    spread = 2 + features.mean((2, 3)) * weights
    used = (weights > 0) & (spread > 0)
    return torch.where(used, weights / spread.where(used, torch.ones_like(spread)), 0)


def grad_cam_plus_plus(model: TrunkAndHead, features: Tensor) -> Tensor:
    """Return the Grad-CAM++ of every class.

    Args:
        model: In evaluation mode; its trunk is not used.
        features: What the head receives, shape (n, c, h, w).

    Returns:
        Shape (n, classes, h, w), at least 0, without the factor exp(S). With a single logit,
        class 0 is explained by the logit's negative.
    """
    held = features.detach()
    with torch.enable_grad():
        seen = held.clone().requires_grad_()
        logits = model.head(seen)
        scores = torch.cat([-logits, logits], 1) if model.outputs == 1 else logits
        maps = []
        for score in scores.unbind(1):
            (gradient,) = torch.autograd.grad(score.sum(), seen, retain_graph=True)
            weights = channel_weights(held, gradient)
            maps.append(torch.relu(torch.einsum("nc,nchw->nhw", weights, held)))
    return torch.stack(maps, 1).detach()


class GradCamPlusPlus:
    """Explains prepared pictures with a bundle's network, rebuilt in torch.

    Args:
        bundle: The bundle, already verified.
        engine: Its `model.onnx`, opened: what the rebuilt network is compared with on the first
            picture. A bundle's fast engine computes with fewer digits and is not the one to take.

    Raises:
        BundleError: If the network cannot be rebuilt.
    """

    def __init__(self, bundle: Bundle, engine: Engine) -> None:
        self._bundle = bundle
        self._network = rebuild(bundle)
        self._engine: Engine | None = engine

    def __call__(self, picture: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the maps of a prepared picture (size, size): (classes, h, w), at least 0.

        Raises:
            BundleError: If the rebuilt network is not that of `model.onnx`.
        """
        images = normalize(picture[None], self._bundle.record.preprocessing)
        with torch.no_grad():
            features = self._network.trunk(torch.from_numpy(images))
        if self._engine is not None:
            self._check(images, features, self._engine)
            self._engine = None
        found: NDArray[np.float32] = grad_cam_plus_plus(self._network, features)[0].numpy()
        return found

    def _check(self, images: NDArray[np.float32], features: Tensor, engine: Engine) -> None:
        logits, cams = engine.run(images)
        with torch.no_grad():
            check_alike("logits", self._network.head(features), logits, bundle=self._bundle)
            check_alike("maps", self._network.cams(features), cams, bundle=self._bundle)
