"""A prior with a fixed list of samples, shared by several samplers."""

from functools import cached_property
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import AbstractKernel
from hawc.targets import AbstractTarget
from hawc.targets.abstract import Potential
from hawc.targets.elliptical_form import EllipticalForm

__all__ = ["SharedCandidates"]


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
