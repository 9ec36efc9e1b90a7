"""Squared Frechet distance of normal distributions fitted to features.

    d^2 = |m_r - m_g|^2 + tr(S_r + S_g - 2 (S_r S_g)^(1/2))

with means m and unbiased covariances S. With features of Inception it is the FID. The trace of the
root is the sum of the singular values of S_r^(1/2) S_g^(1/2), the roots of the eigenvalues of the
symmetric S_r^(1/2) S_g S_r^(1/2). Singular covariances therefore need no offset and no complex
numbers.

The estimate is biased: it is too large for small sets. State both sizes with the number.

Source: Dowson and Landau 1982, J. Multivariate Analysis 12:450; Heusel et al. 2017, "GANs trained
by a two time-scale update rule", arXiv 1706.08500, eq. 6.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor
from torchmetrics.utilities.prints import rank_zero_warn

from hawc.arguments import whole_number
from hawc.precision import without_autocast
from metrics.feature_metric import AbstractFeatureMetric
from metrics.features import FeatureNetwork

__all__ = ["FrechetDistance", "squared_frechet_distance"]


@final
class FrechetDistance(AbstractFeatureMetric):
    """Returns the squared Frechet distance, from running sums in float64.

    Args:
        num_features: length f of the features, at least 1.
        feature_network: images to features (n, f); None if `update` is given features.
        keep_real: whether `reset` keeps the sums over the real images.

    Raises:
        ValueError: if `num_features` is less than 1 or not that of the features, or (by `compute`)
            if there are fewer than two real or two generated images.

    Warns:
        UserWarning: if a set has no more images than features; its covariance is singular and the
            distance mostly bias.
    """

    higher_is_better = False
    real_count: Tensor
    real_sum: Tensor
    real_products: Tensor
    fake_count: Tensor
    fake_sum: Tensor
    fake_products: Tensor

    def __init__(
        self,
        num_features: int,
        feature_network: FeatureNetwork | None = None,
        *,
        keep_real: bool = False,
    ) -> None:
        super().__init__(feature_network, keep_real=keep_real)
        self._num_features = whole_number("num_features", num_features, 1)
        for kind in ("real", "fake"):
            zeros = torch.zeros(num_features, dtype=torch.float64)
            self.add_state(f"{kind}_count", torch.tensor(0), dist_reduce_fx="sum")
            self.add_state(f"{kind}_sum", zeros, dist_reduce_fx="sum")
            self.add_state(f"{kind}_products", zeros.diag(), dist_reduce_fx="sum")

    def add_features(self, features: Float[Tensor, "n f"], real: bool) -> None:
        if features.shape[1] != self._num_features:
            raise ValueError(
                f"`num_features` must be the length of the features, which is "
                f"{features.shape[1]}, got {self._num_features}."
            )
        x = features.double()
        with without_autocast(x):
            products = x.T @ x
        # not in place: `reset` with `keep_real` and gathering keep references to the tensors
        kind = "real" if real else "fake"
        for name, value in (("count", len(x)), ("sum", x.sum(0)), ("products", products)):
            setattr(self, f"{kind}_{name}", getattr(self, f"{kind}_{name}") + value)

    def compute(self) -> Tensor:
        counts = int(self.real_count), int(self.fake_count)
        if min(counts) < 2:
            raise ValueError(
                "`update` must bring at least 2 real and 2 generated images before `compute`, "
                f"got {counts[0]} and {counts[1]}."
            )
        if min(counts) <= self._num_features:
            rank_zero_warn(
                f"a Frechet distance over {self._num_features} features needs more images than "
                f"features, got {counts[0]} real and {counts[1]} generated; it is mostly bias"
            )
        real = _moments(counts[0], self.real_sum, self.real_products)
        fake = _moments(counts[1], self.fake_sum, self.fake_products)
        return squared_frechet_distance(*real, *fake)


def squared_frechet_distance(
    mean: Float[Tensor, " f"],
    covariance: Float[Tensor, "f f"],
    other_mean: Float[Tensor, " f"],
    other_covariance: Float[Tensor, "f f"],
) -> Float[Tensor, ""]:
    """Returns the squared Frechet distance of two normal distributions, >= 0.

    Args:
        mean: of one distribution.
        covariance: symmetric and, up to rounding, positive semidefinite.
        other_mean: of the other distribution.
        other_covariance: of the other distribution.
    """
    with without_autocast(mean):
        roots = _square_root(covariance) @ _square_root(other_covariance)
    trace_of_root: Tensor = torch.linalg.svdvals(roots).sum()
    traces = covariance.trace() + other_covariance.trace() - 2 * trace_of_root
    return ((mean - other_mean).square().sum() + traces).clamp(min=0)


def _square_root(covariance: Float[Tensor, "f f"]) -> Float[Tensor, "f f"]:
    values, vectors = torch.linalg.eigh(covariance)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root


def _moments(
    count: int, total: Float[Tensor, " f"], products: Float[Tensor, "f f"]
) -> tuple[Float[Tensor, " f"], Float[Tensor, "f f"]]:
    mean = total / count
    return mean, (products - count * mean.outer(mean)) / (count - 1)
