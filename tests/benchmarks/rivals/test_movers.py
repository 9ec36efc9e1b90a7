"""What all movers have in common."""

import pytest
import torch
from torch import Tensor

from benchmarks.rivals.interface import Mover
from benchmarks.rivals.latent_gradients import latent_gradient
from benchmarks.rivals.noise_gradient import NoiseGradient
from benchmarks.rivals.particle_guidance import ParticleGuidance
from benchmarks.rivals.repelled_latents import RepelledLatents
from hawc.targets import AbstractTarget, UniformCube
from tests.benchmarks.rivals.linear_generator import LinearGenerator

MOVERS = (
    ParticleGuidance(10.0),
    NoiseGradient("dpp", 0.1),
    NoiseGradient("vendi", 0.1),
    RepelledLatents(3.0, 0.1),
)
DIM, FEATURES, STEPS = 3, 5, 4


def normal(rows: int, columns: int, seed: int = 0) -> Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def moved(mover: Mover, latents: Tensor, past: Tensor, seed: int = 0) -> tuple[Tensor, list[int]]:
    generator = LinearGenerator(normal(DIM, FEATURES, 1))
    result = mover(latents, past, generator, STEPS, torch.Generator().manual_seed(seed))
    return result, generator.calls


@pytest.mark.parametrize("mover", MOVERS, ids=str)
@pytest.mark.parametrize("n", [1, 4, 8])
@pytest.mark.parametrize("k", [0, 6])
def test_batches_of_any_size(mover: Mover, n: int, k: int) -> None:
    latents, past = normal(n, DIM), normal(k, FEATURES, 2)
    start = latents.clone()
    result, calls = moved(mover, latents, past)
    assert calls == STEPS * [n]
    assert result.shape == latents.shape
    assert result.dtype == torch.float32
    assert result.isfinite().all()
    assert not result.requires_grad
    assert torch.equal(latents, start), "the caller's latents stay"
    assert torch.equal(result, moved(mover, latents, past)[0])
    with torch.no_grad():
        assert torch.equal(result, moved(mover, latents, past)[0])


@pytest.mark.parametrize("mover", MOVERS, ids=str)
@pytest.mark.parametrize("latents", [normal(1, DIM).repeat(4, 1), torch.zeros(4, DIM)])
def test_copies_stay_finite(mover: Mover, latents: Tensor) -> None:
    past = latents[:2] @ normal(DIM, FEATURES, 1)
    assert moved(mover, latents, past)[0].isfinite().all()


def test_only_particle_guidance_is_random() -> None:
    latents, past = normal(4, DIM), normal(6, FEATURES, 2)
    differ = [
        not torch.equal(moved(mover, latents, past)[0], moved(mover, latents, past, 1)[0])
        for mover in MOVERS
    ]
    assert differ == [True, False, False, False]


@pytest.mark.parametrize("mover", MOVERS, ids=str)
def test_other_priors_are_refused(mover: Mover) -> None:
    class Uniform(LinearGenerator):
        @property
        def prior(self) -> AbstractTarget:
            return UniformCube(DIM)

    generator = Uniform(torch.eye(DIM))
    with pytest.raises(ValueError, match=r"StandardNormal alone, got UniformCube"):
        mover(normal(4, DIM), normal(0, DIM), generator, STEPS, torch.Generator())


def test_gradients_are_those_of_latents() -> None:
    matrix, latents = normal(DIM, FEATURES, 1).double(), normal(4, DIM).double()
    value, gradient = latent_gradient(
        LinearGenerator(matrix), latents, lambda z, f: f.square().sum() + z.sum()
    )
    assert value == pytest.approx(float((latents @ matrix).square().sum() + latents.sum()))
    torch.testing.assert_close(gradient, 2 * latents @ matrix @ matrix.T + 1)
