"""The bases of all metrics of images: subclass one to add a metric.
A metric that sums over images inherits `AbstractFeatureMetric`, registers its sums by `add_state`
and writes `add_features` and `compute`. One that needs the features of all images at once inherits
`AbstractStoredFeatures` and writes `compute`, as `VendiScore` does. Export the class in
metrics/__init__.py, add it to `every_metric` in tests/metrics/sets.py, whose tests run on each
metric, and name it under `metrics` of the callback GenerationQuality.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities import dim_zero_cat

from metrics.features import FeatureNetwork, extract_features

__all__ = ["AbstractFeatureMetric", "AbstractStoredFeatures"]


class AbstractFeatureMetric(Metric, ABC):
    """Base of metrics in the features of a network, with `update` and `compute`.

    The network is not part of a checkpoint or of a module that holds the metric. It runs in eval
    mode without gradients. An `nn.Module` follows the metric from device to device. Do not use
    `forward`: it computes the metric of one batch, which is either real or generated.

    A MetricCollection merges metrics whose states are equal after the first batch. Give it
    compute_groups=False if its metrics differ in `feature_network` or `keep_real`.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        keep_real: whether `reset` keeps the states of the real images, which are then given once.
        reads_real: whether the metric needs real images; if not, `update` ignores them.
    """

    is_differentiable = False
    full_state_update = False

    def __init__(
        self,
        feature_network: FeatureNetwork | None = None,
        *,
        keep_real: bool = False,
        reads_real: bool = True,
    ) -> None:
        super().__init__()
        # not `self.feature_network = ...`, by which nn.Module would add it to the state_dict
        object.__setattr__(self, "feature_network", feature_network)
        self._keep_real = keep_real
        self._reads_real = reads_real

    @property
    def keeps_real(self) -> bool:
        """Whether `reset` keeps the states of the real images."""
        return self._keep_real

    @abstractmethod
    def add_features(self, features: Float[Tensor, "n f"], real: bool) -> None:
        """Adds the features of at least one image to the states.

        With `keep_real`, `reset` keeps the states whose names begin with "real".
        """

    def update(self, images: Tensor, real: bool) -> None:
        """Adds images.

        Args:
            images: (n, c, h, w) in [0, 1], or features (n, f) without a `feature_network`; n may
                be 0.
            real: whether they are data rather than generated images.

        Raises:
            TypeError: if they are not floating point numbers.
            ValueError: if `extract_features` refuses the images or features.
        """
        if len(images) and (self._reads_real or not real):
            network: FeatureNetwork | None = self.__dict__["feature_network"]
            self.add_features(extract_features(network, images), real)

    def reset(self) -> None:
        kept = self._real_states() if self._keep_real else {}
        super().reset()
        for name, value in kept.items():
            setattr(self, name, value)

    def _real_states(self) -> dict[str, Any]:
        states = {name: getattr(self, name) for name in self._defaults if name.startswith("real")}
        return {k: list(v) if isinstance(v, list) else v for k, v in states.items()}

    def _apply(self, fn: Callable[..., Any], exclude_state: Sequence[str] = "") -> nn.Module:
        applied = super()._apply(fn, exclude_state)
        network = self.__dict__["feature_network"]
        if isinstance(network, nn.Module):
            network.to(self.device)
        return applied


class AbstractStoredFeatures(AbstractFeatureMetric):
    """A metric that needs the features of all images at once; keeps them in float32.

    Features have the order of the updates; those of several processes are sorted by rank.

    Args:
        feature_network: images to features (n, f); None if `update` is given features.
        keep_real: whether `reset` keeps the features of the real images.
        reads_real: whether the metric needs real images; if not, `update` ignores them.
    """

    real_features: list[Tensor] | Tensor
    fake_features: list[Tensor] | Tensor
    real_num_features: Tensor
    fake_num_features: Tensor

    def __init__(
        self,
        feature_network: FeatureNetwork | None = None,
        *,
        keep_real: bool = False,
        reads_real: bool = True,
    ) -> None:
        super().__init__(feature_network, keep_real=keep_real, reads_real=reads_real)
        # Features are stored flat: a process without images sends a tensor of one dimension, and
        # torchmetrics 1.9 hangs when it gathers tensors of different numbers of dimensions.
        for kind in ("real", "fake"):
            self.add_state(f"{kind}_features", [], dist_reduce_fx="cat")
            self.add_state(f"{kind}_num_features", torch.tensor(0), dist_reduce_fx="max")

    def add_features(self, features: Float[Tensor, "n f"], real: bool) -> None:
        before, now = self._num_features(), torch.tensor(features.shape[1], device=self.device)
        if before not in (0, int(now)):
            raise ValueError(
                f"images must have {before} features, as in earlier updates, got {now}; call "
                "`reset` before a change of network."
            )
        kind = "real" if real else "fake"
        setattr(self, f"{kind}_num_features", now)
        getattr(self, f"{kind}_features").append(features.float().ravel())

    def features(self, real: bool, at_least: int = 1) -> Float[Tensor, "n f"]:
        """Returns the features of all real or all generated images so far.

        Raises:
            ValueError: if they are fewer than `at_least`.
        """
        stored = self.real_features if real else self.fake_features
        flat = dim_zero_cat(stored) if len(stored) else self._nothing()
        features = flat.view(-1, max(1, self._num_features()))
        if len(features) < at_least:
            raise ValueError(
                f"`update(..., real={real})` must bring at least {at_least} images before "
                f"`compute`, got {len(features)}."
            )
        return features

    def _nothing(self) -> Float[Tensor, " 0"]:
        return torch.empty(0, dtype=torch.float32, device=self.device)

    def _num_features(self) -> int:
        return max(int(self.real_num_features), int(self.fake_num_features))
