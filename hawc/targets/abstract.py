"""AbstractTarget, the interface of all target distributions."""

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

_SAMPLES_FOR_SCALE = 128
_ENTRIES_PER_POINT = 512  # numbers that a potential needs for one point, roughly


class AbstractTarget(ABC):
    """A probability distribution on R^dim that points should match.

    A subclass implements `__repr__`, `dim`, `sample`, `potential` and `self_energy`. The other
    methods have defaults.
    """

    @abstractmethod
    def __repr__(self) -> str:
        """Returns the distribution's identity: its name and all parameters.

        Distributions with equal repr are equal, on every machine. A gallery records the repr and
        refuses another distribution. Floats are written with all digits, long parameters as a
        digest (``hawc.targets.identity``).
        """

    @property
    @abstractmethod
    def dim(self) -> int:
        """The number of coordinates of a point."""

    @cached_property
    def length_scale(self) -> float:
        """Roughly a coordinate's standard deviation, > 0, in the units of the points.

        Small lengths are shares of it: how far starting points are moved, and within which distance
        the default kernel is smooth. If the distribution consists of several groups, it is the
        scale of one group. The default is estimated from samples.
        """
        generator = torch.Generator(device="cpu").manual_seed(0)
        return estimate_length_scale(self.sample(_SAMPLES_FOR_SCALE, generator=generator))

    @abstractmethod
    def sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Returns n i.i.d. samples, in torch's default dtype, on the generator's device."""

    def spread_sample(self, n: int, *, generator: torch.Generator) -> Float[Tensor, "n d"]:
        """Returns n samples that repel each other, as starting points of searches.

        Each has this distribution, but they are not independent. The default is `sample`.
        """
        return self.sample(n, generator=generator)

    @abstractmethod
    def potential(self, kernel: AbstractKernel) -> Potential:
        """Returns the function x -> E h(x - Z), which is differentiable.

        Its values have the dtype of x; half precision is raised to float32.
        """

    def potential_and_gradient(self, kernel: AbstractKernel) -> PotentialAndGradient:
        """Returns the function x -> (E h(x - Z), its gradient), without an autograd graph.

        Both have the dtype of x; half precision is raised to float32. The default uses autograd. An
        override with a closed form of the gradient halves the time of a search.
        """
        potential = self.potential(kernel)

        def evaluate(x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " n"], Float[Tensor, "n d"]]:
            with torch.inference_mode(False), torch.enable_grad():
                x = full_precision(x.detach()).clone()  # inference tensors have no gradient
                values, gradients = x.new_empty(len(x)), torch.empty_like(x)
                for block in row_blocks(len(x), _ENTRIES_PER_POINT):
                    part = x[block].requires_grad_()
                    value = potential(part)
                    (gradients[block],) = torch.autograd.grad(value.sum(), part)
                    values[block] = value.detach()
            return values, gradients

        return evaluate

    @abstractmethod
    def self_energy(self, kernel: AbstractKernel) -> float:
        """Returns 1/2 E h(Z - Z') for independent Z, Z' of this distribution.

        The mean squared distance between n i.i.d. samples and the distribution is self_energy / n.
        """

    def elliptical_form(self) -> EllipticalForm | None:
        """Returns the form center + r A u of the samples, or None if there is none.

        Here u is a uniform direction and r an independent random length. Normal distributions have
        such a form; mixtures and cubes do not.
        """
        return None
