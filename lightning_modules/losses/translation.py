"""What translators between two domains minimise, as functions of batches.

reconstruction distances, averages over images and their coordinates, r = y - x:
    l1      |r|
    mse     r^2
    huber   r^2 / 2 where |r| <= delta, delta (|r| - delta / 2) elsewhere
    cosine  1 - <x, y> / (|x| |y|), of whole images

feature matching: over a critic's levels, the sum of mean_k (mean_i f_k(x_i) - mean_j f_k(y_j))^2,
k the coordinates of a level; that of the authors' code.

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
    made: Float[Tensor, "n ..."],
    original: Float[Tensor, "n ..."],
    huber_delta: float,
) -> Float[Tensor, ""]:
    """Returns how far reconstructions are from originals on average, >= 0.

    Args:
        distance: one of the names above.
        made: reconstructions.
        original: of the same shape.
        huber_delta: where the Huber distance turns from squares to absolute values, > 0.
    """
    if distance == "l1":
        return functional.l1_loss(made, original)
    if distance == "mse":
        return functional.mse_loss(made, original)
    if distance == "huber":
        return functional.huber_loss(made, original, delta=huber_delta)
    return 1 - functional.cosine_similarity(made.flatten(1), original.flatten(1)).mean()


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Float[Tensor, ""]:
    """Returns how far a critic's mean features of two batches are apart, summed over levels.

    Args:
        real: a batch of features (n, ...) for each level, at least one.
        fake: the same levels for another batch (m, ...).

    Returns:
        Scalar >= 0, float32 also of half precision: close means differ in their last digits.
    """
    levels = zip(real, fake, strict=True)
    means = [(full_precision(x).mean(0), full_precision(y).mean(0)) for x, y in levels]
    gaps = [(x - y).square().mean() for x, y in means]
    return sum(gaps[1:], gaps[0])
