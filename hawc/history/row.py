"""A row of a history: an image that can be made again, and what is known of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, final

from jaxtyping import Float
from torch import Tensor

__all__ = ["Row"]


@final
@dataclass(frozen=True, eq=False)  # tensors have no single truth value
class Row:
    """A row of a history.

    Args:
        id: its position in the history; it never changes.
        gallery: name of the gallery; "" in memory.
        condition: of the image, such as its prompt.
        latent: (d,) of the image; None if only its features were added.
        features: (f,) of the image; None in a history of points.
        seed: from which a generator that takes seeds made the image.
        generator_name: the user's name of the generator.
        metadata: JSON object of the user.
        tags: in the order in which they were given.
        created: time of recording, in UTC.
    """

    id: int
    gallery: str
    condition: str
    latent: Float[Tensor, " d"] | None
    features: Float[Tensor, " f"] | None
    seed: int | None
    generator_name: str | None
    metadata: dict[str, Any]
    tags: tuple[str, ...]
    created: datetime

    def __repr__(self) -> str:
        """Returns one line, with the sizes of latent and features."""
        shown = {field.name: getattr(self, field.name) for field in fields(self)}
        parts = [
            f"{name}=<{len(value)} numbers>" if isinstance(value, Tensor) else f"{name}={value!r}"
            for name, value in shown.items()
        ]
        return f"Row({', '.join(parts)})"

    def decoded(
        self,
        decode: Callable[[Any], Any],
        latent_shape: Sequence[int] | None = None,
    ) -> Any:
        """Returns the image of this row, made again.

        Args:
            decode: latents (1, d) to a sequence of one image; or, for a row with a seed and no
                latent, the seed to the image.
            latent_shape: shape of a latent for `decode`, as (4, 64, 64); (d,) if None.

        Raises:
            ValueError: if the row has neither a latent nor a seed.
        """
        if self.latent is not None:
            shape = self.latent.shape if latent_shape is None else latent_shape
            return decode(self.latent.reshape(1, *shape).clone())[0]
        if self.seed is not None:
            return decode(self.seed)
        raise ValueError(
            f"row {self.id} has neither a latent nor a seed, so its image cannot be made again; "
            "its features alone were added."
        )
