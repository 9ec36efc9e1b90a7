"""What the images of a batch are compared with: a distribution and a distance."""

from typing import final

import torch
from jaxtyping import Float
from torch import Tensor

from hawc.arguments import real_number
from hawc.history import AbstractHistory, HistoryStoreError
from hawc.history.abstract import MAX_CANDIDATES
from hawc.samplers.distance_penalty import independent_distance
from hawc.samplers.feature_warnings import warn
from hawc.spacing import parse_spacing, spacing
from hawc.targets import AbstractTarget, Empirical

__all__ = ["MinDistance", "own_distribution", "remember_candidates"]

# A real distance is a quantile among real examples. Candidates are few at first: their quantile is
# that of this number of images.
_NUM_IMAGES = 200
_NUM_SAMPLES = 1000  # of a distribution that is no set of points


def own_distribution(history: AbstractHistory, features: Float[Tensor, "m f"]) -> Empirical:
    """Returns the generator's own distribution of features, estimated by candidates.

    These are the candidates that the history has seen, then those of this batch, up to 4,096. The
    mean squared distance between n of them and the distribution is its `self_energy` over n.

    Args:
        history: holds earlier candidates.
        features: of the candidates of this batch.
    """
    seen = history.candidates().to(features)
    return Empirical(torch.cat([seen, features])[:MAX_CANDIDATES] if len(seen) else features)


def remember_candidates(history: AbstractHistory, features: Float[Tensor, "m f"]) -> None:
    """Keep the candidates of a recorded batch, or warn if the store cannot be written.

    Args:
        history: holds the batch, which an error would lose for the caller.
        features: of the candidates of this batch.
    """
    try:
        history.add_candidates(features)
    except HistoryStoreError as error:
        warn(f"The candidates of this batch are not remembered: {error}")


@final
class MinDistance:
    """The distance that new images should keep from all others.

    Args:
        given: a number, a text such as "25%" or "25% of 500", or None; see
            `hawc.FeatureSampler`.

    Raises:
        ValueError: if it is none of these, or negative.
    """

    def __init__(self, given: float | str | None) -> None:
        self._text = parse_spacing(given) if isinstance(given, str) else None
        self._number = None if given is None or isinstance(given, str) else _checked(given)
        self.is_given = bool(self._text or self._number)
        self._known: tuple[AbstractTarget, float] | None = None

    def for_batch(
        self,
        size: int,
        candidates: Float[Tensor, "m f"],
        past: Float[Tensor, "kp f"],
        data: AbstractTarget,
        *,
        is_own: bool,
    ) -> float:
        """Returns the distance for a batch.

        Args:
            size: number of images in the batch.
            candidates: features of independent images.
            past: features of the images to keep away from.
            data: what the images should match.
            is_own: whether `data` is the generator's own distribution.
        """
        if self._text is not None:
            return self._from_examples(*self._text, data, is_own=is_own)
        if self._number is not None:
            return self._number
        return independent_distance(candidates, past, size)

    def _from_examples(
        self, share: float, num_images: int | None, data: AbstractTarget, *, is_own: bool
    ) -> float:
        if self._known is not None and self._known[0] is data:
            return self._known[1]
        if num_images is None and is_own:
            num_images = _NUM_IMAGES
        examples = _examples(data)
        distance = spacing(examples, share, num_images) if len(examples) > 1 else 0.0
        self._known = data, distance
        return distance


def _examples(data: AbstractTarget) -> Float[Tensor, "n f"]:
    if isinstance(data, Empirical):
        return data.points
    return data.sample(_NUM_SAMPLES, generator=torch.Generator(device="cpu").manual_seed(0))


def _checked(value: object) -> float:
    number = real_number("min_distance", value)
    if not 0 <= number < float("inf"):
        raise ValueError(f"`min_distance` must be finite and at least 0, got {value}.")
    return number
