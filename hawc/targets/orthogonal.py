"""Orthogonal samples of N(0, I), which repel each other."""

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.targets.sampling import check_sample_arguments, random_and_result_dtypes

__all__ = ["orthogonal_normal"]


def orthogonal_normal(n: int, dim: int, *, generator: torch.Generator) -> Float[Tensor, "n dim"]:
    """Returns samples of N(0, I) in groups: an orthogonal frame and its opposite.

    A group has 2 dim samples. They have torch's default dtype and are on the generator's device.
    All lengths are independent, since exact symmetry would last: a search that starts from points x
    and -x would keep them opposite.

    Source: F. X. Yu et al. 2016, "Orthogonal random features", NeurIPS 2016, for frames of
    independent lengths.
    """
    check_sample_arguments(n, generator)
    device, (default, returned) = generator.device, random_and_result_dtypes()
    dtype = torch.promote_types(default, torch.float32)  # torch has no QR in half precision
    normal = torch.randn(n, dim, generator=generator, device=device, dtype=dtype)
    runs, columns = -(-n // (2 * dim)), min(n, dim)
    square = torch.randn(runs, dim, columns, generator=generator, device=device, dtype=dtype)
    frames, upper = torch.linalg.qr(square)
    # without the signs of R the frame would depend on the QR algorithm and not be uniform
    frames = (frames * upper.diagonal(dim1=1, dim2=2).sign()[:, None]).mT
    directions = torch.cat([frames, -frames], dim=1).flatten(0, 1)
    lengths: Tensor = torch.linalg.vector_norm(normal, dim=1, keepdim=True)
    return (directions[:n] * lengths).to(default).to(returned)
