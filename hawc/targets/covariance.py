"""Covariance matrices, decomposed into variances along orthogonal axes."""

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.points import ArrayLike, as_real

__all__ = ["as_covariances", "spectrum"]


def as_covariances(name: str, value: float | Float[Tensor, "..."] | ArrayLike) -> Tensor:
    """Returns numbers or matrices as a CPU tensor without an autograd graph.

    Floating-point tensors keep their dtype, since `spectrum` tolerates its rounding errors.
    """
    if isinstance(value, Tensor) and value.is_floating_point():
        return value.detach().to("cpu", copy=True)
    return as_real(name, value).detach().to("cpu", copy=True)


def spectrum(
    covariances: Float[Tensor, " c"] | Float[Tensor, "c d d"], name: str
) -> tuple[Float[Tensor, "c k"], Float[Tensor, "c d d"] | None]:
    """Returns the variances along principal axes, and the axes as columns of matrices.

    Args:
        covariances: one variance each (c,), then k = 1; or matrices (c, d, d), then k = d.
            Zero variances are allowed: the distribution is then a point or lies in a plane.
        name: of the argument, for messages.

    Returns:
        Variances >= 0, and the axes, None for variances.

    Raises:
        ValueError: if a value is not finite, a matrix not symmetric or a variance negative.
    """
    if not covariances.isfinite().all():
        raise ValueError(f"`{name}` must be finite, got NaN or infinity.")
    if covariances.ndim == 1:
        variances, axes = covariances[:, None], None
        rounding = covariances.new_zeros(1)
    else:
        largest = covariances.abs().amax((1, 2))
        # of the products that the covariance was computed from, in its own precision
        rounding = 10 * covariances.shape[1] * torch.finfo(covariances.dtype).eps * largest
        asymmetry = (covariances - covariances.mT).abs().amax((1, 2))
        if bool((asymmetry > rounding).any()):
            raise ValueError(
                f"`{name}` must be symmetric, got entries that differ by up to "
                f"{float(asymmetry.max()):.3g} from their mirror images; (S + S.T) / 2 has none."
            )
        variances, axes = torch.linalg.eigh((0.5 * (covariances + covariances.mT)).double())
    if bool((variances < -rounding[:, None]).any()):
        raise ValueError(
            f"`{name}` must have no negative variance in any direction, got "
            f"{float(variances.min()):.6g}; is it a standard deviation or a precision?"
        )
    return variances.clamp(min=0).double(), axes
