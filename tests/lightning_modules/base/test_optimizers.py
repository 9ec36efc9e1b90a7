"""Default optimizers in config.yaml, and copies of models by pickle."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from jsonargparse import ArgumentParser
from lightning import LightningModule
from lightning.pytorch.cli import OptimizerCallable
from torch.optim import SGD, RMSprop

from lightning_modules import GAN, WGAN, WGANGP, DecoderAverage, Ensemble, MeanField
from lightning_modules.base.optimizers import AdamWithBetas, NamedDefault, named
from tests.helpers import (
    TINY_SHAPE,
    same_weights,
    tiny_decoder,
    tiny_ebgan,
    tiny_encoder,
    tiny_energy_vae,
    tiny_sngan,
    tiny_vae,
    tiny_wgan,
    weights,
)
from tests.tiny_domains import tiny_disco_gan


def test_steps_are_adams() -> None:
    start = torch.randn(5, generator=torch.Generator().manual_seed(0))
    ours, theirs = (start.clone().requires_grad_() for _ in range(2))
    optimizers = (
        AdamWithBetas([ours], lr=0.1, beta1=0.3, beta2=0.8, weight_decay=0.5),
        torch.optim.Adam([theirs], lr=0.1, betas=(0.3, 0.8), weight_decay=0.5),
    )
    for weight, optimizer in zip((ours, theirs), optimizers, strict=True):
        for _ in range(3):
            optimizer.zero_grad()
            weight.pow(4).sum().backward()
            optimizer.step()
    assert torch.equal(ours, theirs)
    assert not torch.equal(ours, start)


class Model:
    """Has a lambda as default, as models do."""

    def __init__(
        self,
        optimizer: OptimizerCallable = lambda p: AdamWithBetas(p, lr=2e-4, beta1=0.0, beta2=0.9),
    ) -> None:
        self.optimizer = optimizer([torch.zeros(2, requires_grad=True)])


def test_a_default_is_written_down_and_read_back() -> None:
    parser = ArgumentParser(exit_on_error=False)
    parser.add_class_arguments(Model, "model")
    written = parser.dump(parser.parse_args([]))
    assert "class_path: lightning_modules.base.optimizers.AdamWithBetas" in written
    model = parser.instantiate(parser.parse_string(written)).model
    assert model.optimizer.defaults["betas"] == (0.0, 0.9)
    assert model.optimizer.defaults["lr"] == 2e-4


PAIR = {"latent_dim": 3, "generator": tiny_decoder, "critic": tiny_encoder}
LOSSES = ("exact", "paper", "mmd", "sliced_wasserstein", "none")
MODELS: dict[str, Callable[[], LightningModule]] = {
    "VAE": tiny_vae,
    "WGAN": tiny_wgan,
    "EBGAN": tiny_ebgan,
    "GAN": lambda: GAN(TINY_SHAPE, **PAIR),
    "WGANGP": lambda: WGANGP(TINY_SHAPE, **PAIR),
    "DiscoGAN": lambda: tiny_disco_gan(TINY_SHAPE),
    "MeanField": lambda: MeanField((2,)),
    "Ensemble": lambda: Ensemble([tiny_wgan(), tiny_wgan()]),
    "DecoderAverage": lambda: DecoderAverage([tiny_wgan(), tiny_wgan()]),
    **{f"EnergyVAE {x}": lambda x=x: tiny_energy_vae(latent_loss=x) for x in LOSSES},
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("how", [lambda x: pickle.loads(pickle.dumps(x)), copy.deepcopy])
def test_a_copy_is_whole(name: str, how: Callable[[LightningModule], LightningModule]) -> None:
    model = MODELS[name]()
    copied = how(model)
    assert same_weights(weights(model), weights(copied))
    if name not in ("Ensemble", "DecoderAverage"):
        settings = [
            [(type(o), o.defaults) for o in m.configure_optimizers()[0]]  # type: ignore[index]
            for m in (model, copied)
        ]
        assert settings[0] == settings[1]


@pytest.mark.parametrize("name", ["EnergyVAE exact", "EnergyVAE mmd", "EnergyVAE none", "VAE"])
def test_a_copy_has_the_same_losses(name: str) -> None:
    model = MODELS[name]()
    copied, images = pickle.loads(pickle.dumps(model)), torch.rand(6, *TINY_SHAPE)
    found = []
    for one in (model, copied):
        torch.manual_seed(0)
        found.append(one.losses(images)["loss"])
    assert torch.equal(*found)


def test_torch_itself_copies_no_spectral_norms() -> None:
    """Hence `ddp_spawn` is refused for SNGAN: tests/commands/run/test_processes.py."""
    with pytest.raises(RuntimeError, match="parametrized modules is only supported"):
        pickle.dumps(tiny_sngan())
    assert same_weights(weights(model := tiny_sngan()), weights(copy.deepcopy(model)))


def test_only_defaults_have_names() -> None:
    model = tiny_wgan()
    default = model._optimizations[0].optimizer
    assert named(default) == NamedDefault("lightning_modules.wgan", "WGAN", "critic_optimizer")
    weight = [torch.nn.Parameter(torch.zeros(1))]
    assert isinstance(named(default).value()(weight), RMSprop)
    own = lambda p: SGD(p, lr=1.0)  # noqa: E731
    for factory in (own, SGD, None):
        assert named(factory) is factory
    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(WGAN(TINY_SHAPE, **PAIR, critic_optimizer=own))
