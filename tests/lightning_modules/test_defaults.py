"""Models can be copied to other processes, default optimizers included."""

import copy
import pickle
from collections.abc import Callable

import pytest
import torch
from lightning import LightningModule
from torch.optim import SGD, RMSprop

from lightning_modules import GAN, WGAN, WGANGP, DecoderAverage, Ensemble, MeanField
from lightning_modules.defaults import NamedDefault, named
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
    """So `ddp_spawn` is refused for SNGAN: tests/commands/test_processes.py."""
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
