"""Latent losses: zero for good latents, closed forms, the paper's table, gradients."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from hawc import StandardNormal
from hawc.distances import squared_distance_to
from hawc.kernels import HuberEnergy
from hawc.targets import StudentT
from lightning_modules.losses import latent as latent_losses
from lightning_modules.losses.latent import make_latent_loss, prior_of, sliced_wasserstein
from tests.numbers_asked import NumbersAsked

NAMES = ["exact", "paper", "mmd", "sliced_wasserstein"]
# (dimension, c_k1, largest error for r <= 3 sqrt(k), error at r = sqrt(k), error far away)
PAPER = [
    *((1, 1.57080, 0.2049, -0.0187, 0.4554), (2, 2.54648, 0.1719, -0.0231, 0.3425)),
    *((8, 8.51459, 0.0941, -0.0181, 0.1764), (16, 16.50756, 0.0672, -0.0137, 0.1249)),
    *((64, 64.50194, 0.0338, -0.0072, 0.0625), (128, 128.50097, 0.0239, -0.0051, 0.0442)),
]


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def on_axis(radius: Tensor, dim: int) -> Tensor:
    return torch.cat([radius[:, None], radius.new_zeros(len(radius), dim - 1)], dim=1)


@pytest.mark.parametrize(("dim", "c_k1", "largest", "typical", "far"), PAPER)
def test_paper_form_has_the_errors_of_the_table(
    dim: int, c_k1: float, largest: float, typical: float, far: float
) -> None:
    target = prior_of("paper", dim)
    assert isinstance(target, StudentT)
    assert (dim + 1) * target.scale**2 == pytest.approx(c_k1, rel=1e-5)  # digits of the table
    paper, exact = target.potential(HuberEnergy()), StandardNormal(dim).potential(HuberEnergy())
    radius = torch.linspace(0, 3 * math.sqrt(dim), 301, dtype=torch.float64)
    ends = torch.tensor([0.0, math.sqrt(dim), 1e4], dtype=torch.float64)
    points = on_axis(torch.cat([radius, ends]), dim)
    error = paper(points) - exact(points)
    error = error - error[-3]  # the constant that makes both agree at 0
    assert error[:301].abs().max().item() == pytest.approx(largest, abs=6e-5)
    assert error[-2].item() == pytest.approx(typical, abs=6e-5)
    assert -error[-1].item() == pytest.approx(far, abs=1.1e-4 + dim / 2e4)


@pytest.mark.parametrize("dim", [2, 64])
def test_exact_loss_of_independent_latents_is_g_over_n_on_average(dim: int) -> None:
    loss, n = make_latent_loss("exact", dim), 20
    values = torch.stack([loss(normal(n, dim, seed=seed)) for seed in range(400)])
    g = math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))
    error = float(values.std()) / math.sqrt(len(values))
    assert abs(float(values.mean()) - g / n) < 4 * error


def test_sliced_wasserstein_on_the_line_is_an_integral_over_quantiles() -> None:
    z = normal(7, 1)
    u = (np.arange(2_000_000) + 0.5) / 2_000_000
    empirical = np.sort(z[:, 0].numpy())[(u * 7).astype(int)]
    expected = np.mean((empirical - stats.norm.ppf(u)) ** 2)
    assert sliced_wasserstein(z).item() == pytest.approx(expected, abs=1e-5)


def test_mmd_is_that_of_the_inverse_multiquadric() -> None:
    dim, z = 3, normal(40, 3) + 1
    draws = normal(4000, dim, seed=1)

    def mean(x: Tensor, y: Tensor) -> float:
        return float((2 * dim / (2 * dim + torch.cdist(x, y).square())).mean())

    size = len(draws)
    among_draws = (mean(draws, draws) * size - 1) / (size - 1)  # without a draw and itself
    expected = mean(z, z) - 2 * mean(z, draws) + among_draws
    assert make_latent_loss("mmd", dim)(z).item() == pytest.approx(expected, rel=0.03)


@pytest.mark.parametrize("name", NAMES)
def test_latents_of_the_prior_are_better_than_shifted_or_shrunk_ones(name: str) -> None:
    torch.manual_seed(0)
    loss, target = make_latent_loss(name, 4), prior_of(name, 4)
    z = target.sample(2000, generator=torch.Generator().manual_seed(1)).double()
    good = loss(z)
    assert good > -1e-9
    for worse in (z + 1, z / 2, 2 * z, z * torch.tensor([1.0, 1.0, 1.0, 0.0])):
        assert loss(worse) > 5 * good


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_differences(name: str) -> None:
    loss = make_latent_loss(name, 3)

    def repeatable(z: Tensor) -> Tensor:
        torch.manual_seed(0)  # the same directions each time
        return loss(z)

    assert torch.autograd.gradcheck(repeatable, normal(5, 3).requires_grad_())


def test_none_is_zero_and_has_a_zero_gradient() -> None:
    z = normal(5, 3).requires_grad_()
    loss = make_latent_loss("none", 3)(z)
    assert loss.item() == 0
    (loss + 0 * z.sum()).backward()
    assert torch.equal(z.grad, torch.zeros_like(z))


def test_unknown_name() -> None:
    with pytest.raises(ValueError, match="`latent_loss` must be one of exact, paper"):
        make_latent_loss("adversarial", 2)


def test_slices_average_out() -> None:
    torch.manual_seed(0)
    z = 2 * normal(200, 6)
    assert latent_losses.NUM_SLICES == 50
    few = torch.stack([sliced_wasserstein(z) for _ in range(40)])
    many = sliced_wasserstein(z, 20_000)
    assert few.mean().item() == pytest.approx(many.item(), rel=0.02)
    assert squared_distance_to(HuberEnergy(), z, StandardNormal(6)) > 0


@pytest.mark.parametrize("scale", [1e9, 1e13, math.inf])
def test_diverged_latents_have_no_small_loss(scale: float) -> None:
    z = scale * torch.eye(4)
    distance = float(make_latent_loss("exact", 4)(z))
    # E|z_i| - 1/2 E|z_i - z_j| = (1 - 3 sqrt(2) / 8) |z|; the distribution's own extent is nothing
    # beside it
    expected = (1 - 3 * math.sqrt(2) / 8) * scale if scale < 1e10 else math.inf
    assert distance == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", [*NAMES, "none"])
def test_no_number_is_read_from_the_latents(name: str) -> None:
    latents = normal(8, 3).float()
    with NumbersAsked() as asked:
        make_latent_loss(name, 3)(latents)
    # constants of the distributions are on the CPU, in float64
    assert set(asked.dtypes) <= {torch.float64}


def test_means_between_quantiles_are_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    latents = normal(11, 3)
    with torch.inference_mode():  # as in validation
        sliced_wasserstein(latents)
    monkeypatch.delattr(torch.special, "ndtri")  # they would be sent to the device anew
    sliced_wasserstein(latents.requires_grad_()).backward()
