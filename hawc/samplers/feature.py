"""Sampling by features: latents whose images complement all earlier images."""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, real_number, whole_number
from hawc.compression.lbfgs import StoppingRule, minimize
from hawc.compression.problem import CompressionProblem, default_kernel, jittered
from hawc.history import AbstractHistory
from hawc.kernels import AbstractKernel
from hawc.precision import full_precision
from hawc.samplers.abstract import AbstractSampler
from hawc.samplers.decoded_features import DecodedFeatures, MissingGradientError, Stage
from hawc.samplers.distance_penalty import DistancePenalty, independent_distance
from hawc.samplers.feature_problem import FeatureProblem, Term
from hawc.samplers.feature_warnings import (
    warn,
    warn_if_outside_prior,
    warn_if_too_close,
    warn_if_unlike_data,
)
from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.targets import AbstractTarget
from hawc.targets.fixed_lengths import FixedLengths, with_typical_lengths
from hawc.targets.sampling import float64_samples

__all__ = ["FeatureSampler"]

_MAX_STEPS = 50  # where `num_steps` is None
# Length of the first step, in units of the prior's spread; short, since the candidates are good.
_FIRST_STEP = 0.05
# The descent ends once ten steps gain less than this share of the total decrease.
_PROGRESS_TOLERANCE = 1e-3


@final
class FeatureSampler(AbstractSampler):
    """Sampler of latents whose images complement all earlier images in features.

    For each batch, many candidates are sampled from the prior and decoded. The best of them are
    selected by exchange, then moved by L-BFGS through decoder and feature network. The objective is

        d^2(features, features of the data) + typicality d^2(latents, prior).

    Both terms count the remembered points too. Each is divided by the mean distance between two
    candidates, so that spaces of any scale have the same weight.

    Latents stay typical. Each keeps its length, which lies between the 1 % and the 99 % quantile of
    the prior's lengths; only its direction is moved. If `prior.elliptical_form()` is None (a
    mixture, a cube, an empirical distribution), candidates are by default selected but not moved.

    A row of the history is a latent followed by the features of its image (`LatentsWithFeatures`).
    The features are those of the decoder at that time.

    `decode` and `features` may be any callables. `decode` is given a copy of the latents, in
    torch's default dtype or that of its weights. `features` is given the unchanged output of
    `decode`. Both must be deterministic: the same latent gives the same features in any batch.
    Neither network is modified. An `nn.Module`, or a bound method or partial of one, is switched to
    eval mode during the call and restored afterwards. If you pass a plain function, call `.eval()`
    on its modules yourself.

    Args:
        prior: the distribution of the latents that the decoder was trained with.
        decode: latents (n, d) to images, in any form that `features` accepts.
        features: images to features (n, f), a tensor or an array.
        data: the distribution of the features of real images, such as
            `hawc.Empirical(features(x))`. The features of one class give images of that class.
        history: of dimension d + f; a new `MemoryHistory` if None. The target of a
            `DatabaseHistory` is `LatentsWithFeatures(prior, data)`.
        kernel: of both squared distances. None is `hawc.kernels.HuberEnergy`, smoothed in
            proportion to each distribution's `length_scale`.
        num_candidates: number of samples to choose from, at least n; all of them are decoded.
        num_steps: maximum number of L-BFGS steps. 0 selects candidates and moves none, which needs
            no gradient. None is 50 steps, or 0 if the prior has no elliptical form. If no gradient
            reaches the latents, None becomes 0 with one warning.
        typicality: weight of the latents' term, >= 0.
        min_distance: desired distance, in features, from each new image to every other image, new
            or remembered, >= 0. Shorter distances are penalized, not excluded, and some of the
            match with the data is lost. A warning reports the distance reached if it is below 90 %
            of this. None estimates it for each batch: the distance that three quarters of
            independent images keep. 0 is no penalty.

    Raises:
        ValueError: if a number is out of range, or the history has another dimension than d + f.
            `sample` raises it if the features are not f finite numbers per image, differ when
            computed again, or have no gradient although `num_steps` requires one.

    Example:
        >>> import torch
        >>> from hawc import Empirical, FeatureSampler, StandardNormal
        >>> decoder = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Sigmoid())
        >>> def features(images):
        ...     return images[:, ::2]
        >>> data = Empirical(features(torch.rand(200, 16)))
        >>> prior = StandardNormal(2)
        >>> sampler = FeatureSampler(prior, decode=decoder, features=features, data=data)
        >>> latents = sampler.sample(10, generator=torch.Generator().manual_seed(0))
        >>> latents.shape, sampler.history.dim
        (torch.Size([10, 2]), 10)
    """

    def __init__(
        self,
        prior: AbstractTarget,
        *,
        decode: Stage,
        features: Stage,
        data: AbstractTarget,
        history: AbstractHistory | None = None,
        kernel: AbstractKernel | None = None,
        num_candidates: int = 1000,
        num_steps: int | None = None,
        typicality: float = 0.1,
        min_distance: float | None = None,
    ) -> None:
        for name, distribution in (("prior", prior), ("data", data)):
            check_instance(name, distribution, AbstractTarget)
        check_instance("kernel", kernel, AbstractKernel, or_none=True)
        super().__init__(prior, history, LatentsWithFeatures(prior, data))
        for name, value in (("typicality", typicality), ("min_distance", min_distance)):
            if value is not None and not 0 <= real_number(name, value) < math.inf:
                raise ValueError(f"`{name}` must be finite and at least 0, got {value}.")
        self._decode = decode
        self._features = features
        self._data = data
        self._kernel = kernel
        self._num_candidates = whole_number("num_candidates", num_candidates, 1)
        self._num_steps = None if num_steps is None else whole_number("num_steps", num_steps, 0)
        self._typicality = typicality
        self._min_distance = min_distance
        self._is_compared_with_data = False  # True after the first batch

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        if n > self._num_candidates:
            raise ValueError(
                f"`num_candidates` must be at least the number of samples, {n}, got "
                f"{self._num_candidates}; raise it or sample fewer at once."
            )
        device = generator.device
        seed = int(torch.randint(2**62, (), generator=generator, device=device))
        phi = DecodedFeatures(self._decode, self._features, self._data.dim, seed)
        exact = torch.autocast(device.type, enabled=False)  # half precision would change the choice
        with torch.inference_mode(False), torch.enable_grad(), exact, phi.evaluating():
            candidates = self._candidates(generator, previous)
            features = phi(candidates)
            phi.check_repeatable(candidates, features)
            if not self._is_compared_with_data:
                warn_if_unlike_data(features, self._data, seed)
                self._is_compared_with_data = True
            past = full_precision(past.detach()).to(device)
            problem = self._problem(n, past, candidates, features.double())
            latents = candidates[problem.best_candidates()]
            # a generator for this descent: a failed gradient check must not advance the caller's
            noise = torch.Generator(device).manual_seed(seed)
            latents = self._descended(latents, candidates, problem, phi, noise)
            latents = latents.to(torch.get_default_dtype())
            features = phi(latents)
            if self._min_distance:
                warn_if_too_close(
                    problem.penalty.smallest_distance(features.double()), self._min_distance
                )
            return torch.cat([latents, features.to(latents)], dim=1)

    def _candidates(
        self, generator: torch.Generator, previous: Float[Tensor, "n r"] | None
    ) -> Float[Tensor, "m d"]:
        with float64_samples():
            samples = self.target.sample(self._num_candidates, generator=generator)
        samples = with_typical_lengths(samples, self.target.elliptical_form())
        if previous is None:
            return samples
        # often still good after another process has appended
        return torch.cat([previous[:, : self.target.dim].to(samples), samples])

    def _problem(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        candidates: Float[Tensor, "m c"],
        features: Float[Tensor, "m f"],
    ) -> FeatureProblem:
        past_latents, past_features = torch.split(past, [self.target.dim, self._data.dim], 1)
        in_features = CompressionProblem(self._data, n, past_features, self._kernel)
        in_latents = CompressionProblem(self.target, n, past_latents, self._kernel)
        distance = self._min_distance
        if distance is None:
            distance = independent_distance(features, past_features, n)
        return FeatureProblem(
            Term(in_features, features, 1.0),
            Term(in_latents, candidates.double(), self._typicality),
            DistancePenalty(distance, past_features),
        )

    def _descended(
        self,
        latents: Float[Tensor, "n d"],
        candidates: Float[Tensor, "m d"],
        problem: FeatureProblem,
        phi: DecodedFeatures,
        generator: torch.Generator,
    ) -> Float[Tensor, "n d"]:
        form = self.target.elliptical_form()
        if self._num_steps == 0 or (self._num_steps is None and form is None):
            return latents
        start = jittered(latents, generator, self.target.length_scale)
        try:
            phi.check_differentiable(start, generator)
        except MissingGradientError as error:
            if self._num_steps is not None:
                raise
            warn(f"{error} The sampler continues with num_steps=0.")
            self._num_steps = 0  # later batches skip the check and the warning
            return latents
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
            kernel = self._kernel or default_kernel(self.target)
            warn_if_outside_prior(moved, candidates.to(moved), self.target, kernel)
        return moved
