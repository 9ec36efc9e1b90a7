"""Drawing latents whose pictures, seen by a feature net, complement everything drawn before."""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number
from hawc.compression.lbfgs import StoppingRule, minimize
from hawc.compression.problem import CompressionProblem, jittered
from hawc.history import AbstractHistory
from hawc.kernels import AbstractKernel, HuberEnergy, full_precision
from hawc.samplers.abstract import AbstractSampler
from hawc.samplers.clearance import Clearance
from hawc.samplers.decoded_features import DecodedFeatures, Stage
from hawc.samplers.feature_problem import FeatureProblem, Term
from hawc.samplers.latents_with_features import LatentsWithFeatures
from hawc.targets import AbstractTarget

__all__ = ["FeatureSampler"]

# Length of the first step, in units of the law's spread: the candidates are good already.
_FIRST_STEP = 0.05
# The descent also ends once ten steps win less than this share of the whole decrease.
_PROGRESS_TOLERANCE = 1e-3


@final
class FeatureSampler(AbstractSampler):
    """Draws latents whose decoded pictures match the data best, together with all remembered ones.

    The best of many draws of the latent law are chosen by exchange and then moved by L-BFGS through
    decoder and feature net, to minimise

        d^2(features, data's features) + typicality d^2(latents, their law),

    both including what is remembered, in units of the mean distance between two draws. A row of the
    history is a latent followed by its picture's features (`LatentsWithFeatures`); the features are
    those of the decoder at that time.

    Decoder and feature net are not trained, and left as they are: an nn.Module, a method of one or
    a functools.partial of these is put in eval mode meanwhile, on its own device. Put into eval
    mode yourself what a function of your own holds.

    Args:
        latent_target: the law that the decoder was trained for.
        decode: latents (n, d) to pictures.
        features: pictures to features (n, f).
        data: the law of the features of real pictures, as `hawc.Empirical(features(pictures))`;
            those of one class make the pictures of that class.
        history: of dimension d + f; a new `MemoryHistory` if None.
        kernel: of both squared distances; `hawc.HuberEnergy()` if None.
        num_candidates: draws to choose from, at least n, all of them decoded.
        num_steps: most steps of the descent; 0 chooses among the candidates alone, which takes no
            gradient.
        typicality: weight of the latents' distance, >= 0.
        min_distance: how far the features of new pictures keep from each other's and from all
            remembered ones', as far as that can be had for little; 0 leaves it to the squared
            distances. It costs some of the match with the data.

    Raises:
        ValueError: if a number is out of its range or the history's dimension is not d + f; from
            `sample`, if `decode` and `features` give something else than f finite numbers a
            picture, or no gradient where `num_steps` is not 0.

    Example:
        >>> import torch
        >>> from hawc import Empirical, FeatureSampler, StandardNormal
        >>> decoder = torch.nn.Sequential(torch.nn.Linear(2, 16), torch.nn.Sigmoid())
        >>> def features(pictures):
        ...     return pictures[:, ::2]
        >>> data = Empirical(features(torch.rand(200, 16)))
        >>> law = StandardNormal(2)
        >>> sampler = FeatureSampler(law, decode=decoder, features=features, data=data)
        >>> latents = sampler.sample(10, generator=torch.Generator().manual_seed(0))
        >>> latents.shape, sampler.history.dim
        (torch.Size([10, 2]), 10)
    """

    def __init__(
        self,
        latent_target: AbstractTarget,
        *,
        decode: Stage,
        features: Stage,
        data: AbstractTarget,
        history: AbstractHistory | None = None,
        kernel: AbstractKernel | None = None,
        num_candidates: int = 1000,
        num_steps: int = 50,
        typicality: float = 0.1,
        min_distance: float = 0.0,
    ) -> None:
        super().__init__(latent_target, history, LatentsWithFeatures(latent_target, data))
        num_candidates = whole_number("num_candidates", num_candidates, 1)
        num_steps = whole_number("num_steps", num_steps, 0)
        for name, value, least in (
            ("typicality", typicality, 0),
            ("min_distance", min_distance, 0),
        ):
            if not least <= value < math.inf:
                raise ValueError(f"`{name}` must be finite and at least {least}, got {value}.")
        self._decode = decode
        self._features = features
        self._data = data
        self._kernel = kernel or HuberEnergy()
        self._num_candidates = num_candidates
        self._num_steps = num_steps
        self._typicality = typicality
        self._min_distance = min_distance

    def choose(
        self,
        n: int,
        past: Float[Tensor, "kp d"],
        generator: torch.Generator,
        previous: Float[Tensor, "n d"] | None = None,
    ) -> Float[Tensor, "n d"]:
        if n > self._num_candidates:
            raise ValueError(
                f"`num_candidates` must be at least the number of pictures asked for, {n}, got "
                f"{self._num_candidates}."
            )
        device, dim = generator.device, self.target.dim
        seed = int(torch.randint(2**62, (), generator=generator, device=device))
        phi = DecodedFeatures(self._decode, self._features, self._data.dim, seed)
        exact = torch.autocast(device.type, enabled=False)  # half precision would choose others
        with torch.inference_mode(False), torch.enable_grad(), exact, phi.evaluating():
            candidates = self.target.sample(self._num_candidates, generator=generator)
            if previous is not None:  # may still be good, though somebody else drew meanwhile
                candidates = torch.cat([previous[:, :dim].to(candidates), candidates])
            past = full_precision(past.detach()).to(device)
            problem = self._problem(n, past, candidates, phi(candidates))
            latents = candidates[problem.best_candidates()]
            if self._num_steps > 0:
                start = jittered(latents, generator)
                phi.check_differentiable(start, generator)
                spread = float(candidates.std(0, correction=0).norm())
                latents = self._refined(start, problem, phi, spread).to(latents)
            return torch.cat([latents, phi(latents).to(latents)], dim=1)

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
        return FeatureProblem(
            Term(in_features, features.double(), 1.0),
            Term(in_latents, candidates.double(), self._typicality),
            Clearance(self._min_distance, past_features),
        )

    def _refined(
        self,
        start: Float[Tensor, "n d"],
        problem: FeatureProblem,
        phi: DecodedFeatures,
        spread: float,
    ) -> Float[Tensor, "n d"]:
        default = torch.get_default_dtype()

        def objective(flat: Float[Tensor, "1 coordinates"]) -> tuple[Tensor, Tensor]:
            z = flat.reshape(start.shape)
            features, pullback = phi.value_and_pullback(z.to(default))
            value, upstream, gradient = problem.value_and_gradients(features, z)
            return value[None], (gradient + pullback(upstream)).reshape(flat.shape)

        found = minimize(
            objective,
            start.reshape(1, -1),
            StoppingRule(self._num_steps, 0.0, _PROGRESS_TOLERANCE),
            first_step=_FIRST_STEP * len(start) ** 0.5 * (spread or 1.0),
        )
        return found.point.reshape(start.shape)
