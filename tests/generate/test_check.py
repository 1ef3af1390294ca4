"""The whole check finds planted copies of real training films, and is silent on fresh ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from tests.generate.conftest import draw_discs

from hilum.generate.check import check_copies
from hilum.generate.films import to_tensor
from hilum.generate.prior import fit_prior, load_prior
from hilum.generate.run_folder import load_vae
from hilum.generate.sample import reconstruct


def test_training_films_passed_off_as_drawn_are_found(trained: Path, tmp_path: Path) -> None:
    vae, _ = load_vae(trained)
    training, held = draw_discs(60, seed=3), draw_discs(60, seed=50)
    reports = check_copies(
        vae, training[:40], training=training, held_out=held, out=tmp_path, name="toy"
    )
    for report in reports:
        assert report.copied
        assert len(report.suspects) > 30
        assert report.suspects == report.nearest_training
    written = json.loads((tmp_path / "copies.json").read_text())
    assert written["latent"]["copied"] is True
    assert written["pixels"]["n_samples"] == 40


def test_fresh_films_raise_no_alarm(trained: Path, tmp_path: Path) -> None:
    vae, _ = load_vae(trained)
    fresh = reconstruct(vae, draw_discs(60, seed=51))
    reports = check_copies(
        vae,
        fresh,
        training=draw_discs(60, seed=3),
        held_out=draw_discs(60, seed=50),
        out=tmp_path,
        name="toy",
    )
    assert not any(report.copied for report in reports)


def test_the_fitted_prior_has_the_mean_and_spread_of_training_latents(trained: Path) -> None:
    vae, _ = load_vae(trained)
    films = to_tensor(draw_discs(400, seed=9))
    prior = fit_prior(vae, [films[:200], films[200:]])
    mean, log_variance = vae.encode(films)
    expected = np.cov(mean.detach().numpy().T, bias=True) + np.diag(
        log_variance.exp().mean(0).detach().numpy()
    )
    assert np.allclose(prior.scale @ prior.scale.T, expected, atol=1e-3)
    assert np.allclose(prior.mean, mean.mean(0).detach(), atol=1e-4)
    kept = load_prior(trained / "prior.safetensors")
    assert kept.scale.shape == (vae.latent, vae.latent)
