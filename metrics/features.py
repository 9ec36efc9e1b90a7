"""Features of images by a network, checked; the input of all metrics."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hawc.blocks import ROWS_AT_ONCE
from hawc.module_state import in_eval_mode
from hawc.precision import full_precision, without_autocast

__all__ = ["FeatureNetwork", "extract_features"]

FeatureNetwork = nn.Module | Callable[[Tensor], Tensor]
"""Images float32 (n, c, h, w) in [0, 1], or rows of a table, to features (n, f)."""

_OUT_OF_RANGE = 1e-3  # rounding and resizing may leave [0, 1] by this much


def extract_features(network: FeatureNetwork | None, images: Tensor) -> Float[Tensor, "n f"]:
    """Returns features of images, in eval mode, without gradients or autocast.

    The network gets copies of a bounded number of images at once, which it may overwrite. Each of
    its modules is restored to its mode afterwards.

    Args:
        network: None if `images` are features already.
        images: (n, c, h, w) in [0, 1], or other inputs of the network, such as rows.

    Returns:
        Finite features, one row per image, in float32 or better.

    Raises:
        TypeError: if `images` are not floating point numbers.
        ValueError: if images leave [0, 1], the network takes another number of channels, or the
            features are not finite or not a matrix with one row per image.
    """
    _check_images(images)
    if network is None:
        # a copy: the caller may change the tensor later
        copied = images.detach().clone()
        features = _checked(copied, images, "`images`, as no `feature_network` was given,")
    else:
        parts = (full_precision(part) for part in torch.split(images, ROWS_AT_ONCE))
        features = torch.cat(
            [_checked(_run(network, part.clone()), part, "`feature_network`") for part in parts]
        )
    _check_finite(features)
    return full_precision(features).detach()


def _checked(features: Tensor, images: Tensor, source: str) -> Float[Tensor, "n f"]:
    if features.ndim != 2 or len(features) != len(images) or features.shape[1] == 0:
        raise ValueError(
            f"{source} must give features (n, f), one row per image, got shape "
            f"{tuple(features.shape)} from {tuple(images.shape)}; flatten or pool them."
        )
    return features


def _check_images(images: Tensor) -> None:
    if not images.is_floating_point():
        raise TypeError(
            f"`images` must be floating point numbers, got {images.dtype}; divide bytes by 255."
        )
    if images.ndim != 4 or images.numel() == 0:
        return
    low, high = (float(end) for end in images.aminmax())
    if low < -_OUT_OF_RANGE or high > 1 + _OUT_OF_RANGE:
        raise ValueError(
            f"`images` must be in [0, 1], got {low:.4g} to {high:.4g}; rescale images in [-1, 1] "
            "or [0, 255]."
        )


def _run(network: FeatureNetwork, images: Tensor) -> Tensor:
    modules = (network,) if isinstance(network, nn.Module) else ()
    with in_eval_mode(*modules), torch.no_grad(), without_autocast(images):
        try:
            return network(images)
        except RuntimeError as error:
            if "channels" not in str(error):
                raise
            raise ValueError(
                f"`feature_network` must take images of {images.shape[1]} channels, but raised: "
                f"{error}. For grey images and a network for colour images take "
                "`metrics.GrayToRGB(feature_network)`."
            ) from error


def _check_finite(features: Float[Tensor, "n f"]) -> None:
    bad = int((~features.isfinite()).any(1).sum())
    if bad:
        raise ValueError(
            f"features must be finite, got NaN or infinity for {bad} of {len(features)} images; "
            "look at the images, then at the network's weights."
        )
