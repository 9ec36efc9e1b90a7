"""Samples latents whose images, seen by a feature network, complement all earlier ones."""

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
from hawc.samplers.clearance import Clearance, independent_distance
from hawc.samplers.decoded_features import DecodedFeatures, MissingGradientError, Stage
from hawc.samplers.feature_problem import FeatureProblem, Term
from hawc.samplers.feature_warnings import warn, warn_if_far, warn_if_near, warn_if_outside
from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.targets import AbstractTarget
from hawc.targets.fixed_lengths import FixedLengths, with_typical_lengths
from hawc.targets.sampling import float64_samples

__all__ = ["FeatureSampler"]

_MOST_STEPS = 50  # where `num_steps` is None
# Length of the first step, in units of the prior's spread: the candidates are good already.
_FIRST_STEP = 0.05
# The descent also ends once ten steps win less than this share of the whole decrease.
_PROGRESS_TOLERANCE = 1e-3


@final
class FeatureSampler(AbstractSampler):
    """Samples latents whose images match the data best, together with all remembered images.

    The best of many samples of the prior are chosen by exchange and then moved by L-BFGS through
    decoder and feature network, to minimize

        d^2(features, data's features) + typicality d^2(latents, prior),

    both including what is remembered, in units of the mean distance between two samples. Latents
    stay typical: each keeps its length, which is between the 1 % and the 99 % quantile of the
    prior's, and only its direction is moved. Where `prior.elliptical_form()` is None (a
    mixture, a cube, an empirical one) the samples are not moved by default. A row of the
    history is a latent followed by its image's features (`LatentsWithFeatures`); the features are
    those of the decoder at that time.

    `decode` and `features` may be any callables. `decode` gets its own copy of the latents, in
    torch's default dtype or that of its weights; `features` gets what `decode` returns, untouched.
    Both must give the same for the same latent. Neither network is modified: an `nn.Module`, or a
    bound method or partial of one, is switched to eval mode during the call and restored
    afterwards. If you pass a plain function, call `.eval()` on its modules yourself.

    Args:
        prior: the prior, the distribution that the decoder was trained for.
        decode: latents (n, d) to images, in any form that `features` takes.
        features: images to features (n, f), a tensor or an array.
        data: the distribution of the features of real images, as `hawc.Empirical(features(x))`;
            those of one class make the images of that class.
        history: of dimension d + f; a new `MemoryHistory` if None.
        kernel: of both squared distances; `hawc.kernels.HuberEnergy()` if None, smoothed in
            proportion to each distribution's unit of length.
        num_candidates: samples to choose from, at least n, all of them decoded.
        num_steps: most steps of the descent; 0 chooses among the candidates alone, which takes no
            gradient. None is 50 steps, but 0 if the prior has no lengths. It also becomes 0, with
            one warning, if the stages pass no gradient on.
        typicality: weight of the latents' distance, >= 0.
        min_distance: wanted distance, in features, of a new image from all other new and all
            remembered ones. Shorter distances are penalized, not excluded; a warning reports the
            distance reached if it is less than 90 % of this. None measures it for each batch, as
            the distance that three quarters of independent images keep. 0 is no penalty. The
            penalty costs some of the match with the data.

    Raises:
        ValueError: if a number is out of its range or the history's dimension is not d + f; from
            `sample`, if `decode` and `features` give something else than f finite numbers an
            image, other ones the second time, or no gradient where `num_steps` asks for one.

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
        self._compared = False  # candidates with the data, once

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        if n > self._num_candidates:
            raise ValueError(
                f"`num_candidates` must be at least the number of images asked for, {n}, got "
                f"{self._num_candidates}."
            )
        device = generator.device
        seed = int(torch.randint(2**62, (), generator=generator, device=device))
        phi = DecodedFeatures(self._decode, self._features, self._data.dim, seed)
        exact = torch.autocast(device.type, enabled=False)  # half precision would choose others
        with torch.inference_mode(False), torch.enable_grad(), exact, phi.evaluating():
            candidates = self._candidates(generator, previous)
            features = phi(candidates)
            phi.check_repeatable(candidates, features)
            if not self._compared:
                warn_if_far(features, self._data, seed)
                self._compared = True
            past = full_precision(past.detach()).to(device)
            problem = self._problem(n, past, candidates, features.double())
            latents = candidates[problem.best_candidates()]
            # not the caller's generator, which a failed check of gradients would leave elsewhere
            own = torch.Generator(device).manual_seed(seed)
            latents = self._descended(latents, candidates, problem, phi, own)
            latents = latents.to(torch.get_default_dtype())
            found = phi(latents)
            if self._min_distance:
                warn_if_near(problem.clearance.reached(found.double()), self._min_distance)
            return torch.cat([latents, found.to(latents)], dim=1)

    def _candidates(
        self, generator: torch.Generator, previous: Float[Tensor, "n r"] | None
    ) -> Float[Tensor, "m d"]:
        with float64_samples():
            samples = self.target.sample(self._num_candidates, generator=generator)
        samples = with_typical_lengths(samples, self.target.elliptical_form())
        if previous is None:
            return samples
        # may still be good, though another process appended meanwhile
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
            Clearance(distance, past_features),
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
            warn(f"{error} This is done now.")
            self._num_steps = 0  # later batches neither check nor warn again
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
        found = minimize(
            objective,
            free.reshape(1, -1),
            StoppingRule(self._num_steps or _MOST_STEPS, 0.0, _PROGRESS_TOLERANCE),
            first_step=_FIRST_STEP * len(latents) ** 0.5 * (spread or 1.0),
        )
        moved = fixed.points(found.point.reshape(free.shape))
        if form is None:
            kernel = self._kernel or default_kernel(self.target)
            warn_if_outside(moved, candidates.to(moved), self.target, kernel)
        return moved
