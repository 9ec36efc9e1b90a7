"""Precision, recall, density and coverage of generated images.

B(x) is the open ball around x up to its k-th nearest neighbour in its own set. For the features of
n real images x_i and m generated images y_j:

    precision = share of y_j in the union of the B(x_i)
    recall    = share of x_i in the union of the B(y_j)
    density   = sum_ij [y_j in B(x_i)] / (k m)
    coverage  = share of B(x_i) that contain a y_j

Precision, recall and coverage are in [0, 1], density is >= 0 and may exceed 1. For two independent
sets of one distribution, density is 1 on average and coverage about 1 - 2^-k. Balls are open, as in
Naeem's reference implementation. For two equal sets all four are 1. A point with k copies has an
empty ball.

Source: Kynkaanniemi et al. 2019, "Improved precision and recall metric", arXiv 1904.06991, eq. 1
and 2 (there with closed balls); Naeem et al. 2020, "Reliable fidelity and diversity metrics for
generative models", arXiv 2002.09797, eq. 3 and 5.
"""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.points import ArrayLike, as_points, promoted
from metrics.feature_metric import AbstractStoredFeatures
from metrics.features import FeatureNetwork
from metrics.neighbours import central_point, squared_distance_blocks, squared_neighbour_radii

__all__ = ["PRDC", "precision_recall_density_coverage"]

_OPEN = 1 - 1e-12  # excludes points on the boundary in spite of rounding


@final
class PRDC(AbstractStoredFeatures):
    """Returns precision, recall, density and coverage by these names.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        num_neighbours: k, at least 1; 5 in Naeem et al., 3 in Kynkaanniemi et al.
        keep_real: whether `reset` keeps the features of the real images.

    Raises:
        ValueError: if `num_neighbours` is less than 1, or (by `compute`) not less than the numbers
            of real and of generated images.
    """

    higher_is_better = True

    def __init__(
        self,
        feature_network: FeatureNetwork | None = None,
        num_neighbours: int = 5,
        *,
        keep_real: bool = False,
    ) -> None:
        super().__init__(feature_network, keep_real=keep_real)
        self._num_neighbours = whole_number("num_neighbours", num_neighbours, 1)

    def compute(self) -> dict[str, Tensor]:
        real, fake = self.features(real=True), self.features(real=False)
        return precision_recall_density_coverage(real, fake, self._num_neighbours)


def precision_recall_density_coverage(
    real: Float[Tensor, "n f"] | ArrayLike,
    fake: Float[Tensor, "m f"] | ArrayLike,
    num_neighbours: int = 5,
) -> dict[str, Float[Tensor, ""]]:
    """Returns the four metrics by name.

    Args:
        real: features of data, more than `num_neighbours`.
        fake: features of generated images, more than `num_neighbours`.
        num_neighbours: k, at least 1.

    Raises:
        ValueError: if there are too few images.
    """
    real, fake = promoted(as_points("real", real), as_points("fake", fake))
    num_neighbours = whole_number("num_neighbours", num_neighbours, 1)
    if not num_neighbours < min(len(real), len(fake)):
        raise ValueError(
            "`num_neighbours` must be at least 1 and less than the numbers of real and of "
            f"generated images, got {num_neighbours} for {len(real)} and {len(fake)}; give more "
            "images or take fewer neighbours."
        )
    origin = central_point(real)
    real_radii = _OPEN * squared_neighbour_radii(real, num_neighbours, origin)
    fake_radii = _OPEN * squared_neighbour_radii(fake, num_neighbours, origin)
    is_precise = torch.zeros(len(fake), dtype=torch.bool, device=fake.device)
    counts = torch.zeros(3, dtype=torch.int64, device=fake.device)
    for rows, squared in squared_distance_blocks(real, fake, origin):
        in_real_ball = squared < real_radii[rows, None]
        is_recalled = (squared < fake_radii).any(1)
        is_precise |= in_real_ball.any(0)
        counts += torch.stack([is_recalled.sum(), in_real_ball.sum(), in_real_ball.any(1).sum()])
    recalled, pairs, covered = counts.double()
    return {
        "precision": is_precise.double().mean(),
        "recall": recalled / len(real),
        "density": pairs / (num_neighbours * len(fake)),
        "coverage": covered / len(real),
    }
