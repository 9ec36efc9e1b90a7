"""Small random instances of selection, solved by going over all subsets."""

from dataclasses import dataclass
from itertools import combinations

import torch
from torch import Tensor

from hawc import select
from hawc.kernels import AbstractKernel, Energy, GaussianComplement, HuberEnergy, Quotient
from hawc.precision import exact_distances
from hawc.selection import mean_distance
from hawc.spacing import parse_spacing, spacing

MOST_CANDIDATES, MOST_CHOSEN = 18, 5
KERNELS: tuple[AbstractKernel, ...] = (
    *(Energy(), HuberEnergy()),
    *(Quotient(0.5, 1.0), GaussianComplement(2.0)),
)
DIMS = (1, 2, 5, 20, 64)
QUALITY_WEIGHT, PENALTY = 0.3, 100.0


@dataclass(frozen=True, eq=False)
class Instance:
    """Arguments of `select`; None is the argument's default.

    Args:
        features: of the candidates.
        n: number to choose.
        history: features of remembered images, perhaps none.
        data: features of real images.
        quality: one score per candidate.
        min_distance: a share as text.
        kernel: of the objective.
    """

    features: Tensor
    n: int
    history: Tensor
    data: Tensor | None
    quality: Tensor | None
    min_distance: str | None
    kernel: AbstractKernel

    @staticmethod
    def random(seed: int) -> "Instance":
        """Returns an instance; every second one has a history, every third one data, and so on."""
        generator = torch.Generator().manual_seed(seed)

        def between(least: int, most: int) -> int:
            return int(torch.randint(least, most + 1, (), generator=generator))

        m, n, dim = between(6, MOST_CANDIDATES), between(1, MOST_CHOSEN), DIMS[seed % len(DIMS)]

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        return Instance(
            normal(m, dim),
            n,
            normal(between(1, 40), dim) if seed % 2 else normal(0, dim),
            normal(50, dim) if seed % 3 == 0 else None,
            normal(m) if seed % 4 < 2 else None,
            ("25%", "25% of 10", None, None, None, None, None)[seed % 7],
            KERNELS[seed // len(DIMS) % len(KERNELS)],
        )

    def chosen(self) -> list[int]:
        """Returns the choice of `select`."""
        return select(
            self.features,
            self.n,
            history=self.history,
            data=self.data,
            quality=self.quality,
            quality_weight=QUALITY_WEIGHT,
            min_distance=self.min_distance,
            kernel=self.kernel,
        )

    def objectives(self, subsets: Tensor) -> Tensor:
        """Returns the objective of each subset, by the formula in the docstring of `select`.

        Args:
            subsets: indices (s, n).
        """
        x, y, n = self.features, self.history, self.n
        data = x if self.data is None else self.data
        unit = mean_distance(x, self.kernel)
        field = (n + len(y)) * self.kernel(x, data).mean(1) - self.kernel(x, y).sum(1)
        field = field / (n * unit)
        if self.quality is not None:
            field = field - QUALITY_WEIGHT * self.quality
        pairs = -self.kernel(x, x) / (2 * n * unit)
        if self.min_distance is not None:
            radius = spacing(data, *parse_spacing(self.min_distance))
            close = PENALTY * (1 - exact_distances(x, x) / radius).clamp(min=0).square()
            pairs = pairs + 0.5 * close.fill_diagonal_(0)
            if len(y):
                nearest = exact_distances(x, y).amin(1)
                field = field + PENALTY * (1 - nearest / radius).clamp(min=0).square()
        within = pairs[subsets[:, :, None], subsets[:, None]].sum((1, 2))
        return (field[subsets].sum(1) + within) / n


def lost_gain(instance: Instance) -> float:
    """Returns the share of the gain that `select` misses.

    The gain is the mean objective of all subsets minus the least one.
    """
    subsets = torch.tensor(list(combinations(range(len(instance.features)), instance.n)))
    values = instance.objectives(subsets)
    found = float(instance.objectives(torch.tensor([instance.chosen()])))
    gain = float(values.mean() - values.min())
    return (found - float(values.min())) / gain if gain > 0 else 0.0
