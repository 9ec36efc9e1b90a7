"""Metrics of the images of ten rounds, by a network that did not choose them."""

from collections.abc import Callable
from typing import final

import torch
from jaxtyping import Float, Int
from scipy.cluster.vq import kmeans2
from torch import Tensor

import metrics
from hawc.precision import exact_distances

__all__ = ["Judge", "clusters", "frechet_distance"]

NUM_CLASSES = 10  # also of clusters
NUM_NEIGHBOURS = 3  # fewer than the smallest set has images
# of the distances from a real image to the nearest of the others: the thresholds of a repeat
PERCENTILES = (25.0, 50.0)

Classify = Callable[[Float[Tensor, "n f"]], Int[Tensor, " n"]]


@final
class Judge:
    """Compares images with real ones, or with i.i.d. ones of a generator without real images.

    Args:
        reference: features of the judging network for these.
        classify: features to classes from 0 to 9.
    """

    def __init__(self, reference: Float[Tensor, "r f"], classify: Classify) -> None:
        self._reference = reference
        self._classify = classify
        self._counts = self._count(reference)
        self._thresholds = {p: metrics.repeat_threshold(reference, p) for p in PERCENTILES}

    def values(self, features: Float[Tensor, "k f"], n: int) -> dict[str, float]:
        """Returns all metrics by name.

        Args:
            features: of the judging network, in the order of the choices.
            n: number of images in the first round.
        """
        neighbours = metrics.precision_recall_density_coverage(
            self._reference, features, NUM_NEIGHBOURS
        )
        counts = self._count(features)
        values = {
            "classes": (self._count(features[:n]) > 0).sum(),
            "total variation": metrics.total_variation(counts, self._counts),
            **{
                f"repeats ({percentile:g} %)": metrics.repeat_rate(features, threshold)
                for percentile, threshold in self._thresholds.items()
            },
            "Vendi": metrics.vendi_score(features),
            **neighbours,
            "Frechet": frechet_distance(self._reference, features),
        }
        return {name: float(value) for name, value in values.items()}

    def _count(self, features: Float[Tensor, "k f"]) -> Int[Tensor, " c"]:
        return self._classify(features).bincount(minlength=NUM_CLASSES)


def clusters(reference: Float[Tensor, "r f"]) -> Classify:
    """Returns the assignment to the nearest of ten clusters of the reference by k-means."""
    centers, _ = kmeans2(reference.double().numpy(), NUM_CLASSES, minit="++", seed=0)
    means = torch.from_numpy(centers)
    return lambda features: exact_distances(features.double(), means).argmin(1)


def frechet_distance(real: Float[Tensor, "r f"], fake: Float[Tensor, "k f"]) -> float:
    """Returns the squared Frechet distance, also of fewer images than features.

    It is |m - m'|^2 + tr S + tr S' - 2 |A B^T|_*, where A^T A = S and B^T B = S' are the
    covariances, and |.|_* is the sum of the singular values. For few images most of it is bias, so
    compare only sets of equal size.
    """
    centered = [x.double() - x.double().mean(0) for x in (real, fake)]
    a, b = (x / (len(x) - 1) ** 0.5 for x in centered)
    nuclear = torch.linalg.svdvals(a @ b.T).sum()
    shift = (real.double().mean(0) - fake.double().mean(0)).square().sum()
    return float(shift + a.square().sum() + b.square().sum() - 2 * nuclear)
