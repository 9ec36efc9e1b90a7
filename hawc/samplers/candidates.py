"""Decoded candidates of a choice, and those of them that were chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.history import AbstractHistory
from hawc.history.positions import Ids, checked_ids

__all__ = ["Candidates", "remembered_latents", "with_latents"]


@final
@dataclass(frozen=True, eq=False)
class Candidates:
    """Latents with what was computed of their images.

    Args:
        latents: samples of the prior.
        features: of their images.
        quality: scores of their images; None without such a function.
        images: one by one; empty unless they are kept.
    """

    latents: Float[Tensor, "m d"]
    features: Float[Tensor, "m f"]
    quality: Float[Tensor, " m"] | None
    images: list[Any]

    @property
    def rows(self) -> Float[Tensor, "m r"]:
        """The rows of the history, in torch's default dtype."""
        latents = self.latents.to(torch.get_default_dtype())
        return torch.cat([latents, self.features.to(latents)], dim=1)

    def at(self, index: Sequence[int]) -> "Candidates":
        """Returns the candidates with these indices."""
        places = list(index)
        return Candidates(
            self.latents[places],
            self.features[places],
            None if self.quality is None else self.quality[places],
            [self.images[place] for place in places] if self.images else [],
        )

    def after(self, first: "Candidates") -> "Candidates":
        """Returns other candidates followed by these."""
        return Candidates(
            torch.cat([first.latents.to(self.latents), self.latents]),
            torch.cat([first.features.to(self.features), self.features]),
            None if self.quality is None else _joined(first.quality, self.quality),
            first.images + self.images,
        )


def with_latents(rows: Float[Tensor, "n r"], dim: int, num_features: int) -> Float[Tensor, "n p"]:
    """Returns rows with NaN for the latents that a history of features alone lacks.

    Such a history learns of latents with the first batch of a sampler.

    Args:
        rows: of a history.
        dim: number of coordinates of a latent.
        num_features: of a row.
    """
    if rows.shape[1] != num_features:
        return rows
    return torch.nn.functional.pad(rows, (dim, 0), value=torch.nan)


def remembered_latents(history: AbstractHistory, ids: Ids, dim: int) -> Float[Tensor, "n d"]:
    """Returns the latents of rows of a history.

    Args:
        history: its rows start with a latent.
        ids: of one row, or of several.
        dim: number of coordinates of a latent.

    Raises:
        ValueError: if there is none, or one does not exist, was forgotten or has no latent.
    """
    rows = with_latents(history.view(), dim, history.num_features)
    positions = checked_ids(ids, rows, forgotten=True)
    if not positions:
        raise ValueError("`ids` must name at least one row, got none.")
    for position in positions:
        if rows[position, 0].isnan():
            forgotten = bool(rows[position, -1].isnan())
            reason = "was forgotten" if forgotten else "was added without a latent"
            raise ValueError(
                f"`ids` must be rows that can be made again, got {position}, which {reason}."
            )
    return rows[positions, :dim]


def _joined(first: Tensor | None, second: Tensor) -> Tensor:
    assert first is not None  # both or none have scores
    return torch.cat([first, second])
