"""Initial weights as in Keras."""

import math

import torch
from torch import nn

from networks.initialization import initialize_like_keras


def test_weights_are_uniform_after_glorot_and_biases_zero() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(300, 200), nn.BatchNorm1d(200), nn.Conv2d(3, 50, 5))
    scale = network[1].weight.clone()
    network.apply(initialize_like_keras)
    for layer, fans in ((network[0], 300 + 200), (network[2], 25 * (3 + 50))):
        bound = math.sqrt(6 / fans)
        largest = float(layer.weight.detach().abs().max())
        assert 0.99 * bound < largest <= bound  # of thousands of weights
        assert torch.equal(layer.bias, torch.zeros_like(layer.bias))
    assert torch.equal(network[1].weight, scale)
