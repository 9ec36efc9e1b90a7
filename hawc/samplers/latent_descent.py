"""A descent of latents through decoder and feature network, at fixed lengths."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.compression.lbfgs import StoppingRule, minimize
from hawc.compression.problem import default_kernel, jittered
from hawc.kernels import AbstractKernel
from hawc.samplers.decoded_features import DecodedFeatures, MissingGradientError
from hawc.samplers.feature_problem import FeatureProblem
from hawc.samplers.feature_warnings import warn, warn_if_outside_prior
from hawc.targets import AbstractTarget
from hawc.targets.fixed_lengths import FixedLengths

__all__ = ["LatentDescent"]

_MAX_STEPS = 50  # where `num_steps` is None
# Length of the first step, in units of the prior's spread; short, since the candidates are good.
_FIRST_STEP = 0.05
# The descent ends once ten steps gain less than this share of the total decrease.
_PROGRESS_TOLERANCE = 1e-3


@final
class LatentDescent:
    """L-BFGS of the objective in the directions of latents; their lengths stay.

    Args:
        prior: of the latents.
        kernel: of the latents' squared distance; its default if None.
        num_steps: as in `hawc.FeatureSampler`.

    Raises:
        ValueError: if `num_steps` is negative.
    """

    def __init__(
        self, prior: AbstractTarget, kernel: AbstractKernel | None, num_steps: int | None
    ) -> None:
        self._prior = prior
        self._kernel = kernel
        self._num_steps = None if num_steps is None else whole_number("num_steps", num_steps, 0)

    def __call__(
        self,
        latents: Float[Tensor, "n d"],
        candidates: Float[Tensor, "m d"],
        problem: FeatureProblem,
        phi: DecodedFeatures,
        seed: int,
    ) -> Float[Tensor, "n d"] | None:
        """Returns moved latents, None if they are not to be moved.

        Args:
            latents: the chosen candidates.
            candidates: all candidates.
            problem: the objective.
            phi: latents to features.
            seed: of the noise that is added to the start, at least 0.

        Raises:
            MissingGradientError: if no gradient reaches the latents although steps are required.
        """
        form = self._prior.elliptical_form()
        if self._num_steps == 0 or (self._num_steps is None and form is None):
            return None
        # a generator for this descent: a failed gradient check must not advance the caller's
        noise = torch.Generator(latents.device).manual_seed(seed)
        start = jittered(latents, noise, self._prior.length_scale)
        if not self._has_gradient(phi, start, noise):
            return None
        lengths = None if form is None else form.lengths(latents.double())
        fixed = FixedLengths(form, lengths)

        def objective(flat: Float[Tensor, "1 coordinates"]) -> tuple[Tensor, Tensor]:
            w = flat.reshape(len(latents), -1)
            z, to_coordinates = fixed.points_and_pullback(w)
            features, pullback = phi.value_and_pullback(z)
            value, upstream, gradient = problem.value_and_gradients(features, z)
            return value[None], to_coordinates(gradient + pullback(upstream)).reshape(1, -1)

        free = fixed.coordinates(start)
        spread = float(fixed.coordinates(candidates.double()).std(0, correction=0).norm())
        result = minimize(
            objective,
            free.reshape(1, -1),
            StoppingRule(self._num_steps or _MAX_STEPS, 0.0, _PROGRESS_TOLERANCE),
            first_step=_FIRST_STEP * len(latents) ** 0.5 * (spread or 1.0),
        )
        moved = fixed.points(result.point.reshape(free.shape))
        if form is None:
            kernel = self._kernel or default_kernel(self._prior)
            warn_if_outside_prior(moved, candidates.to(moved), self._prior, kernel)
        return moved

    def _has_gradient(
        self, phi: DecodedFeatures, start: Float[Tensor, "n d"], generator: torch.Generator
    ) -> bool:
        try:
            phi.check_differentiable(start, generator)
        except MissingGradientError as error:
            if self._num_steps is not None:
                raise
            warn(f"{error} The sampler continues with num_steps=0.")
            self._num_steps = 0  # later batches skip the check and the warning
            return False
        return True
