"""A report on the images that a sampler remembers."""

import math
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.history import AbstractHistory
from hawc.precision import exact_distances
from hawc.samplers.candidates import with_latents
from hawc.targets import AbstractTarget

__all__ = ["SamplerReport"]

_MOST_ROWS = 4096  # of a longer history the latest are compared
_RANDOM_SETS = 20


@final
@dataclass(frozen=True)
class SamplerReport:
    """How different the remembered images are, and how typical their latents.

    Distances are those between features.

    Args:
        num_images: remembered images, with those that were added as features alone.
        closest_pair: the smallest distance between two of them; of the latest 4,096.
        independent_closest_pair: the same for as many candidates, which are i.i.d.; a mean over
            sets. NaN if there are fewer candidates than images.
        lengths: the shortest and the longest latent, as probabilities of a shorter one under the
            prior. NaN if the prior has no elliptical form.
        distance_to_data: the median distance from a candidate to the nearest example of `data`,
            over that between two examples; above 1 the generator does not make such images. NaN
            without `data`.
    """

    num_images: int
    closest_pair: float
    independent_closest_pair: float
    lengths: tuple[float, float]
    distance_to_data: float

    @classmethod
    def of(
        cls,
        history: AbstractHistory,
        prior: AbstractTarget,
        data: AbstractTarget | None,
        candidates: Float[Tensor, "m f"],
    ) -> "SamplerReport":
        """Returns the report on a history.

        Args:
            history: rows of latents and features.
            prior: of the latents.
            data: distribution of the features of real images, or None.
            candidates: features of i.i.d. images.

        Raises:
            ValueError: if nothing is remembered yet.
        """
        rows = with_latents(history.view(), prior.dim, history.num_features)
        rows = rows[~rows[:, -1].isnan()] if rows.numel() else rows
        if len(rows) == 0:
            raise ValueError(
                "`history` must hold images for a report, got an empty one; sample first."
            )
        latents, features = rows[:, : prior.dim], rows[-_MOST_ROWS:, prior.dim :]
        return cls(
            len(rows),
            _closest_pair(features),
            _independent_closest_pair(candidates.cpu(), len(features)),
            _lengths(prior, latents[~latents[:, 0].isnan()]),
            math.nan if data is None else _distance_to_data(candidates, data),
        )

    def __str__(self) -> str:
        independent, shares = self.independent_closest_pair, self.lengths
        compared = "" if math.isnan(independent) else f" (i.i.d.: {independent:.3g})"
        lines = [
            f"{self.num_images} images are remembered.",
            f"Closest pair, distance of features: {self.closest_pair:.3g}{compared}.",
        ]
        if not math.isnan(shares[0]):
            shortest, longest = (f"{100 * share:.1f} %" for share in shares)
            lines.append(f"Latents: from the {shortest} to the {longest} quantile of the prior.")
        if not math.isnan(self.distance_to_data):
            lines.append(
                f"A candidate is {self.distance_to_data:.2g} times as far from the nearest example "
                "of the data as two examples from each other."
            )
        return "\n".join(lines)


def _closest_pair(features: Float[Tensor, "n f"]) -> float:
    if len(features) < 2:
        return math.nan
    return float(torch.pdist(features.double()).min())


def _independent_closest_pair(candidates: Float[Tensor, "m f"], size: int) -> float:
    """Returns the mean of the closest pair over random sets of `size` candidates."""
    if not 2 <= size <= len(candidates):
        return math.nan
    generator = torch.Generator(device="cpu").manual_seed(0)
    pairs = []
    for _ in range(_RANDOM_SETS if size < len(candidates) else 1):
        index = torch.randperm(len(candidates), generator=generator)[:size]
        pairs.append(_closest_pair(candidates[index]))
    return sum(pairs) / len(pairs)


def _lengths(prior: AbstractTarget, latents: Float[Tensor, "n d"]) -> tuple[float, float]:
    form = prior.elliptical_form()
    if form is None or len(latents) == 0:
        return math.nan, math.nan
    shares = form.probabilities_of(latents.double())
    return float(shares.min()), float(shares.max())


def _distance_to_data(candidates: Float[Tensor, "m f"], data: AbstractTarget) -> float:
    generator = torch.Generator(device="cpu").manual_seed(0)
    real = data.sample(256, generator=generator).to(candidates)
    between = exact_distances(real[:128], real[128:]).median()
    return float(exact_distances(candidates, real).amin(1).median() / between)
