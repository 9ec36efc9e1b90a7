"""Group inference's choice of K among M candidates, by `select` and by Gurobi.

    maximize sum_i u_i x_i + lambda sum_{i<j} d_ij x_i x_j,    x_i in {0, 1},    sum_i x_i = K

Here u_i is the quality of a candidate and d_ij the distance of two. Candidates are unit vectors
with a common mean, independent or in clusters. For unit vectors 1 - cosine is half of the squared
distance.

Source: Parmar et al. 2025, "Scaling Group Inference for Diverse and High-Quality Generation", arXiv
2508.15773. The authors solve it by Gurobi, with lambda = 1.5.
"""

import sys
import time
from dataclasses import dataclass
from typing import Any, Literal, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc import select
from hawc.kernels import AbstractKernel, Energy, Mixture
from hawc.precision import exact_distances
from hawc.selection import mean_distance

LAMBDA, DIM, CLUSTERS = 1.5, 384, 6
Distance = Literal["1 - cosine", "|x - y|"]


@final
@dataclass(frozen=True)
class SquaredDistance(AbstractKernel):
    """h = |x - y|^2, the limit of the kernels of negative type."""

    def profile(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return squared_norm

    def slope(self, squared_norm: Float[Tensor, "*s"]) -> Float[Tensor, "*s"]:
        return torch.ones_like(squared_norm)

    def mixture(self) -> Mixture:
        raise NotImplementedError("|x - y|^2 is no mixture of Gaussian functions")


@dataclass(frozen=True, eq=False)
class Group:
    """An instance: unit vectors (M, f), their quality (M,), and the distance of pairs.

    Args:
        features: of the candidates.
        quality: u.
        distance: d.
    """

    features: Tensor
    quality: Tensor
    distance: Distance

    @staticmethod
    def random(count: int, distance: Distance, clustered: bool, seed: int) -> "Group":
        """Returns candidates with scores 0.30 +- 0.03, as CLIP gives them."""
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        x = normal(count, DIM)
        if clustered:
            centers = torch.randint(CLUSTERS, (count,), generator=generator)
            x = normal(CLUSTERS, DIM)[centers] + 0.6 * x
        x = x + 1.5 * normal(1, DIM)
        return Group(x / x.norm(dim=1, keepdim=True), 0.30 + 0.03 * normal(count), distance)

    def distances(self) -> Tensor:
        """Returns the matrix d."""
        distances = exact_distances(self.features, self.features)
        return distances if self.distance == "|x - y|" else distances.square() / 2

    def value(self, chosen: list[int]) -> float:
        """Returns the objective of a choice."""
        index = torch.tensor(chosen)
        pairs = float(self.distances()[index][:, index].sum()) / 2
        return float(self.quality[index].sum()) + LAMBDA * pairs

    def selected(self, size: int) -> list[int]:
        """Returns the choice of `select`."""
        euclidean = self.distance == "|x - y|"
        kernel = Energy() if euclidean else SquaredDistance()
        factor = LAMBDA if euclidean else LAMBDA / 2  # of h
        weight = 1 / (factor * size * mean_distance(self.features, kernel))
        return select(
            self.features,
            size,
            data_weight=0.0,
            quality=self.quality,
            quality_weight=weight,
            kernel=kernel,
        )

    def solved(self, size: int, seconds: float) -> list[int]:
        """Returns Gurobi's choice after a time limit."""
        gurobi = gurobi_module()
        with gurobi.Env(params={"OutputFlag": 0}) as env, gurobi.Model(env=env) as model:
            model.Params.TimeLimit = seconds
            x = model.addMVar(len(self.quality), vtype="B")
            model.addConstr(x.sum() == size)
            pairs = 0.5 * LAMBDA * (x @ self.distances().numpy() @ x)
            model.setObjective(self.quality.numpy() @ x + pairs, gurobi.GRB.MAXIMIZE)
            model.optimize()
            return [index for index, value in enumerate(x.X) if value > 0.5]


def gurobi_module() -> Any:
    """Returns gurobipy, or ends the process with a message if it is not installed."""
    try:
        import gurobipy
    except ImportError:
        sys.exit("The comparison needs gurobipy: `uv sync --group rivals`; or give --groups 0.")
    return gurobipy


def compared(group: Group, size: int, seconds: float) -> tuple[float, float, float]:
    """Returns our value minus Gurobi's, and wall and processor seconds of `select`.

    The value is relative to Gurobi's gain over random choices.
    """
    group.selected(size)  # the first call loads kernels
    wall, processor = time.perf_counter(), time.process_time()
    ours = group.value(group.selected(size))
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    theirs = group.value(group.solved(size, seconds))
    count, distances = len(group.quality), group.distances()
    mean_pair = float(distances.sum()) / (count * (count - 1))
    random = size * float(group.quality.mean()) + LAMBDA * mean_pair * size * (size - 1) / 2
    return (ours - theirs) / (theirs - random), wall, processor
