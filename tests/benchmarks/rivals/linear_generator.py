"""A generator whose images are their features, a linear function of the latents."""

from dataclasses import dataclass, field

from torch import Tensor

from hawc import StandardNormal
from hawc.targets import AbstractTarget


@dataclass(eq=False)
class LinearGenerator:
    """features = latents @ matrix; remembers the number of latents of each call."""

    matrix: Tensor
    calls: list[int] = field(default_factory=list)

    @property
    def prior(self) -> AbstractTarget:
        return StandardNormal(len(self.matrix))

    def features(self, latents: Tensor) -> Tensor:
        self.calls.append(len(latents))
        return latents @ self.matrix.to(latents)
