"""The protocol that callbacks check."""

import torch
from torch import nn

from hawc import StandardNormal
from lightning_modules.interface import AdversarialPair, LatentGenerator, PictureCritic
from tests.helpers import tiny_energy_vae, tiny_wgan


class Foreign(nn.Module):
    """Somebody else's generator, with the two things that sampling needs."""

    latent_target = StandardNormal(2)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z.sigmoid()


def test_anything_with_a_law_and_a_decoder_will_do() -> None:
    assert isinstance(Foreign(), LatentGenerator)
    assert not isinstance(nn.Linear(2, 2), LatentGenerator)


def test_adversarial_models_follow_their_protocols() -> None:
    for protocol in (AdversarialPair, PictureCritic):
        assert isinstance(tiny_wgan(), protocol)
        assert not isinstance(tiny_energy_vae(), protocol)
