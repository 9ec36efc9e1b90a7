"""The protocols of models and data, and how they are checked."""

from collections.abc import Callable
from typing import Protocol

import pytest
import torch
from torch import nn

from datamodules import BostonHousing, Gaussians8, MNIST5k, SwissRoll, ToyDomains
from hawc import StandardNormal
from lightning_modules import WGANGP, MeanField
from lightning_modules.interface import (
    AdversarialPair,
    Autoencoder,
    ChecksBatches,
    CriticSchedule,
    DoubleBackward,
    HasColumns,
    HasDensity,
    HasImageShape,
    HasModes,
    ImageCritic,
    LatentGenerator,
    NeedsDensity,
    TrainingExamples,
    Translator,
    TwoDomains,
    ValidationSplit,
    member_names,
    missing_members,
    provides,
)
from tests.helpers import tiny_energy_vae, tiny_wgan
from tests.tiny_domains import tiny_disco_gan

PROTOCOLS = [AdversarialPair, Autoencoder, HasDensity, LatentGenerator, ImageCritic, Translator]


class Foreign(nn.Module):
    """A user's own generator, with the two things that sampling needs."""

    prior = StandardNormal(2)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        return z.sigmoid()


class ForeignPair(nn.Module):
    """A user's own GAN, whose members are of all kinds that an nn.Module has."""

    def __init__(self) -> None:
        super().__init__()
        self.critic = nn.Linear(2, 1)
        self.add_module("generator", nn.Linear(2, 2))
        self.register_buffer("critic_step", torch.zeros(()))
        self.generator_step = self.batch_count = 0
        self.is_step_logged = lambda network: True

    def gradient_scale(self, optimizer: torch.optim.Optimizer) -> float:
        return 1.0


class Wrapper(nn.Module):
    """Answers for the module inside, as `torch.compile`'s wrapper does."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def __getattr__(self, name: str) -> object:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.inner, name)


class Annotated(LatentGenerator, Protocol):
    critic: nn.Module


def test_a_prior_and_a_decoder_are_enough() -> None:
    assert provides(Foreign(), LatentGenerator)
    assert not provides(nn.Linear(2, 2), LatentGenerator)


def test_models_follow_their_protocols() -> None:
    for protocol in (AdversarialPair, ImageCritic):
        assert provides(tiny_wgan(), protocol)
        assert not provides(tiny_energy_vae(), protocol)
    assert provides(tiny_energy_vae(), Autoencoder)
    assert not provides(tiny_wgan(), Autoencoder)
    assert provides(tiny_disco_gan(), Translator)
    assert provides(tiny_disco_gan(), TwoDomains)
    assert not provides(tiny_wgan(), TwoDomains)
    for protocol in (CriticSchedule, ChecksBatches, HasImageShape):
        assert provides(tiny_wgan(), protocol)
    assert WGANGP.double_backward_networks == ("critic",)
    assert missing_members(WGANGP, DoubleBackward) == []
    assert missing_members(MeanField, NeedsDensity) == []


def test_data_follow_their_protocols() -> None:
    gaussians = Gaussians8()
    for protocol in (HasDensity, HasModes, HasImageShape, TrainingExamples):
        assert provides(gaussians, protocol)
    assert not provides(SwissRoll(), HasDensity)
    assert not provides(gaussians, TwoDomains)
    assert provides(ToyDomains(), TwoDomains)
    assert provides(BostonHousing(), HasColumns)
    assert provides(MNIST5k(num_validation=0), ValidationSplit)
    assert not provides(MNIST5k(), ValidationSplit)


@pytest.mark.parametrize("wrap", [lambda module: module, Wrapper])
def test_sub_modules_count_on_every_python(wrap: Callable[[nn.Module], nn.Module]) -> None:
    """From Python 3.12 on isinstance with a runtime protocol does not see them."""
    assert provides(wrap(ForeignPair()), AdversarialPair)
    assert not provides(wrap(Foreign()), AdversarialPair)
    assert provides(wrap(Foreign()), LatentGenerator)


def test_properties_are_not_computed() -> None:
    class Untrained(Foreign):
        @property
        def prior(self) -> StandardNormal:
            raise AttributeError("known only after training")

    assert provides(Untrained(), LatentGenerator)


def test_none_is_no_member() -> None:
    pair = ForeignPair()
    pair.critic = None
    assert missing_members(pair, AdversarialPair) == ["critic"]


def test_annotated_members_count() -> None:
    assert member_names(Annotated) == ["critic", "decode", "prior"]
    assert missing_members(Foreign(), Annotated) == ["critic"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_isinstance_is_refused_on_every_python(protocol: type) -> None:
    with pytest.raises(TypeError, match="runtime_checkable"):
        isinstance(tiny_wgan(), protocol)
