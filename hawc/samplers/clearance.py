"""A penalty on pictures that look like one that is there already."""

from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.blocks import row_blocks

__all__ = ["Clearance"]

# At nine tenths of the distance a picture costs about what one costs that is out of place in the
# law; at seven tenths nine times that.
_WEIGHT = 100.0


@final
@dataclass(frozen=True, eq=False)
class Clearance:
    """The penalty w max(0, 1 - |x - y| / r)^2 for points x that are nearer than r to a point y.

    Of the remembered points the nearest one counts alone: a crowd of them does not push new points
    out of the law, as a sum over them would. Of the new ones each pair counts.

    Args:
        distance: r >= 0; 0 for no penalty.
        past: the remembered points, (kp, d).
    """

    distance: float
    past: Float[Tensor, "kp d"]

    def to_past(self, x: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the penalty of each point for its nearest remembered one."""
        if self.distance == 0 or len(self.past) == 0:
            return torch.zeros_like(x[:, 0])
        past = self.past.to(x)
        with torch.no_grad():
            blocks = row_blocks(len(x), len(past))
            nearest = torch.cat([torch.cdist(x[block], past).argmin(1) for block in blocks])
        return self._height((x - past[nearest]).square().sum(1))

    def to_one(self, x: Float[Tensor, "n d"], index: int) -> Float[Tensor, " n"]:
        """Returns the penalty of each pair with one of the points; 0 for that point itself."""
        heights = self._height((x - x[index]).square().sum(1))
        heights[index] = 0
        return heights

    def value_and_gradient(
        self, x: Float[Tensor, "n d"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, "n d"]]:
        """Returns the penalty of all points and pairs together, and its gradient."""
        if self.distance == 0:
            return x.new_zeros(()), torch.zeros_like(x)
        x = x.detach().clone().requires_grad_()
        with torch.enable_grad():
            first, second = torch.triu_indices(len(x), len(x), 1, device=x.device)
            pairs = self._height((x[first] - x[second]).square().sum(1))
            value = self.to_past(x).sum() + pairs.sum()
        (gradient,) = torch.autograd.grad(value, x)
        return value.detach(), gradient

    def _height(self, squared: Float[Tensor, " n"]) -> Float[Tensor, " n"]:
        if self.distance == 0:
            return 0 * squared
        near = squared.clamp(min=1e-12 * self.distance**2)  # the root of 0 has no derivative
        return _WEIGHT * (1 - near.sqrt() / self.distance).clamp(min=0).square()
