"""Losses of translators between two domains.

Reconstruction distances, averages over images and their coordinates, r = y - x:
    l1      |r|
    mse     r^2
    huber   r^2 / 2 where |r| <= delta, delta (|r| - delta / 2) elsewhere
    cosine  1 - <x, y> / (|x| |y|), of whole images

Feature matching, as in the authors' code, with k the coordinates of a level of the critic:

    sum over levels of mean_k (mean_i f_k(x_i) - mean_j f_k(y_j))^2

Source: Kim et al. 2017, "Learning to discover cross-domain relations with generative adversarial
networks", arXiv 1703.05192, which leaves the distance open, and its authors' code.
"""

from collections.abc import Sequence
from typing import Literal

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hawc.precision import full_precision

__all__ = ["Distance", "feature_matching", "reconstruction_distance"]

Distance = Literal["l1", "mse", "huber", "cosine"]


def reconstruction_distance(
    distance: Distance,
    reconstruction: Float[Tensor, "n ..."],
    original: Float[Tensor, "n ..."],
    huber_delta: float,
) -> Float[Tensor, ""]:
    """Returns the mean distance of reconstructions to their originals, >= 0.

    Args:
        distance: one of the names above.
        reconstruction: reconstructions.
        original: of the same shape.
        huber_delta: error above which the Huber distance is linear, > 0.
    """
    if distance == "l1":
        return functional.l1_loss(reconstruction, original)
    if distance == "mse":
        return functional.mse_loss(reconstruction, original)
    if distance == "huber":
        return functional.huber_loss(reconstruction, original, delta=huber_delta)
    return 1 - functional.cosine_similarity(reconstruction.flatten(1), original.flatten(1)).mean()


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Returns the squared distance of mean features of two batches, over all levels.

    Args:
        real: features (n, ...) of each level, at least one level.
        fake: features (m, ...) of the same levels for another batch.

    Returns:
        Scalar >= 0, float32 also for half precision: close means differ in their last digits.
    """
    levels = zip(real, fake, strict=True)
    means = [(full_precision(x).mean(0), full_precision(y).mean(0)) for x, y in levels]
    gaps = [(x - y).square().mean() for x, y in means]
    return sum(gaps[1:], gaps[0])
