"""The objective of FeatureSampler: two squared distances and a penalty."""

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from hawc.candidate_distances import CandidateDistances
from hawc.compression.exchange import MATRIX_CANDIDATES, Repulsion, exchange
from hawc.compression.problem import CompressionProblem
from hawc.samplers.distance_penalty import DistancePenalty

__all__ = ["FeatureProblem", "Term"]

# Multiplications up to which all pairs of latents are computed: a tenth of a second.
_MATRIX_COST = 2**31


@final
@dataclass(frozen=True, eq=False)
class Term:
    """One squared distance of the objective, with the candidates in its space.

    Args:
        problem: new points against the target distribution and the remembered points.
        candidates: in float64.
        weight: of the squared distance divided by the candidates' mean distance, >= 0. The division
            gives spaces of any dimension and scale the same weight.
    """

    problem: CompressionProblem
    candidates: Float[Tensor, "m d"]
    weight: float

    @property
    def factor(self) -> float:
        """The factor of the squared distance itself: the weight over the mean distance."""
        differences = self.candidates - self.candidates.roll(1, 0)  # independent pairs
        mean = float(self.problem.kernel.profile(differences.square().sum(1)).mean())
        return self.weight / mean if mean > 0 else self.weight


@final
class FeatureProblem:
    """The weighted sum of f(phi(z)) and f(z), and a penalty.

    Here phi(z) are the features of the latents z, and f is the objective of `hawc.compression`.
    Both terms count the same remembered points.

    Args:
        features: the term of phi(z).
        latents: the term of z.
        penalty: on close points phi(z); its mean over the new points is added to f.
        quality: weighted scores of the candidates; the mean of those chosen is subtracted from f.
    """

    def __init__(
        self,
        features: Term,
        latents: Term,
        penalty: DistancePenalty,
        quality: Float[Tensor, " m"] | None = None,
    ) -> None:
        self.penalty = penalty
        self._quality = quality
        self._terms = [(term, term.factor) for term in (features, latents)]
        self._size = latents.problem.size
        # makes the gradient of one point of order one
        self._scale = self._size**2 / latents.problem.total

    def best_candidates(self) -> list[int]:
        """Returns the indices of candidates that no exchange of a single one improves."""
        fields = [
            factor * term.problem.field_values(term.candidates) for term, factor in self._terms
        ]
        fields.append(self.penalty.to_past(self._terms[0][0].candidates))
        if self._quality is not None:
            fields.append(-self._quality.to(fields[0]))
        return exchange(sum(fields[1:], fields[0]), self._repulsion(), self._size)

    def _repulsion(self) -> Repulsion:
        """Returns the terms of pairs of candidates, as a matrix if there are few."""
        distances = [CandidateDistances(term.candidates) for term, _ in self._terms]

        def combined(squared: list[Float[Tensor, "*s"]]) -> Float[Tensor, "*s"]:
            heights = [
                factor * term.problem.kernel.profile(s)
                for (term, factor), s in zip(self._terms, squared, strict=True)
            ]
            # `exchange` divides by K^2 pairs, the penalty is a mean over K points
            return sum(heights[1:], heights[0]) - self._size * self.penalty.of_pairs(squared[0])

        def row(index: int) -> Float[Tensor, " m"]:
            heights = combined([d.row(index) for d in distances])
            heights[index] = 0  # also the penalty
            return heights

        count, dim = self._terms[1][0].candidates.shape
        if count > MATRIX_CANDIDATES or count**2 * dim > _MATRIX_COST:
            return row
        return combined([d.matrix() for d in distances]).fill_diagonal_(0)

    def value_and_gradients(
        self, phi: Float[Tensor, "k f"], z: Float[Tensor, "k d"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "k f"], Float[Tensor, "k d"]]:
        """Returns the objective times K^2 / T, with its partial gradients in phi and in z.

        K is the number of new points, T that of all points.
        """
        penalty, in_features = self.penalty.value_and_gradient(phi.double())
        share = self._scale / self._size
        value, gradients = share * penalty, []
        for (term, factor), points in zip(self._terms, (phi, z), strict=True):
            distance, gradient = term.problem.value_and_gradient(points.double()[None])
            value = value + self._scale * factor * distance[0]
            gradients.append(self._scale * factor * gradient[0])
        return value, gradients[0] + share * in_features, gradients[1]
