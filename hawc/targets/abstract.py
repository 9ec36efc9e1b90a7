"""What every law offers: draws, its exact potential and its self energy."""

from abc import ABC, abstractmethod
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.kernels import AbstractKernel

__all__ = ["AbstractTarget", "Potential"]

Potential = Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]]


class AbstractTarget(ABC):
    """A probability law on R^dim."""

    @abstractmethod
    def __repr__(self) -> str:
        """Returns the law's identity: its name and every parameter, on every machine the same.

        Two laws with equal repr are the same law; a gallery records it and refuses another one.
        Floats are written out in full, long parameters by a digest (``hawc.targets.identity``).
        """

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point."""

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Returns n independent draws, in torch's default dtype, on the generator's device."""

    @abstractmethod
    def potential(self, kernel: AbstractKernel) -> Potential:
        """Returns the function x -> E h(x - Z), differentiable, in its argument's dtype.

        Half-precision arguments are raised to float32.
        """

    @abstractmethod
    def self_energy(self, kernel: AbstractKernel) -> float:
        """Returns 1/2 E h(Z - Z') for independent Z, Z' of this law.

        An i.i.d. sample of size n is at squared distance self_energy / n from the law on average.
        """
