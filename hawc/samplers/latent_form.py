"""The form in which a decoder gets its latents: shape, precision and batch size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import whole_number

__all__ = ["LatentForm"]


@final
@dataclass(frozen=True)
class LatentForm:
    """Shape, dtype and batch size of the latents that a decoder gets.

    Args:
        shape: of one latent, such as (4, 64, 64); (d,) if None.
        dtype: of the latents; torch's default dtype if None.
        batch_size: the most latents in one call, at least 1.
    """

    shape: tuple[int, ...] | None = None
    dtype: torch.dtype | None = None
    batch_size: int = 32

    @staticmethod
    def checked(
        dim: int, shape: Sequence[int] | None, dtype: torch.dtype | None, batch_size: int
    ) -> "LatentForm":
        """Returns the form for latents of `dim` coordinates.

        Raises:
            ValueError: if a value is out of range, or the shape has another number of coordinates.
        """
        if shape is not None:
            if not isinstance(shape, Sequence):
                raise ValueError(f"`latent_shape` must be like (4, 64, 64), got {shape!r}.")
            shape = tuple(whole_number("latent_shape", side, 1) for side in shape)
            if math.prod(shape) != dim:
                raise ValueError(
                    f"`latent_shape` must have {dim} numbers, as the prior, got {shape} with "
                    f"{math.prod(shape)}; correct the shape or the dimension of the prior."
                )
        if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise ValueError(
                f"`dtype` must be a floating-point type of torch or None, got {dtype!r}; use "
                "torch.float16, for example."
            )
        return LatentForm(shape, dtype, whole_number("batch_size", batch_size, 1))

    def given(self, z: Float[Tensor, "n d"]) -> Float[Tensor, "n ..."]:
        """Returns a copy of latents in this form.

        They are rounded to torch's default dtype first, the precision in which they are recorded.
        """
        z = z.to(torch.get_default_dtype(), copy=True).to(self.dtype)
        return z if self.shape is None else z.reshape(-1, *self.shape)

    def batches(self, z: Float[Tensor, "n d"]) -> tuple[Float[Tensor, "b d"], ...]:
        """Returns latents in batches of at most `batch_size`."""
        return torch.split(z, self.batch_size)
