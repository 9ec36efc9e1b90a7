"""Spectral normalisation: which layers have it, what it makes of them, when it iterates."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from lightning_modules.spectral_norms import normalize_spectrally
from tests.helpers import same_weights


def largest_singular_value(layer: nn.Module) -> float:
    weight = layer.weight.detach().double()  # type: ignore[union-attr,operator]
    if isinstance(layer, nn.ConvTranspose2d):
        weight = weight.transpose(0, 1)  # (in, out, ...): rows are output channels
    return float(torch.linalg.svdvals(weight.flatten(1))[0])


@pytest.mark.parametrize(
    ("layer", "x"),
    [
        (nn.Linear(9, 7), torch.ones(2, 9)),
        (nn.Conv1d(3, 5, 3), torch.ones(2, 3, 8)),
        (nn.Conv2d(3, 5, 4, stride=2), torch.ones(2, 3, 8, 8)),
        (nn.ConvTranspose2d(3, 5, 4), torch.ones(2, 3, 8, 8)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_weights_get_norm_one(layer: nn.Module, x: Tensor) -> None:
    with torch.no_grad():
        layer.weight.mul_(50.0)  # type: ignore[union-attr,operator]
    bias = layer.bias.clone()  # type: ignore[union-attr,operator]
    network = nn.Sequential(nn.Sequential(layer), nn.ReLU())
    normalize_spectrally(network)
    for _ in range(200):
        network(x)
    network.eval()
    # 200 power iterations of matrices whose two largest values differ by percents
    assert largest_singular_value(layer) == pytest.approx(1, abs=1e-3)
    assert torch.equal(layer.bias, bias)  # type: ignore[arg-type]


def test_other_layers_are_left_alone() -> None:
    network = nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.PReLU())
    normalize_spectrally(network)
    assert [parametrize.is_parametrized(layer) for layer in network] == [True, False, False]


@pytest.mark.parametrize("num_iterations", [1, 3])
def test_power_iterations_of_a_pass_in_training_and_none_in_evaluation(num_iterations: int) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(9, 7, bias=False))
    normalize_spectrally(network, num_iterations)
    state = network.state_dict()
    weight = state["0.parametrizations.weight.original"]
    v = state["0.parametrizations.weight.0._v"]
    for _ in range(num_iterations):
        u = nn.functional.normalize(weight @ v, dim=0)
        v = nn.functional.normalize(weight.T @ u, dim=0)
    network(torch.ones(1, 9))
    now = network.state_dict()
    assert torch.allclose(now["0.parametrizations.weight.0._u"], u, atol=1e-6)
    assert torch.allclose(now["0.parametrizations.weight.0._v"], v, atol=1e-6)
    network.eval()
    before = {name: value.clone() for name, value in now.items()}
    network(torch.ones(1, 9))
    assert same_weights(before, network.state_dict())
