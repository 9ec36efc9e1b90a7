"""Ways to bound a critic, as functions."""

from collections.abc import Callable, Iterable

import torch
from jaxtyping import Float
from torch import Tensor, nn

__all__ = ["clip_weights", "gradient_penalty"]


@torch.no_grad()
def clip_weights(parameters: Iterable[nn.Parameter], bound: float) -> None:
    """Moves every weight into [-bound, bound], in place.

    Source: Arjovsky, Chintala and Bottou 2017, arXiv 1701.07875, Algorithm 1, line 7.
    """
    for parameter in parameters:
        parameter.clamp_(-bound, bound)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], points: Float[Tensor, "n ..."]
) -> Float[Tensor, ""]:
    """Returns the mean over i of (|grad f(x_i)| - 1)^2 with a graph to the critic's weights.

    The norm is the Euclidean one over all coordinates of a point together: channels, rows and
    columns of a picture. Norms above and below 1 are punished alike. Autocast is left: second
    derivatives of half precision are too coarse.

    Args:
        critic: f; its output on a point must not depend on the other points, as a batch norm's.
        points: x_i, in the dtype of the critic's weights; the graph behind them is left out.

    Returns:
        Scalar >= 0, in the dtype of `points`.

    Source: Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville 2017, arXiv 1704.00028, eq. 3.
    """
    points = points.detach().requires_grad_()
    with torch.autocast(points.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return (torch.linalg.vector_norm(gradient.flatten(1), dim=1) - 1).square().mean()
