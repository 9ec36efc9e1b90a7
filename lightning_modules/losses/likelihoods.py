"""Negative log likelihoods of images given a decoder's output, in nats.

They are sums over pixels p, with the decoder's output o:

    bernoulli   -sum_p x_p log sigmoid(o_p) + (1 - x_p) log sigmoid(-o_p),
    gaussian    sum_p (x_p - m_p)^2 / (2 sigma^2) + log sigma + log(2 pi) / 2.

For x between 0 and 1 the first is not the logarithm of a density (Loaiza-Ganem and Cunningham 2019,
"The continuous Bernoulli", arXiv 1907.06845): values of binarised and of grey images cannot be
compared.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from lightning_modules.base.errors import TrainingError

__all__ = ["bernoulli_nll", "check_unit_interval", "gaussian_nll"]


def bernoulli_nll(
    images: Float[Tensor, "n ..."], logits: Float[Tensor, "n ..."]
) -> Float[Tensor, " n"]:
    """Returns minus the log likelihood of each image in [0, 1], in nats."""
    losses = functional.binary_cross_entropy_with_logits(logits, images, reduction="none")
    return losses.flatten(1).sum(1)


def gaussian_nll(
    images: Float[Tensor, "n ..."], mean: Float[Tensor, "n ..."], log_sigma: Float[Tensor, ""]
) -> Float[Tensor, " n"]:
    """Returns minus the log density of each image under N(mean, sigma^2 I), in nats."""
    squares = (images - mean).square().flatten(1)
    constant = squares.shape[1] * (log_sigma + 0.5 * math.log(2 * math.pi))
    return 0.5 * squares.sum(1) * torch.exp(-2 * log_sigma) + constant


def check_unit_interval(images: Float[Tensor, "n ..."]) -> None:
    """Raises TrainingError unless pixels are in [0, 1], for a Bernoulli likelihood."""
    low, high = torch.aminmax(images)
    if not (low >= 0 and high <= 1):
        raise TrainingError(
            "pixels must be in [0, 1] for a Bernoulli likelihood, got values from "
            f"{float(low):.4g} to {float(high):.4g}; rescale the data or choose the squared error "
            "or a Gaussian likelihood."
        )
