"""Selection: the indices of candidates that together represent a distribution.

Only features of the candidates are needed: no latents, no gradients, no decoder.
"""

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import check_instance, described, real_number, whole_number
from hawc.candidate_distances import CandidateDistances
from hawc.compression.exchange import MATRIX_CANDIDATES, Repulsion, exchange
from hawc.history import AbstractHistory
from hawc.kernel_sum import KernelSum
from hawc.kernels import AbstractKernel, HuberEnergy
from hawc.points import ArrayLike, as_points, as_real
from hawc.precision import without_autocast
from hawc.samplers.distance_penalty import DistancePenalty
from hawc.spacing import parse_spacing, spacing, spread_indices
from hawc.targets import AbstractTarget, Empirical
from hawc.targets.length_scale import estimate_length_scale

__all__ = ["mean_distance", "select"]

_SMALL = 2**22  # numbers; more are kept in their own precision
_SAMPLES = 2048  # of a distribution without points, for the distance between its samples


def select(
    features: Float[Tensor, "m f"] | ArrayLike,
    n: int,
    *,
    history: AbstractHistory | Float[Tensor, "k f"] | ArrayLike | None = None,
    data: AbstractTarget | Float[Tensor, "r f"] | ArrayLike | None = None,
    data_weight: float = 1.0,
    quality: Float[Tensor, " m"] | ArrayLike | None = None,
    quality_weight: float = 1.0,
    min_distance: float | str | None = None,
    kernel: AbstractKernel | None = None,
) -> list[int]:
    """Returns the indices of n candidates that complement each other and a history.

    Together with the k remembered images y_j the chosen images x_i represent the data. The choice
    minimizes, over all sets of n candidates,

        (1/n) sum_i [(data_weight (n + k) m(x_i) - sum_j h(x_i, y_j)) / (n M) - quality_weight q_i]
        - (1/(2 n^2)) sum_ij h(x_i, x_j) / M + penalty.

    Here h is the kernel, m(x) the mean of h from x to the data, and M the `mean_distance` of the
    candidates. With the default weight of the data this is the objective of `FeatureSampler` in
    features. The penalty is the mean over i of

        100 max(0, 1 - |x_i - y| / min_distance)^2

    for the nearest remembered y, and for each other chosen image y, once per pair.

    Without data and history it is the objective of group inference, quality plus diversity:
    `data_weight=0, quality_weight=1 / (c n M)` maximizes sum_i q_i + c sum_{i<j} h(x_i, x_j).

    Among few candidates the search has many starts and nearly always finds the optimum. Among more
    than 2,048 it is a greedy choice, improved by exchanges of single candidates. The result is
    deterministic. Multiplying all features by a constant does not change it.

    Args:
        features: of the candidates, finite.
        n: from 1 to the number of candidates.
        history: features of remembered images, or a history with features in its last columns.
            Rows of a history without features are skipped.
        data: features of real images, or their distribution; the candidates themselves if None.
        data_weight: >= 0; with 0 the chosen images only repel each other and the history.
        quality: one score per candidate, finite; more is better.
        quality_weight: of the mean score against the other terms, which are of the order 1 / n.
        min_distance: distance in features that images should keep, >= 0, or a share such as "25%"
            or "25% of 500": see `hawc.spacing.spacing` of the data, or of the candidates without
            data. Shorter distances are penalized, not excluded. None is 0.
        kernel: h; `hawc.kernels.HuberEnergy`, nearly |x - y|, if None.

    Returns:
        n different indices, ascending.

    Raises:
        ValueError: if an argument is out of its range, not finite, or of a shape that does not fit.

    Source: group inference is Parmar et al. 2025, "Scaling Group Inference for Diverse and
    High-Quality Generation", arXiv 2508.15773.

    Example:
        >>> import torch
        >>> from hawc import select
        >>> features = torch.tensor([[0.0], [0.1], [5.0], [9.9], [10.0]])
        >>> select(features, 3)
        [0, 2, 4]
        >>> select(features, 1, history=features[[0, 4]])
        [2]
    """
    problem = _Selection(features, n, history, data, kernel)
    field = problem.data_field(data_weight) + problem.quality_field(quality, quality_weight)
    problem.set_min_distance(min_distance)
    return sorted(exchange(field + problem.past_field(), problem.repulsion(), problem.size))


def mean_distance(
    features: Float[Tensor, "m f"] | ArrayLike, kernel: AbstractKernel | None = None
) -> float:
    """Returns the mean of h over pairs of different candidates, as `select` uses it.

    Of more than 2,048 candidates it is the mean over 2,048 evenly spaced ones.

    Args:
        features: of the candidates, finite.
        kernel: h; the default of `select` if None.
    """
    check_instance("kernel", kernel, AbstractKernel, or_none=True)
    features = as_points("features", features, finite=True).detach()
    kernel = _default_kernel(features) if kernel is None else kernel
    return _mean_height(features, kernel)


@final
class _Selection:
    """The checked arguments of `select`, and the terms of its objective.

    Args:
        features: of the candidates.
        n: number to choose.
        history: as for `select`.
        data: as for `select`.
        kernel: as for `select`.
    """

    def __init__(
        self,
        features: object,
        n: int,
        history: object,
        data: object,
        kernel: AbstractKernel | None,
    ) -> None:
        x = as_points("features", features, finite=True).detach()
        self.size = whole_number("n", n, 1)
        if self.size > len(x):
            raise ValueError(
                f"`n` must be at most the number of candidates, {len(x)}, got {self.size}."
            )
        check_instance("kernel", kernel, AbstractKernel, or_none=True)
        self._kernel = _default_kernel(x) if kernel is None else kernel
        self._past = _past_features(history, x)
        self._data = _checked_data(data, x.shape[1])
        self._all_pairs = len(x) <= MATRIX_CANDIDATES
        self._x = x.double() if x.numel() < _SMALL else _single_if_exact(x)
        self._distances = CandidateDistances(self._x)
        self._matrix = self._kernel.profile(self._distances.matrix()) if self._all_pairs else None
        mean = _mean_height(x, self._kernel) if self._matrix is None else _mean_of(self._matrix)
        self._factor = 1 / mean if mean > 0 else 1.0
        self._penalty = DistancePenalty(0.0, self._past)

    def data_field(self, weight: float) -> Float[Tensor, " m"]:
        """Returns the terms of the data and the history for each candidate."""
        if not 0 <= real_number("data_weight", weight) < math.inf:
            raise ValueError(f"`data_weight` must be finite and at least 0, got {weight}.")
        field = torch.zeros(len(self._x), dtype=torch.float64, device=self._x.device)
        with torch.no_grad(), without_autocast(self._x):
            if weight > 0:
                field += weight * (self.size + len(self._past)) * self._potential()
            if len(self._past):
                field -= KernelSum(self._kernel, self._past).values(self._x)
        return self._factor / self.size * field

    def _potential(self) -> Float[Tensor, " m"]:
        if self._data is not None:
            return self._data.potential(self._kernel)(self._x).double()
        if self._matrix is not None:
            return self._matrix.mean(1, dtype=torch.float64)
        return KernelSum(self._kernel, self._x).values(self._x) / len(self._x)

    def quality_field(self, quality: object, weight: float) -> Float[Tensor, " m"]:
        """Returns the term of the quality for each candidate."""
        if not math.isfinite(real_number("quality_weight", weight)):
            raise ValueError(f"`quality_weight` must be finite, got {weight}.")
        if quality is None:
            return self._x.new_zeros(len(self._x), dtype=torch.float64)
        scores = as_real("quality", quality).detach().to(self._x.device, torch.float64)
        if scores.shape != (len(self._x),):
            raise ValueError(
                f"`quality` must hold one score per candidate, {len(self._x)} in all, got shape "
                f"{tuple(scores.shape)}."
            )
        if not scores.isfinite().all():
            raise ValueError("`quality` must be finite, got NaN or infinite scores.")
        return -weight * scores

    def set_min_distance(self, value: float | str | None) -> None:
        """Set the penalty on shorter distances."""
        if isinstance(value, str):
            share, count = parse_spacing(value)
            reference = self._x if self._data is None else _points_of(self._data)
            distance = spacing(reference, share, count) if len(reference) > 1 else 0.0
        else:
            distance = 0.0 if value is None else real_number("min_distance", value)
        if not 0 <= distance < math.inf:
            raise ValueError(f"`min_distance` must be finite and at least 0, got {value}.")
        self._penalty = DistancePenalty(distance, self._past)

    def past_field(self) -> Float[Tensor, " m"]:
        """Returns the penalty on candidates near remembered points."""
        return self._penalty.to_past(self._x).double()

    def repulsion(self) -> Repulsion:
        """Returns the terms of pairs, as a matrix or a function to its rows."""
        if self._matrix is not None:
            matrix = self._factor * self._matrix.double()
            if self._penalty.distance > 0:
                matrix -= self.size * self._penalty.of_pairs(self._distances.matrix())
            return matrix.fill_diagonal_(0)

        def row(index: int) -> Float[Tensor, " m"]:
            squared = self._distances.row(index).double()
            heights = self._factor * self._kernel.profile(squared)
            if self._penalty.distance > 0:
                heights -= self.size * self._penalty.of_pairs(squared)
            heights[index] = 0
            return heights

        return row


def _past_features(history: object, x: Float[Tensor, "m f"]) -> Float[Tensor, "k f"]:
    """Returns the features of a history's rows, on the device of the candidates."""
    dim = x.shape[1]
    if history is None:
        return x[:0]
    if not isinstance(history, AbstractHistory):
        past = as_points("history", history, dim=dim, smallest=0, finite=True).detach()
        return _single_if_exact(past.to(x.device))
    rows = history.view()
    width = history.num_features or history.dim
    if width not in (0, dim):  # 0: not bound yet
        raise ValueError(
            f"`history` must hold features of the candidates' dimension, {dim}, got {width}; "
            "compute both by one network."
        )
    past = rows[:, rows.shape[1] - width :] if len(rows) else x[:0]
    present = ~past[:, -1].isnan()
    return (past if bool(present.all()) else past[present]).to(x.device)


def _checked_data(data: object, dim: int) -> AbstractTarget | None:
    if data is None:
        return None
    if isinstance(data, type):  # StandardNormal instead of StandardNormal(dim)
        check_instance("data", data, AbstractTarget)
    if not isinstance(data, AbstractTarget):
        return Empirical(_single_if_exact(as_points("data", data, dim=dim, finite=True)))
    if data.dim != dim:
        raise ValueError(
            f"`data` must have the candidates' dimension, {dim}, got {described(data)}."
        )
    return data


def _single_if_exact(points: Float[Tensor, "m f"]) -> Float[Tensor, "m f"]:
    """Returns many points in float32 if it holds them exactly, such as bytes."""
    if points.numel() < _SMALL or points.dtype != torch.float64:
        return points
    single = points.float()
    return single if bool((single == points).all()) else points


def _points_of(data: AbstractTarget) -> Float[Tensor, "r f"]:
    """Returns the points of an empirical distribution, or samples of another one."""
    if isinstance(data, Empirical):
        return data.points
    generator = torch.Generator("cpu").manual_seed(0)
    return data.sample(_SAMPLES, generator=generator)


def _default_kernel(features: Float[Tensor, "m f"]) -> AbstractKernel:
    return HuberEnergy().rescaled(1 / estimate_length_scale(features))[0]


def _mean_height(features: Float[Tensor, "m f"], kernel: AbstractKernel) -> float:
    some = features[spread_indices(len(features), MATRIX_CANDIDATES).to(features.device)].double()
    return _mean_of(kernel.profile(CandidateDistances(some).matrix()))


def _mean_of(matrix: Float[Tensor, "m m"]) -> float:
    """Returns the mean of the entries off the diagonal, which is 0."""
    return float(matrix.sum(dtype=torch.float64)) / max(1, len(matrix) * (len(matrix) - 1))
