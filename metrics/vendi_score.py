"""Vendi score: the effective number of different images in a set.

With unit vectors u_i of the features of n images and the cosine kernel K_ij = u_i . u_j, let
lambda be the eigenvalues of K / n; they are >= 0 with sum 1. The score of order q is the Hill
number exp(H_q), with Renyi's entropy

    H_q = log(sum lambda^q) / (1 - q),    H_1 = - sum lambda log lambda,    H_inf = - log max lambda

It is n for orthogonal features, 1 for parallel ones, and falls as q grows: small orders count rare
kinds of images too, large ones the dominant kinds. K / n and the f x f matrix sum_i u_i u_i^T / n
have the same positive eigenvalues; the smaller matrix is decomposed.

Source: Friedman and Dieng 2023, "The Vendi score", arXiv 2210.02410 (q = 1); Pasarkar and Dieng
2023, "Cousins of the Vendi score", arXiv 2310.12952 (order q).
"""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.points import ArrayLike, as_points
from hawc.precision import without_autocast
from metrics.feature_metric import AbstractStoredFeatures
from metrics.features import FeatureNetwork

__all__ = ["VendiScore", "vendi_score"]

# Nearer to 1 than this, rounding in log(sum lambda^q) / (1 - q) exceeds the error of the limit.
_NEARLY_ONE = 1e-7


@final
class VendiScore(AbstractStoredFeatures):
    """Returns the Vendi score of the generated images; ignores real ones.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        q: order, at least 0; may be infinite.

    Raises:
        ValueError: if `q` is negative or NaN, or (by `compute`) if there are no images.
    """

    higher_is_better = True

    def __init__(self, feature_network: FeatureNetwork | None = None, q: float = 1.0) -> None:
        super().__init__(feature_network, reads_real=False)
        _check_order(q)
        self._q = q

    def compute(self) -> Tensor:
        return vendi_score(self.features(real=False), self._q)


def vendi_score(features: Float[Tensor, "n f"] | ArrayLike, q: float = 1.0) -> Float[Tensor, ""]:
    """Returns the Vendi score of order q in the cosine kernel, from 1 to min(n, f + 1).

    Zero vectors have no direction; they count as equal to each other and orthogonal to all others.

    Args:
        features: at least one row.
        q: order, at least 0; 0 counts dimensions, may be infinite.

    Raises:
        ValueError: if `q` is negative or NaN.
    """
    _check_order(q)
    share = _eigenvalues(_unit_vectors(as_points("features", features).double()))
    if math.isinf(q):
        return 1 / share.max()
    if abs(q - 1) < _NEARLY_ONE:
        return torch.exp(-(share * share.log()).sum())
    return torch.exp(torch.logsumexp(q * share.log(), 0) / (1 - q))


def _check_order(q: float) -> None:
    if not q >= 0:
        raise ValueError(
            f"`q` must be at least 0, got {q}; 1 is the usual order, float('inf') the largest."
        )


def _unit_vectors(features: Float[Tensor, "n f"]) -> Float[Tensor, "n g"]:
    norms = torch.linalg.vector_norm(features, dim=1, keepdim=True)
    is_zero = norms == 0
    return torch.cat([features / norms.where(~is_zero, 1), is_zero.to(features)], 1)


def _eigenvalues(unit: Float[Tensor, "n g"]) -> Float[Tensor, " r"]:
    """Returns the eigenvalues of K / n above rounding; small orders would count the others."""
    n, g = unit.shape
    with without_autocast(unit):
        gram = unit.T @ unit if g <= n else unit @ unit.T
    eigenvalues: Tensor = torch.linalg.eigvalsh(gram / n)
    tolerance = max(n, g) * torch.finfo(unit.dtype).eps * eigenvalues[-1]
    share = eigenvalues[eigenvalues > tolerance]
    return share / share.sum()
