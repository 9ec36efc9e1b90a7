"""The mixture: which member decodes, how often, and that samplers need no special case."""

import math
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from lightning import LightningModule
from torch import Tensor, nn

from hawc import HistoryAwareSampler, MemoryHistory, StandardNormal
from hawc.targets import AbstractTarget
from lightning_modules import Ensemble
from lightning_modules.interface import LatentGenerator, provides
from tests.helpers import (
    TinyImages,
    quiet_trainer,
    same_weights,
    tiny_energy_vae,
    tiny_vae,
    tiny_wgan,
    weights,
)


class Shift(LightningModule):
    """z -> z + shift, so that a sample tells who decoded it."""

    image_shape = (2,)
    prior: AbstractTarget = StandardNormal(2)

    def __init__(self, shift: float) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.tensor(shift))
        self.norm = nn.BatchNorm1d(2)  # does not stand an empty batch in training mode

    def decode(self, z: Tensor) -> Tensor:
        assert len(z)
        return z + self.shift


def mixture(*weights: float) -> Ensemble:
    members = [Shift(100.0 * number) for number in range(len(weights))]
    return Ensemble(members, weights)


def draws(n: int, dim: int = 3) -> Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(0))


def counts(members: Tensor, number: int) -> list[int]:
    return torch.bincount(members, minlength=number).tolist()


def test_each_latent_is_decoded_by_the_member_of_its_last_coordinate() -> None:
    z, ensemble = draws(500), mixture(1, 1, 2)
    quartile, median = torch.special.ndtri(torch.tensor([0.25, 0.5]))
    expected = (z[:, 2] >= quartile).int() + (z[:, 2] >= median).int()
    assert torch.equal(ensemble.choices(z), expected.long())
    decoded = ensemble.decode(z)
    assert torch.allclose(decoded, z[:, :2] + 100.0 * expected[:, None], atol=1e-4)


def test_a_sample_does_not_depend_on_its_batch() -> None:
    z, ensemble = draws(40), mixture(3, 1)
    one_by_one = torch.cat([ensemble.decode(row) for row in z.split(1)])
    assert torch.equal(ensemble.decode(z), one_by_one)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 1.0), (0.2, 0.5, 0.3), (8.0, 1.0, 1.0)])
def test_weights_are_frequencies(weights: Sequence[float]) -> None:
    n = 20000
    found = counts(mixture(*weights).choices(draws(n)), len(weights))
    for count, weight in zip(found, weights, strict=True):
        share = weight / sum(weights)
        # four standard errors
        assert abs(count / n - share) <= 4 * math.sqrt(share * (1 - share) / n)


def test_it_is_a_latent_generator_whose_distribution_has_one_dimension_more() -> None:
    ensemble = Ensemble([tiny_wgan(), tiny_wgan()])
    assert provides(ensemble, LatentGenerator)
    assert repr(ensemble.prior) == "StandardNormal(dim=4)"
    with torch.no_grad():
        assert ensemble.decode(draws(5, 4)).shape == (5, 1, 8, 8)
        assert ensemble.decode(draws(0, 4)).shape == (0, 1, 8, 8)


def test_the_history_aware_sampler_shares_out_the_members() -> None:
    ensemble = mixture(1, 1, 1, 1)
    history, generator = MemoryHistory(3), torch.Generator().manual_seed(0)
    sampler = HistoryAwareSampler(ensemble.prior, history=history)
    shares = []
    for _ in range(3):
        drawn = sampler.sample(16, generator=generator)
        assert ensemble.decode(drawn).isfinite().all()
        shares.append(counts(ensemble.choices(history.points()), 4))
    # of 48 i.i.d. samples each member has 12 give or take 3
    assert max(abs(count - 12) for count in shares[-1]) <= 3
    assert min(shares[0]) >= 2


def test_members_come_from_checkpoints(tmp_path: Path) -> None:
    paths, saved = [], []
    for name in ("a", "b"):
        trained = tiny_wgan()
        trainer = quiet_trainer(tmp_path, limit_train_batches=2)
        trainer.fit(trained, TinyImages(batch_size=16))
        paths.append(tmp_path / f"{name}.ckpt")
        trainer.save_checkpoint(paths[-1])
        saved.append(weights(trained))
    ensemble = Ensemble.from_checkpoints(tiny_wgan(), paths, [1, 3])
    for member, state in zip(ensemble.members, saved, strict=True):
        assert same_weights(weights(member), state)
    found = counts(ensemble.choices(draws(4000, 4)), 2)
    assert found[1] / 4000 == pytest.approx(0.75, abs=0.03)


def test_models_of_different_kinds_mix() -> None:
    with torch.no_grad():
        decoded = Ensemble([tiny_wgan(latent_dim=2), tiny_vae()]).decode(draws(9))
    assert decoded.shape == (9, 1, 8, 8)


def test_other_latent_distributions_are_refused() -> None:
    student = tiny_energy_vae(latent_loss="paper")
    with pytest.raises(ValueError, match="`members` must have a standard normal prior, so that"):
        Ensemble([student])


@pytest.mark.parametrize("given", [[1.0], [1.0, 0.0], [1.0, -1.0], [1.0, math.nan], []])
def test_wrong_weights(given: list[float]) -> None:
    message = "`weights` must be a positive number for each of the 2 members, got"
    with pytest.raises(ValueError, match=message):
        Ensemble([tiny_wgan(), tiny_wgan()], given)
