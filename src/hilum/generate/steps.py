"""One step of training and one pass over validation films, every term by itself.

Separate from the loop over epochs, which knows of folders and nothing of losses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from hilum.errors import ConfigError
from hilum.generate.critic import Critic, information_bound, others
from hilum.generate.loss import (
    Terms,
    active_dimensions,
    encoder_information,
    objective,
    terms_of,
)
from hilum.generate.settings import VaeRecipe
from hilum.generate.vae import new_vae

__all__ = ["Trainee", "measure"]

Device = torch.device

_SIGMA_PACE = 10


class Trainee:
    """What is trained: the autoencoder, its critic if there is one, and their optimisers.

    Args:
        recipe: What to train and how.
        device: Where.
    """

    def __init__(self, recipe: VaeRecipe, device: Device) -> None:
        self.recipe = recipe
        self.device = device
        how = recipe.training
        self.vae = new_vae(recipe).to(device).to(memory_format=torch.channels_last)
        self.critic = new_critic(recipe, device)
        self.low_precision = _takes_bf16(recipe, device)
        weights = [w for name, w in self.vae.named_parameters() if name != "log_sigma"]
        groups: list[dict[str, Any]] = [{"params": weights}]
        if self.vae.log_sigma.requires_grad:  # alone and in log: it would lag behind the weights
            pace = _SIGMA_PACE * how.learning_rate
            groups.append({"params": [self.vae.log_sigma], "lr": pace})
        self._adam = torch.optim.Adam(groups, lr=how.learning_rate)
        self._critic_adam = (
            None
            if self.critic is None
            else torch.optim.Adam(self.critic.parameters(), lr=how.critic_learning_rate)
        )

    @property
    def log_sigma(self) -> Tensor | None:
        """Log deviation of a pixel; None where the likelihood has none."""
        return self.vae.log_sigma if self.recipe.objective.likelihood == "gaussian" else None

    def precision(self) -> AbstractContextManager[None]:
        """Compute in bf16 where the recipe and the device allow it."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.low_precision)

    def step(self, films: Tensor, beta: float) -> dict[str, Tensor]:
        """Take one step of the autoencoder, then one of the critic on the same latents.

        Args:
            films: Shape (n, 1, size, size), in [0, 1].
            beta: Weight of KL now.

        Returns:
            Every term as a scalar without gradient; `loss` is what the autoencoder minimised.
        """
        with self.precision():
            mean, log_variance = self.vae.encode(films)
            latent = self.vae.draw(mean, log_variance)
            logits = self.vae.decode(latent)
        terms = terms_of(films, logits, mean, log_variance, self.log_sigma)
        loss = self.weigh(terms, beta)
        found = {"reconstruction": terms.reconstruction, "kl": terms.kl}
        if self.critic is not None:
            with _frozen(self.critic):
                information = self._bound(self.critic, films, latent)
            loss = loss - self.recipe.objective.gamma * information
            found["information"] = information
        found["loss"] = loss
        if bool(torch.isfinite(loss)):
            self._descend(loss)
            if self.critic is not None:
                found["critic_loss"] = self._teach(self.critic, films, latent.detach())
        return {name: value.detach() for name, value in found.items()}

    def weigh(self, terms: Terms, beta: float) -> Tensor:
        """Return the objective without its information term."""
        how = self.recipe
        pixels = how.preprocessing.size**2
        return objective(
            terms, how.objective, beta=beta, pixels=pixels, latent=how.architecture.latent
        )

    def _bound(self, critic: Critic, films: Tensor, latent: Tensor) -> Tensor:
        with self.precision():
            joint, apart = critic(films, latent, others(latent))
        return information_bound(joint, apart)

    def _descend(self, loss: Tensor) -> None:
        self._adam.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        clip = self.recipe.training.gradient_clip
        if clip is not None:
            nn.utils.clip_grad_norm_(self.vae.parameters(), clip)
        self._adam.step()

    def _teach(self, critic: Critic, films: Tensor, latent: Tensor) -> Tensor:
        """Let the critic raise its bound on latents that no gradient reaches; return its loss."""
        loss = -self._bound(critic, films, latent)
        if self._critic_adam is not None:
            self._critic_adam.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            self._critic_adam.step()
        return loss

    def state(self) -> dict[str, Tensor]:
        """Return every tensor a resumed run needs, by name."""
        found = _named("vae", self.vae.state_dict()) | _adam_state("adam", self._adam)
        if self.critic is not None and self._critic_adam is not None:
            found |= _named("critic", self.critic.state_dict())
            found |= _adam_state("critic_adam", self._critic_adam)
        return {name: value.cpu() for name, value in found.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Take over what `state` returned."""
        self.vae.load_state_dict(_part("vae", state))
        _restore_adam("adam", self._adam, state)
        if self.critic is not None and self._critic_adam is not None:
            self.critic.load_state_dict(_part("critic", state))
            _restore_adam("critic_adam", self._critic_adam, state)


def new_critic(recipe: VaeRecipe, device: Device) -> Critic | None:
    """Build the critic from the recipe's seed; None if gamma is 0."""
    if not recipe.objective.gamma:
        return None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.training.seed)
        how = recipe.architecture
        critic = Critic(size=recipe.preprocessing.size, latent=how.latent, width=how.critic_width)
    return critic.to(device)


@torch.no_grad()
def measure(trainee: Trainee, batches: Iterable[Tensor], beta: float) -> dict[str, float]:
    """Return every term on films that are not learned from, with the same noise every time.

    Args:
        trainee: What is trained; left in evaluation mode.
        batches: Films, each (n, 1, size, size), in [0, 1].
        beta: The recipe's.
    """
    vae = trainee.vae.eval()
    noise = torch.Generator(trainee.device).manual_seed(0)
    sums = torch.zeros(3, dtype=torch.float64)
    parts: list[tuple[Tensor, ...]] = []
    for films in batches:
        with trainee.precision():
            mean, log_variance = vae.encode(films)
            latent = vae.draw(mean, log_variance, noise)
            logits = vae.decode(latent)
            seen = latent if trainee.critic is None else trainee.critic.look(films * 2 - 1)
        terms = terms_of(films, logits, mean, log_variance, trainee.log_sigma)
        each = torch.stack([terms.reconstruction, terms.kl, terms.squared_error])
        sums += each.double().cpu() * len(films)
        parts.append((mean, log_variance, latent, seen.float()))
    mean, log_variance, latent, seen = (torch.cat(part) for part in zip(*parts, strict=True))
    means = Terms(*(sums / len(mean)))
    pixels = trainee.recipe.preprocessing.size**2
    found = {
        "objective": float(trainee.weigh(means, beta)),
        "elbo": float(means.elbo),
        "reconstruction": float(means.reconstruction),
        "kl": float(means.kl),
        "rmse": float(means.squared_error / pixels) ** 0.5,
        "active": float(active_dimensions(mean.cpu().numpy())),
        "encoder_information": encoder_information(mean, log_variance, latent),
        "sigma": float(vae.log_sigma.exp()),
    }
    if trainee.critic is not None:
        other = others(latent, torch.Generator().manual_seed(0))
        joint, apart = trainee.critic.score(seen, latent), trainee.critic.score(seen, other)
        found["information"] = float(information_bound(joint, apart))
    return found


def _takes_bf16(recipe: VaeRecipe, device: Device) -> bool:
    wanted = recipe.training.precision
    if wanted == "32":
        return False
    if device.type == "cuda":
        able = bool(torch.cuda.is_bf16_supported(including_emulation=False))
    else:
        able = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())  # noqa: SLF001
    if wanted == "bf16" and not able:
        raise ConfigError("training.precision=bf16 is not to be had on this device; use 32.")
    return able


@contextmanager
def _frozen(module: nn.Module) -> Iterator[None]:
    """Let gradients pass through a module without reaching its weights."""
    module.requires_grad_(requires_grad=False)
    try:
        yield
    finally:
        module.requires_grad_(requires_grad=True)


def _named(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{prefix}.{name}": value for name, value in state.items()}


def _part(prefix: str, state: dict[str, Tensor]) -> dict[str, Tensor]:
    start = f"{prefix}."
    return {k.removeprefix(start): v for k, v in state.items() if k.startswith(start)}


def _adam_state(prefix: str, adam: torch.optim.Adam) -> dict[str, Tensor]:
    return {
        f"{prefix}.{index}.{name}": value
        for index, values in adam.state_dict()["state"].items()
        for name, value in values.items()
    }


def _restore_adam(prefix: str, adam: torch.optim.Adam, state: dict[str, Tensor]) -> None:
    kept: dict[int, dict[str, Tensor]] = {}
    for key, value in _part(prefix, state).items():
        index, _, name = key.partition(".")
        kept.setdefault(int(index), {})[name] = value
    adam.load_state_dict({"state": kept, "param_groups": adam.state_dict()["param_groups"]})
