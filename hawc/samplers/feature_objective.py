"""What FeatureSampler minimizes for a batch: match with the data, spread, quality."""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, real_number
from hawc.compression.problem import CompressionProblem
from hawc.history import AbstractHistory
from hawc.kernels import AbstractKernel
from hawc.precision import full_precision
from hawc.samplers.candidates import Candidates, with_latents
from hawc.samplers.distance_penalty import DistancePenalty
from hawc.samplers.feature_data import MinDistance
from hawc.samplers.feature_problem import FeatureProblem, Term
from hawc.samplers.feature_warnings import warn_if_too_close
from hawc.targets import AbstractTarget

__all__ = ["FeatureObjective"]


@final
class FeatureObjective:
    """Builds the objective of a batch from what is remembered and the candidates.

    The arguments are those of `hawc.FeatureSampler`.

    Raises:
        ValueError: if an argument is out of range.
    """

    def __init__(
        self,
        prior: AbstractTarget,
        data: AbstractTarget | None,
        data_weight: float,
        kernel: AbstractKernel | None,
        typicality: float,
        quality_weight: float,
        min_distance: float | str | None,
        avoid: str,
    ) -> None:
        check_instance("kernel", kernel, AbstractKernel, or_none=True)
        for name, value in (
            ("data_weight", data_weight),
            ("typicality", typicality),
            ("quality_weight", quality_weight),
        ):
            if not 0 <= real_number(name, value) < math.inf:
                raise ValueError(f"`{name}` must be finite and at least 0, got {value}.")
        if avoid not in ("condition", "gallery"):
            raise ValueError(f"`avoid` must be 'condition' or 'gallery', got {avoid!r}.")
        self._prior = prior
        self._data = data
        self._data_weight = data_weight
        self._kernel = kernel
        self._typicality = typicality
        self._quality_weight = quality_weight
        self._min_distance = MinDistance(min_distance)
        self._avoids_gallery = avoid == "gallery"

    def problem(
        self,
        n: int,
        past: Float[Tensor, "kp p"],
        history: AbstractHistory,
        candidates: Candidates,
        data: AbstractTarget,
    ) -> FeatureProblem:
        """Returns the objective of n images.

        Args:
            n: number of images to choose.
            past: rows of the history that are not forgotten.
            history: holds the images of other conditions.
            candidates: to choose from.
            data: the distribution that features should match.
        """
        latents, features = candidates.latents.double(), candidates.features.double()
        past_latents, past_features, avoided = self._split(past, candidates)
        if self._avoids_gallery:
            elsewhere = history.features_elsewhere()
            if len(elsewhere) > 0:  # histories of users have none, of no dimension
                avoided = torch.cat([avoided, elsewhere.to(avoided)])
        distance = self._min_distance.for_batch(
            n, features, avoided, data, is_own=self._data is None
        )
        in_features = CompressionProblem(
            data, n, past_features, self._kernel, target_weight=self._data_weight
        )
        in_latents = CompressionProblem(self._prior, n, past_latents, self._kernel)
        quality = candidates.quality
        return FeatureProblem(
            Term(in_features, features, 1.0),
            Term(in_latents, latents, self._typicality),
            DistancePenalty(distance, avoided),
            None if quality is None else self._quality_weight * quality,
        )

    def check_distance(self, problem: FeatureProblem, chosen: Candidates) -> None:
        """Warn if chosen images are closer to others than the user's `min_distance`."""
        if self._min_distance.is_given:
            reached = problem.penalty.smallest_distance(chosen.features.double())
            warn_if_too_close(reached, problem.penalty.distance)

    def _split(self, past: Float[Tensor, "kp p"], candidates: Candidates) -> tuple[Tensor, ...]:
        """Returns the remembered latents, their features, and those of all images.

        Images that were added as features alone are avoided, but not balanced: the generator may be
        unable to compensate for a folder of photographs.
        """
        if len(past) == 0:  # the history may not know yet what a row is
            return candidates.latents[:0], candidates.features[:0], candidates.features[:0]
        past = with_latents(past, self._prior.dim, candidates.features.shape[1])
        past = full_precision(past.detach()).to(candidates.latents.device)
        latents, features = past[:, : self._prior.dim], past[:, self._prior.dim :]
        is_own = ~latents[:, 0].isnan()
        if is_own.all():
            return latents, features, features
        return latents[is_own], features[is_own], features
