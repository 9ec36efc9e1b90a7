"""Metrics of the images of a pretrained generator.

All distances are between features of the judging network. The reference is a set of other, i.i.d.
images of the same generator.
"""

from typing import final

import torch
from torch import Tensor

import metrics
from hawc.kernels import HuberEnergy
from hawc.targets import AbstractTarget

__all__ = ["PERCENTILES", "Judge", "relative_lengths"]

# of the distances from a reference image to the nearest other one; the thresholds of a repeat
PERCENTILES = (25.0, 50.0)


@final
class Judge:
    """Computes metrics of sets of images against a reference, in features.

    Args:
        reference: features (m, f) of i.i.d. images.
    """

    def __init__(self, reference: Tensor) -> None:
        self._reference = reference
        self._thresholds = {p: metrics.repeat_threshold(reference, p) for p in PERCENTILES}

    def values(self, features: Tensor) -> dict[str, float]:
        """Returns all metrics of a set of at least two images by name.

        Args:
            features: (n, f), in the order in which the images were sampled.
        """
        to_others = torch.cdist(features.double(), features.double()).fill_diagonal_(torch.inf)
        nearest = to_others.amin(1)
        distance = metrics.squared_energy_distance(HuberEnergy(), self._reference, features)
        to_reference, _ = metrics.nearest(features, self._reference)
        repeats = {
            f"repeats ({percentile:g} %)": len(features) * metrics.repeat_rate(features, threshold)
            for percentile, threshold in self._thresholds.items()
        }
        values = {
            **repeats,
            "mean nearest": nearest.mean(),
            "closest pair": nearest.min(),
            "d² to reference": distance,
            "nearest reference": to_reference.mean(),
        }
        return {name: float(value) for name, value in values.items()}


def relative_lengths(prior: AbstractTarget, latents: Tensor) -> Tensor:
    """Returns the lengths of latents over the median length of the prior's samples.

    Args:
        prior: an elliptical distribution, such as a normal one; lengths are in its own metric.
        latents: (n, d).

    Raises:
        ValueError: if the prior is not elliptical.
    """
    form = prior.elliptical_form()
    if form is None:
        raise ValueError(f"`prior` must be elliptical, such as a normal distribution, got {prior}.")
    return form.lengths(latents.double()) / form.lengths_at(torch.tensor([0.5]))
