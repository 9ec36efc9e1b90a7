"""What every distribution offers: draws, its exact potential and its self energy."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.blocks import row_blocks
from hawc.kernels import AbstractKernel
from hawc.precision import full_precision
from hawc.targets.elliptical_form import EllipticalForm
from hawc.targets.length_scale import estimate_length_scale

__all__ = ["AbstractTarget", "Potential", "PotentialAndGradient"]

Potential = Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]]
PotentialAndGradient = Callable[
    [Float[Tensor, "n d"]], tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]
]

_DRAWN = 128  # for a unit of length
_ENTRIES_A_POINT = 512  # numbers that a potential may hold for one point, roughly


class AbstractTarget(ABC):
    """A probability distribution on R^dim."""

    @abstractmethod
    def __repr__(self) -> str:
        """Returns the distribution's identity: its name and every parameter, on every machine the
        same.

        Two distributions with equal repr are the same distribution; a gallery records it and
        refuses another one. Floats are written out in full, long parameters by a digest
        (``hawc.targets.identity``).
        """

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point."""

    @cached_property
    def length_scale(self) -> float:
        """A length in the units of the points, > 0: about a coordinate's standard deviation.

        It says what is small: how far starting points are moved, or within which distance a default
        kernel is smooth. Of a distribution of several groups it is one group's. The default is
        estimated from samples; a target that knows better overrides it.
        """
        generator = torch.Generator(device="cpu").manual_seed(0)
        return estimate_length_scale(self.sample(_DRAWN, generator=generator))

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Returns n i.i.d. samples, in torch's default dtype, on the generator's device."""

    def spread_sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Returns n draws that shun each other, where the distribution knows how: good points to
        start from.

        Each is distributed as the distribution says; they are not independent.
        """
        return self.sample(n, generator=generator)

    @abstractmethod
    def potential(self, kernel: AbstractKernel) -> Potential:
        """Returns the function x -> E h(x - Z), differentiable, in its argument's dtype.

        Half-precision arguments are raised to float32.
        """

    def potential_and_gradient(self, kernel: AbstractKernel) -> PotentialAndGradient:
        """Returns the function x -> (E h(x - Z), its gradient), which autograd does not follow.

        In the dtype of x, half precision raised to float32. A distribution whose gradient has a
        short form of its own saves a search half of the time.
        """
        potential = self.potential(kernel)

        def evaluate(x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]:
            with torch.inference_mode(False), torch.enable_grad():
                x = full_precision(x.detach()).clone()  # one made in inference mode has no gradient
                values, gradients = x.new_empty(len(x)), torch.empty_like(x)
                for block in row_blocks(len(x), _ENTRIES_A_POINT):
                    part = x[block].requires_grad_()
                    value = potential(part)
                    (gradients[block],) = torch.autograd.grad(value.sum(), part)
                    values[block] = value.detach()
            return values, gradients

        return evaluate

    @abstractmethod
    def self_energy(self, kernel: AbstractKernel) -> float:
        """Returns 1/2 E h(Z - Z') for independent Z, Z' of this distribution.

        An i.i.d. sample of size n is at squared distance self_energy / n from the distribution on
        average.
        """

    def elliptical_form(self) -> EllipticalForm | None:
        """Returns the lengths of samples and what spheres they lie on; None where there are none.

        A distribution has them if a sample is a random length times an independent direction that
        is uniform, up to an affine map: a normal one, but not a mixture or a cube.
        """
        return None
