"""The VAE: its loss by hand, bounds of a model whose evidence is known, and that it learns."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Independent, MultivariateNormal, Normal

from hawc import StandardNormal
from lightning_modules import VAE, TrainingError
from lightning_modules.interface import Autoencoder, provides
from tests.helpers import TINY_SHAPE, TinyImages, quiet_trainer, tiny_decoder, tiny_encoder


def tiny_vae(**arguments: Any) -> VAE:
    arguments = {"latent_dim": 2, **arguments}
    return VAE(TINY_SHAPE, encoder=tiny_encoder, decoder=tiny_decoder, **arguments)


class Fixed(nn.Module):
    """An encoder with the same statistics for every row."""

    def __init__(self, mean: Tensor, log_variance: Tensor) -> None:
        super().__init__()
        self.statistics = torch.cat([mean, log_variance])

    def forward(self, images: Tensor) -> Tensor:
        return self.statistics.expand(len(images), -1)


def linear_model(mean: Tensor, log_variance: Tensor, factor: Tensor, **arguments: Any) -> VAE:
    """x = factor z + 0.5 noise: its evidence is a normal density."""

    def decoder(*_: Any) -> nn.Module:
        layer = nn.Linear(*reversed(factor.shape), bias=False)
        layer.weight.data = factor
        return layer

    return VAE(
        (len(factor),),
        len(mean),
        lambda *_: Fixed(mean, log_variance),
        decoder,
        likelihood="gaussian",
        sigma=0.5,
        **arguments,
    )


@pytest.mark.parametrize("kl", ["closed", "one_sample"])
def test_bernoulli_loss_by_hand(kl: Any) -> None:
    model, images = tiny_vae(kl=kl, beta=3.0), torch.rand(5, *TINY_SHAPE)
    torch.manual_seed(7)
    losses = model.losses(images)
    torch.manual_seed(7)
    mean, log_variance = model.encoder(images)[:, :2], model.encoder(images)[:, 2:]
    q = Independent(Normal(mean, (0.5 * log_variance).exp()), 1)
    z = mean + (0.5 * log_variance).exp() * torch.randn(5, 2)
    p = torch.sigmoid(model.decoder(z))
    reconstruction = -(images * p.log() + (1 - images) * (1 - p).log()).sum((1, 2, 3)).mean()
    prior = Independent(Normal(torch.zeros(2), 1.0), 1)
    if kl == "closed":
        divergence = torch.distributions.kl_divergence(q, prior).mean()
    else:
        divergence = (q.log_prob(z) - prior.log_prob(z)).mean()
    torch.testing.assert_close(losses["reconstruction"], reconstruction, rtol=1e-5, atol=0)
    torch.testing.assert_close(losses["kl"], divergence, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(losses["elbo"], -reconstruction - divergence, rtol=1e-5, atol=0)
    torch.testing.assert_close(losses["loss"], reconstruction + 3 * divergence, rtol=1e-5, atol=0)


def test_gaussian_loss_by_hand() -> None:
    model, images = tiny_vae(likelihood="gaussian", sigma=0.3), torch.rand(4, *TINY_SHAPE)
    torch.manual_seed(7)
    reconstruction = model.losses(images)["reconstruction"]
    torch.manual_seed(7)
    decoded = model.decode(model.sample_latents(images))
    expected = -Normal(decoded, 0.3).log_prob(images).sum((1, 2, 3)).mean()
    torch.testing.assert_close(reconstruction, expected, rtol=1e-5, atol=0)


def test_gradients_are_those_of_differences() -> None:
    model = tiny_vae(kl="one_sample").double()
    images = torch.rand(3, *TINY_SHAPE, dtype=torch.float64)

    def loss(weight: Tensor) -> Tensor:
        torch.manual_seed(0)
        return torch.func.functional_call(_Loss(model), {"model.encoder.1.weight": weight}, images)

    start = model.encoder[1].weight.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(loss, start, fast_mode=True)


class _Loss(nn.Module):
    def __init__(self, model: VAE) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.losses(images)["loss"]


def test_one_sample_form_agrees_with_the_closed_one_on_average() -> None:
    mean, log_variance = torch.tensor([0.5, -1.0]), torch.tensor([-1.0, 0.7])
    factor, images = torch.randn(3, 2), torch.zeros(100_000, 3)
    closed, sampled = (
        linear_model(mean, log_variance, factor, kl=kl).losses(images)["kl"]
        for kl in ("closed", "one_sample")
    )
    # one term's standard deviation is near 1
    assert sampled.item() == pytest.approx(closed.item(), abs=0.02)


def test_bounds_of_a_model_of_known_evidence() -> None:
    torch.manual_seed(0)
    factor, images = torch.randn(3, 2), torch.randn(1, 3)
    covariance = factor @ factor.T + 0.25 * torch.eye(3)
    evidence = MultivariateNormal(torch.zeros(3), covariance).log_prob(images).item()
    precision = torch.eye(2) + 4 * factor.T @ factor
    exact_mean = 4 * torch.linalg.solve(precision, factor.T @ images[0])
    # a normal with the posterior's mean and a diagonal covariance
    model = linear_model(exact_mean, -precision.diagonal().log(), factor)
    many = images.expand(20_000, 3)
    elbo = model.losses(many)["elbo"].item()
    bounds = [model.importance_weighted_bound(many, n).mean().item() for n in (1, 5, 500)]
    assert bounds[0] == pytest.approx(elbo, abs=0.05)  # of standard deviation 2 / sqrt(20000)
    assert elbo < bounds[1] < bounds[2] < evidence + 0.01
    assert bounds[2] == pytest.approx(evidence, abs=0.02)


def test_exact_posterior_makes_every_bound_the_evidence() -> None:
    factor = torch.diag(torch.tensor([1.0, 2.0]))  # the posterior is diagonal
    images = torch.tensor([[0.3, -1.0]])
    variance = 1 / (1 + 4 * factor.diagonal().square())
    model = linear_model(4 * variance * factor.diagonal() * images[0], variance.log(), factor)
    target = MultivariateNormal(torch.zeros(2), factor @ factor + 0.25 * torch.eye(2))
    bound = model.importance_weighted_bound(images, 1)
    assert bound.item() == pytest.approx(target.log_prob(images).item(), abs=1e-4)


def test_beta_warms_up_in_training_only(tmp_path: Path) -> None:
    model = tiny_vae(beta=4.0, warm_up_steps=8)
    trainer = quiet_trainer(tmp_path, limit_train_batches=3, limit_val_batches=0)
    trainer.fit(model, TinyImages(batch_size=24))
    assert trainer.global_step == 3
    for training, factor in ((True, 4.0 * 3 / 8), (False, 4.0)):
        losses = model.train(training).losses(torch.rand(4, *TINY_SHAPE))
        expected = losses["reconstruction"] + factor * losses["kl"]
        torch.testing.assert_close(losses["loss"], expected)


def test_sigma_is_learnt_or_kept(tmp_path: Path) -> None:
    for sigma, learnt in ((None, True), (0.5, False)):
        model = tiny_vae(likelihood="gaussian", sigma=sigma)
        before = model.log_sigma.item()
        quiet_trainer(tmp_path, max_epochs=2).fit(model, TinyImages(batch_size=24))
        assert (model.log_sigma.item() != before) == learnt
    assert math.exp(before) == pytest.approx(0.5)


def test_training_raises_the_bound(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, data = tiny_vae(num_importance_samples=20), TinyImages(batch_size=20)
    trainer = quiet_trainer(tmp_path, max_epochs=30)
    (before,) = trainer.test(model, data, verbose=False)
    trainer.fit(model, data)
    (after,) = trainer.test(model, data, verbose=False)
    assert after["test/elbo"] > before["test/elbo"]
    # latents say next to nothing of random images, so both bounds are near each other
    assert after["test/importance_weighted_bound"] == pytest.approx(after["test/elbo"], abs=0.5)
    assert (
        "test/importance_weighted_bound"
        not in quiet_trainer(tmp_path).test(tiny_vae(), data, verbose=False)[0]
    )


def test_latents_are_means_or_samples() -> None:
    model, images = tiny_vae(), torch.rand(4, *TINY_SHAPE)
    assert provides(model, Autoencoder)
    assert repr(model.prior) == repr(StandardNormal(2))
    assert torch.equal(model.encode(images), model.encoder(images)[:, :2])
    draws = torch.stack([model.sample_latents(images) for _ in range(4000)])
    deviation = (0.5 * model.encoder(images)[:, 2:]).exp()
    torch.testing.assert_close(draws.mean(0), model.encode(images), rtol=0, atol=0.1)
    torch.testing.assert_close(draws.std(0), deviation, rtol=0.1, atol=0)


def test_pixels_outside_the_unit_interval_are_refused() -> None:
    with pytest.raises(TrainingError, match=r"pixels must be in \[0, 1\]"):
        tiny_vae().losses(2 * torch.ones(2, *TINY_SHAPE))
    assert tiny_vae(likelihood="gaussian").losses(2 * torch.ones(2, *TINY_SHAPE))["loss"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sigma": 0.0}, "`sigma` must be > 0, or null to learn it, got 0.0"),
        ({"sigma": math.inf}, "`sigma` must be > 0, or null to learn it, got inf"),
        ({"beta": -1.0}, "`beta` must be at least 0, got -1.0"),
        ({"beta": math.nan}, "`beta` must be at least 0, got nan"),
        ({"warm_up_steps": -1}, "`warm_up_steps` must be at least 0, got -1"),
        ({"num_importance_samples": -2}, "`num_importance_samples` must be at least 0, got -2"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        tiny_vae(**arguments)


@pytest.mark.parametrize(
    ("arguments", "learnt"),
    [
        ({}, False),
        ({"likelihood": "gaussian"}, True),
        ({"likelihood": "gaussian", "sigma": 1}, False),
    ],
)
def test_only_a_learnt_sigma_is_a_parameter(arguments: dict[str, Any], learnt: bool) -> None:
    model = tiny_vae(**arguments)
    assert ("log_sigma" in dict(model.named_parameters())) == learnt
    assert "log_sigma" in model.state_dict()


def test_half_precision_does_not_round_the_divergence() -> None:
    model, images = tiny_vae(), torch.rand(64, *TINY_SHAPE)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        kl = model.losses(images)["kl"]
    assert kl.dtype == torch.float32


@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_weights_of_any_precision(likelihood: str, dtype: torch.dtype) -> None:
    model = tiny_vae(likelihood=likelihood).to(dtype)  # as with precision bf16-true
    losses = model.losses(torch.rand(5, *TINY_SHAPE, dtype=dtype))
    losses["loss"].backward()
    assert losses["loss"].isfinite()
    assert losses["kl"].dtype == torch.promote_types(dtype, torch.float32)
