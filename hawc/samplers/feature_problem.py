"""What a FeatureSampler minimises: squared distances in features and in latents, added up."""

from dataclasses import dataclass
from typing import final

from jaxtyping import Float
from torch import Tensor

from hawc.compression.exchange import exchange
from hawc.compression.problem import CompressionProblem
from hawc.samplers.clearance import Clearance

__all__ = ["FeatureProblem", "Term"]


@final
@dataclass(frozen=True, eq=False)
class Term:
    """A squared distance to a distribution, among others, and where the candidates are in its
    space.

    Args:
        problem: new points against the distribution and the remembered ones.
        candidates: (m, d), in float64.
        weight: >= 0, of the distance in units of the candidates' mean distance from each other:
            spaces of any dimension and scale count alike.
    """

    problem: CompressionProblem
    candidates: Float[Tensor, "m d"]
    weight: float

    @property
    def factor(self) -> float:
        """The weight in units of the kernel."""
        apart = self.candidates - self.candidates.roll(1, 0)  # as independent as any other pairs
        mean = float(self.problem.kernel.profile(apart.square().sum(1)).mean())
        return self.weight / mean if mean > 0 else self.weight


@final
class FeatureProblem:
    """The weighted sum of f(phi(z)) in features and f(z) in latents, f as in ``hawc.compression``.

    Both sum over the same remembered points, whose latents and features are known.

    Args:
        features: the term of phi(z).
        latents: that of z.
        clearance: of phi(z); its penalty, shared by the new points, is added to f.
    """

    def __init__(self, features: Term, latents: Term, clearance: Clearance) -> None:
        self.clearance = clearance
        self._terms = [(term, term.factor) for term in (features, latents)]
        self._size = latents.problem.size
        # the pull of a distribution on one point is of order one then
        self._scale = self._size**2 / latents.problem.total

    def best_candidates(self) -> list[int]:
        """Returns which candidates are best together, as no exchange of a single one tells."""

        def repulsion(index: int) -> Float[Tensor, " m"]:
            heights = [
                factor * term.problem.kernel(term.candidates, term.candidates[[index]])[:, 0]
                for term, factor in self._terms
            ]
            near = self.clearance.to_one(self._terms[0][0].candidates, index)
            # a pair's penalty, shared by K points, where heights are shared by K^2 pairs
            return sum(heights[1:], heights[0]) - self._size * near

        fields = [
            factor * term.problem.field_values(term.candidates) for term, factor in self._terms
        ]
        fields.append(self.clearance.to_past(self._terms[0][0].candidates))
        return exchange(sum(fields[1:], fields[0]), repulsion, self._size)

    def value_and_gradients(
        self, phi: Float[Tensor, "k f"], z: Float[Tensor, "k d"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "k f"], Float[Tensor, "k d"]]:
        """Returns the objective times K^2 / T, and its gradients in phi and in z as such."""
        penalty, in_features = self.clearance.value_and_gradient(phi.double())
        share = self._scale / self._size
        value, gradients = share * penalty, []
        for (term, factor), points in zip(self._terms, (phi, z), strict=True):
            own, gradient = term.problem.value_and_gradient(points.double()[None])
            value = value + self._scale * factor * own[0]
            gradients.append(self._scale * factor * gradient[0])
        return value, gradients[0] + share * in_features, gradients[1]
