"""Fully connected networks: shapes and exact numbers of parameters."""

import pytest
import torch
from torch import nn

from networks import MLPDecoder, MLPEncoder, MLPTranslator


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def test_encoder_has_the_papers_size() -> None:
    network = MLPEncoder((1, 28, 28), 8)
    layers = ((784, 200), (200, 200), (200, 200), (200, 8))
    assert count(network) == sum(fan_in * fan_out + fan_out for fan_in, fan_out in layers)
    assert network(torch.zeros(3, 1, 28, 28)).shape == (3, 8)


def test_decoder_mirrors_the_encoder() -> None:
    network = MLPDecoder((1, 28, 28), 8)
    layers = ((8, 200), (200, 200), (200, 200), (200, 784))
    assert count(network) == sum(fan_in * fan_out + fan_out for fan_in, fan_out in layers)
    assert network(torch.zeros(3, 8)).shape == (3, 1, 28, 28)


def test_decoder_with_batch_norms_has_scales_and_shifts_in_place_of_biases() -> None:
    network = MLPDecoder((1, 28, 28), 8, widths=(30, 20), batch_norm=True)
    hidden = 8 * 30 + 2 * 30 + 30 * 20 + 2 * 20
    assert count(network) == hidden + 20 * 784 + 784
    kinds = [type(layer) for layer in list(network)[:3]]
    assert kinds == [nn.Linear, nn.BatchNorm1d, nn.ReLU]
    assert network(torch.randn(3, 8)).shape == (3, 1, 28, 28)


def test_translator_of_the_toy_has_three_linear_layers() -> None:
    network = MLPTranslator((2,))
    assert count(network) == (2 * 128 + 128) + (128 * 128 + 128) + (128 * 2 + 2)
    assert sum(isinstance(layer, nn.Linear) for layer in network) == 3
    assert network(torch.zeros(3, 2)).shape == (3, 2)
    assert MLPTranslator((1, 4, 6), widths=())(torch.zeros(3, 1, 4, 6)).shape == (3, 1, 4, 6)


def test_table_rows_are_allowed() -> None:
    assert MLPEncoder((13,), 2, widths=(5,))(torch.zeros(4, 13)).shape == (4, 2)
    assert MLPDecoder((13,), 2, widths=(5,))(torch.zeros(4, 2)).shape == (4, 13)


def test_no_hidden_layer_gives_a_linear_map() -> None:
    network = MLPEncoder((2,), 1, widths=())
    x, y = torch.randn(5, 2), torch.randn(5, 2)
    assert torch.allclose(network(x + y), network(x) + network(y) - network(torch.zeros(5, 2)))


@pytest.mark.parametrize("network", [MLPEncoder, MLPDecoder])
def test_empty_layers_are_refused(network: type[MLPEncoder] | type[MLPDecoder]) -> None:
    with pytest.raises(ValueError, match="`widths` and all sizes must be at least 1, got"):
        network((1, 4, 4), 2, widths=(8, 0))


def test_decoder_output_is_unbounded() -> None:
    network = MLPDecoder((1, 4, 4), 2, widths=(8,))
    # a hidden unit that one of two opposite latents switches off the other switches on
    assert network(torch.tensor([[1e4, 1e4], [-1e4, -1e4]])).abs().max() > 1
