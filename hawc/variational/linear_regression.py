"""Bayesian linear regression with unknown weight precision, by mean field.

    t_i ~ N(w . x_i, 1 / tau),     w ~ N(0, I / alpha),     alpha ~ Gamma(a, rate b)

with known tau. The posterior of (w, alpha) is approximated by q(w) q(alpha). The updates alternate:

    q(w) = N(m, S):           S = (E[alpha] I + tau X'X)^-1,   m = tau S X't,
    q(alpha) = Gamma(a', b'): a' = a + d / 2,   b' = b + (m'm + tr S) / 2.

Each is optimal given the other. So the evidence bound E_q log p(t, w, alpha) - E_q log q increases
with every update and stays below log p(t).

Source: Bishop 2006, "Pattern recognition and machine learning", section 10.3, eq. 10.94 to 10.100.
"""

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from scipy.special import digamma, gammaln
from torch import Tensor

from hawc.arguments import whole_number
from hawc.points import ArrayLike, as_real
from hawc.targets import Normal

__all__ = ["VariationalRegression", "posterior", "variational_regression"]


@final
@dataclass(frozen=True)
class VariationalRegression:
    """The factors q(w) and q(alpha) = Gamma(shape, rate), and the evidence bounds.

    Args:
        weights: q(w), a normal distribution.
        shape: a' of q(alpha).
        rate: b' of q(alpha).
        bounds: evidence bound in nats after each update, alternately of q(w) and q(alpha).
    """

    weights: Normal
    shape: float
    rate: float
    bounds: tuple[float, ...]

    @property
    def precision(self) -> float:
        """The mean of alpha."""
        return self.shape / self.rate


def posterior(
    inputs: Float[Tensor, "n d"] | ArrayLike,
    targets: Float[Tensor, " n"] | ArrayLike,
    *,
    noise_precision: float,
    weight_precision: float,
) -> Normal:
    """Returns the exact posterior of w for a known alpha.

    Args:
        inputs: x_i in rows.
        targets: t_i.
        noise_precision: tau, > 0.
        weight_precision: alpha, > 0.

    Raises:
        ValueError: if shapes do not fit or a precision is not positive.
    """
    inputs, targets = _checked(inputs, targets)
    _check_positive(noise_precision=noise_precision, weight_precision=weight_precision)
    precision = weight_precision * torch.eye(inputs.shape[1], dtype=torch.float64, device="cpu")
    factor = torch.linalg.cholesky(precision + noise_precision * inputs.T @ inputs)
    covariance = torch.cholesky_inverse(factor)
    return Normal(noise_precision * covariance @ inputs.T @ targets, covariance)


def variational_regression(
    inputs: Float[Tensor, "n d"] | ArrayLike,
    targets: Float[Tensor, " n"] | ArrayLike,
    *,
    noise_precision: float,
    shape: float = 1e-2,
    rate: float = 1e-2,
    tolerance: float = 1e-10,
    max_sweeps: int = 1000,
) -> VariationalRegression:
    """Returns the approximate posterior, by coordinate ascent.

    The ascent starts from E[alpha] = shape / rate.

    Args:
        inputs: x_i in rows.
        targets: t_i.
        noise_precision: tau, > 0.
        shape: a of the prior of alpha, > 0.
        rate: b of the prior of alpha, > 0.
        tolerance: stop when a sweep increases the bound by at most this, in nats, >= 0.
        max_sweeps: maximum number of sweeps, at least 1.

    Raises:
        ValueError: if shapes do not fit or a number is out of range.
    """
    inputs, targets = _checked(inputs, targets)
    _check_positive(noise_precision=noise_precision, shape=shape, rate=rate)
    max_sweeps = whole_number("max_sweeps", max_sweeps, 1)
    if not tolerance >= 0:
        raise ValueError(f"`tolerance` must be at least 0, got {tolerance}.")
    model = _Model(inputs, targets, noise_precision, shape, rate)
    new_shape, new_rate = shape, rate
    bounds: list[float] = []
    for _ in range(max_sweeps):
        weights = posterior(
            inputs,
            targets,
            noise_precision=noise_precision,
            weight_precision=new_shape / new_rate,
        )
        bounds.append(model.bound(weights, new_shape, new_rate))
        new_shape = shape + inputs.shape[1] / 2
        new_rate = rate + _mean_square(weights) / 2
        bounds.append(model.bound(weights, new_shape, new_rate))
        if len(bounds) > 2 and bounds[-1] - bounds[-3] <= tolerance:
            break
    return VariationalRegression(weights, new_shape, new_rate, tuple(bounds))


@final
@dataclass(frozen=True)
class _Model:
    inputs: Tensor
    targets: Tensor
    noise_precision: float
    shape: float
    rate: float

    def bound(self, weights: Normal, shape: float, rate: float) -> float:
        """Returns E log p(t|w) + E log p(w|alpha) + E log p(alpha) + H(w) + H(alpha)."""
        tau, dim = self.noise_precision, weights.dim
        precision, log_precision = shape / rate, float(digamma(shape)) - math.log(rate)
        errors = (self.targets - self.inputs @ weights.mean).square().sum()
        errors = errors + ((self.inputs @ weights.covariance) * self.inputs).sum()
        fit = 0.5 * len(self.targets) * math.log(tau / (2 * math.pi)) - 0.5 * tau * float(errors)
        prior = 0.5 * dim * (log_precision - math.log(2 * math.pi))
        prior -= 0.5 * precision * _mean_square(weights)
        hyper = self.shape * math.log(self.rate) - float(gammaln(self.shape))
        hyper += (self.shape - 1) * log_precision - self.rate * precision
        entropy = 0.5 * float(torch.logdet(2 * math.pi * math.e * weights.covariance))
        entropy += shape - math.log(rate) + float(gammaln(shape) + (1 - shape) * digamma(shape))
        return fit + prior + hyper + entropy


def _mean_square(weights: Normal) -> float:
    """Returns E w'w."""
    return float(weights.mean.square().sum() + weights.covariance.trace())


def _checked(inputs: ArrayLike, targets: ArrayLike) -> tuple[Tensor, Tensor]:
    inputs, targets = as_real("inputs", inputs), as_real("targets", targets)
    if inputs.ndim != 2 or targets.shape != inputs.shape[:1] or 0 in inputs.shape:
        raise ValueError(
            "`inputs` and `targets` must have shapes (n, d) and (n,), n, d >= 1, got "
            f"{tuple(inputs.shape)} and {tuple(targets.shape)}."
        )
    if not bool(inputs.isfinite().all() and targets.isfinite().all()):
        raise ValueError("`inputs` and `targets` must be finite, got NaN or infinity.")
    return inputs.cpu().double(), targets.cpu().double()


def _check_positive(**numbers: float) -> None:
    for name, number in numbers.items():
        if not 0 < number < math.inf:
            raise ValueError(f"`{name}` must be > 0 and finite, got {number}.")
