"""Classes of generated images by a classifier.

With n_c generated images of class c out of n, shares p_c = n_c / n, and shares r_c of the data:

    num_classes            number of c with n_c > 0
    class_entropy          - sum_c p_c log p_c, in nats; at most log(number of classes)
    class_total_variation  1/2 sum_c |p_c - r_c|, in [0, 1]
"""

from typing import Protocol, cast, final, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hawc.arguments import whole_number
from metrics.feature_metric import AbstractFeatureMetric

__all__ = ["ClassCoverage", "Classifier", "class_entropy", "total_variation"]


@runtime_checkable  # for the checks of annotations in tests; no isinstance
class Classifier(Protocol):
    """A network that classifies images."""

    def classify(self, images: Tensor) -> Tensor:
        """Returns logits (n, classes) of images (n, c, h, w) in [0, 1]."""
        ...


@final
class ClassCoverage(AbstractFeatureMetric):
    """Returns `num_classes`, `class_entropy` and `class_total_variation` by these names.

    An image belongs to the class of its largest logit.

    Args:
        num_classes: of the classifier, at least 1.
        classifier: None if `update` is given logits (n, num_classes).
        keep_real: whether `reset` keeps the histogram of the real images.

    Raises:
        TypeError: if `classifier` has no `classify`.
        ValueError: if `num_classes` is less than 1 or not that of the logits, or (by `compute`) if
            there are no real or no generated images.
    """

    real_counts: Tensor
    fake_counts: Tensor

    def __init__(
        self,
        num_classes: int,
        classifier: nn.Module | Classifier | None = None,
        *,
        keep_real: bool = False,
    ) -> None:
        super().__init__(None if classifier is None else _Logits(classifier), keep_real=keep_real)
        num_classes = whole_number("num_classes", num_classes, 1)
        zeros = torch.zeros(num_classes, dtype=torch.int64)
        self.add_state("real_counts", zeros, dist_reduce_fx="sum")
        self.add_state("fake_counts", zeros, dist_reduce_fx="sum")

    def add_features(self, features: Float[Tensor, "n f"], real: bool) -> None:
        num_classes = len(self.real_counts)
        if features.shape[1] != num_classes:
            raise ValueError(
                f"`num_classes` must be the number of logits, which is {features.shape[1]}, got "
                f"{num_classes}."
            )
        counts = features.argmax(1).bincount(minlength=num_classes)
        name = "real_counts" if real else "fake_counts"
        setattr(self, name, getattr(self, name) + counts)

    def compute(self) -> dict[str, Tensor]:
        real, fake = self.real_counts, self.fake_counts
        if min(int(real.sum()), int(fake.sum())) == 0:
            raise ValueError(
                "`update` must bring real and generated images before `compute`, got "
                f"{int(real.sum())} and {int(fake.sum())}."
            )
        return {
            "num_classes": (fake > 0).sum(),
            "class_entropy": class_entropy(fake),
            "class_total_variation": total_variation(fake, real),
        }


@final
class _Logits(nn.Module):
    def __init__(self, classifier: nn.Module | Classifier) -> None:
        super().__init__()
        if not hasattr(classifier, "classify"):
            raise TypeError(
                "`classifier` must have a method `classify`, images to logits, got "
                f"{type(classifier).__name__}; wrap the network, or give `update` logits."
            )
        self.classifier = cast(Classifier, classifier)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier.classify(images)


def class_entropy(counts: Int[Tensor, " c"]) -> Float[Tensor, ""]:
    """Returns the entropy of a histogram in nats, from 0 to log(c).

    Args:
        counts: at least one of them positive.
    """
    share = counts.double() / counts.sum()
    entropy: Tensor = torch.special.entr(share).sum()
    return entropy


def total_variation(counts: Int[Tensor, " c"], others: Int[Tensor, " c"]) -> Float[Tensor, ""]:
    """Returns the total variation distance of two histograms' shares, in [0, 1].

    Args:
        counts: at least one of them positive.
        others: at least one of them positive.
    """
    share, other = counts.double() / counts.sum(), others.double() / others.sum()
    return 0.5 * (share - other).abs().sum()
