"""Kernels as Gaussian mixtures: rates and weights from a density over rates."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

__all__ = ["Mixture", "mixture_of_density", "power_density"]

# The trapezoidal rule in u = log t. The mixture integrands are analytic and bounded for
# |Im u| < pi/2, so a step of 0.3 leaves a relative error near exp(-pi^2 / 0.3) = 5e-15.
_LOG_RATE_STEP = 0.3
_LOG_RATE_RANGE = (-56.0, 56.0)

Mixture = tuple[Float[Tensor, " t"], Float[Tensor, " t"]]


def mixture_of_density(
    density: Callable[[Float[Tensor, " t"]], Float[Tensor, " t"]], length: float = 1.0
) -> Mixture:
    """Returns rates and weights of h = int_0^inf (1 - exp(-t s)) density(t) dt.

    The trapezoidal rule in log t, with about 370 terms. Beyond its ends the density is continued as
    a power of t. The remainders are then geometric series: of w t s below the first rate, of w
    above the last.

    Args:
        density: of rates in float64, >= 0.
        length: at which the growth of h changes. The rates always include its inverse square.
    """
    (first, last), middle = _LOG_RATE_RANGE, -2 * math.log(length)
    first, last = min(first, middle - 19), max(last, middle + 1)
    rate = torch.arange(first, last, _LOG_RATE_STEP, dtype=torch.float64, device="cpu").exp()
    weight = _LOG_RATE_STEP * rate * density(rate)
    weight[0] /= 1 - weight[0] * rate[0] / (weight[1] * rate[1])
    rate, weight = rate[weight > 0], weight[weight > 0]
    weight[-1] /= 1 - weight[-1] / weight[-2]
    return rate, weight


def power_density(rate: Float[Tensor, " t"], alpha: float, a: float) -> Float[Tensor, " t"]:
    """Returns the density of (a^2 + s)^alpha - a^(2 alpha), 0 <= alpha < 1."""
    return alpha / math.gamma(1 - alpha) * rate.pow(-1 - alpha) * (-(a**2) * rate).exp()
