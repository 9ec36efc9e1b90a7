"""The networks among the parts of a model."""

from torch import nn

from callbacks.base.model_networks import called_networks, model_networks
from tests.helpers import TINY_SHAPE, tiny_energy_vae, tiny_wgan
from tests.tiny_domains import tiny_disco_gan


def test_networks_are_named_by_their_attributes() -> None:
    assert set(model_networks(tiny_energy_vae())) == {"encoder", "decoder"}
    model = tiny_wgan()
    assert model_networks(model) == {"generator": model.generator, "critic": model.critic}


def test_frozen_networks_are_left_out() -> None:
    model = tiny_wgan()
    model.frozen = nn.Linear(3, 3).requires_grad_(False)
    model.loss = nn.MSELoss()
    assert set(model_networks(model)) == {"generator", "critic"}


def test_members_of_a_container_are_called() -> None:
    model = tiny_disco_gan(TINY_SHAPE)
    members = [model.generator["a_to_b"], model.generator["b_to_a"]]
    assert list(called_networks(model.generator)) == members
    assert list(called_networks(members[0])) == members[:1]
    assert list(called_networks(nn.ModuleList([nn.ModuleList(members)]))) == members
