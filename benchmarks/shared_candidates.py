"""A prior with a fixed list of samples, shared by several samplers."""

from collections.abc import Callable
from functools import cached_property
from typing import Protocol, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc import FeatureSampler
from hawc.kernels import AbstractKernel
from hawc.targets import AbstractTarget
from hawc.targets.abstract import Potential
from hawc.targets.elliptical_form import EllipticalForm

__all__ = ["Pipeline", "SharedCandidates", "sampler_among"]


class Pipeline(Protocol):
    """A generator with the network that chooses among its images."""

    @property
    def prior(self) -> AbstractTarget:
        """The distribution of latents."""

    @property
    def decode(self) -> Callable[[Tensor], Tensor]:
        """Latents to images."""

    @property
    def choosing(self) -> Callable[[Tensor], Tensor]:
        """Images to features."""


@final
class SharedCandidates(AbstractTarget):
    """Wraps a prior; `sample` returns the next samples of a fixed list.

    Args:
        prior: the wrapped distribution.
        latents: (m, d) i.i.d. samples of it.
    """

    def __init__(self, prior: AbstractTarget, latents: Float[Tensor, "m d"]) -> None:
        self._prior = prior
        self._remaining = latents

    def __repr__(self) -> str:
        return repr(self._prior)

    @property
    def dim(self) -> int:
        return self._prior.dim

    @cached_property
    def length_scale(self) -> float:
        return self._prior.length_scale

    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Returns the next n samples of the list.

        Raises:
            ValueError: if fewer are left.
        """
        del generator
        remaining = len(self._remaining)
        if n > remaining:
            raise ValueError(f"`n` must be at most {remaining}, the samples left, got {n}.")
        samples, self._remaining = self._remaining[:n], self._remaining[n:]
        return samples.clone()

    def potential(self, kernel: AbstractKernel) -> Potential:
        return self._prior.potential(kernel)

    def self_energy(self, kernel: AbstractKernel) -> float:
        return self._prior.self_energy(kernel)

    def elliptical_form(self) -> EllipticalForm | None:
        return self._prior.elliptical_form()


def sampler_among(
    owner: Pipeline, latents: Float[Tensor, "m d"], num_candidates: int, distance: str | None
) -> FeatureSampler:
    """Returns a sampler without data that moves no latents, with given candidates.

    Args:
        owner: its generator and feature network.
        latents: the candidates of all rounds, in order.
        num_candidates: of a round.
        distance: `min_distance`.
    """
    return FeatureSampler(
        SharedCandidates(owner.prior, latents),
        decode=owner.decode,
        features=owner.choosing,
        num_candidates=num_candidates,
        num_steps=0,
        min_distance=distance,
    )
