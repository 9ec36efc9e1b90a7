"""Features of pictures by a frozen net, checked: what every measure here starts from."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hawc.blocks import ITEMS_AT_ONCE
from hawc.kernels import full_precision, without_autocast
from hawc.module_state import in_eval_mode

__all__ = ["FeatureNet", "extract_features"]

FeatureNet = nn.Module | Callable[[Tensor], Tensor]
"""Pictures float32 (n, c, h, w) in [0, 1], or rows of a table, to features (n, f)."""

_OUT_OF_RANGE = 1e-3  # what rounding and resizing may add to [0, 1]


def extract_features(net: FeatureNet | None, images: Tensor) -> Float[Tensor, "n f"]:
    """Returns what a net makes of pictures, in eval mode, without gradients and without autocast.

    A bounded number of images goes through the network at once, as a copy: a network that works in
    place alters no image of the caller. Each part of the network is restored to the mode it was in.

    Args:
        net: None if `images` are features already.
        images: pictures (n, c, h, w) in [0, 1], or whatever else the net takes.

    Returns:
        Finite features, one row a picture, in float32 or better.

    Raises:
        TypeError: if `images` are not floating point numbers.
        ValueError: if pictures leave [0, 1], the net is made for another number of channels, or the
            features are not finite or not a matrix with one row a picture.
    """
    _check_images(images)
    if net is None:
        # a copy, as of a network's: the caller may go on to use the tensor, or its graph
        own = images.detach().clone()
        features = _checked(own, images, "`images`, as no `feature_net` was given,")
    else:
        parts = (full_precision(part) for part in torch.split(images, ITEMS_AT_ONCE))
        features = torch.cat(
            [_checked(_run(net, part.clone()), part, "`feature_net`") for part in parts]
        )
    _check_finite(features)
    return full_precision(features)


def _checked(features: Tensor, images: Tensor, source: str) -> Float[Tensor, "n f"]:
    if features.ndim != 2 or len(features) != len(images) or features.shape[1] == 0:
        raise ValueError(
            f"{source} must give features (n, f), one row a picture, got shape "
            f"{tuple(features.shape)} from {tuple(images.shape)}; flatten or pool them."
        )
    return features


def _check_images(images: Tensor) -> None:
    if not images.is_floating_point():
        raise TypeError(
            f"`images` must be floating point numbers, got {images.dtype}; divide pictures of "
            "bytes by 255."
        )
    if images.ndim != 4 or images.numel() == 0:
        return
    low, high = (float(end) for end in images.aminmax())
    if low < -_OUT_OF_RANGE or high > 1 + _OUT_OF_RANGE:
        raise ValueError(
            f"`images` must be pictures in [0, 1], got {low:.4g} to {high:.4g}; rescale what is "
            "in [-1, 1] or [0, 255]."
        )


def _run(net: FeatureNet, images: Tensor) -> Tensor:
    modules = (net,) if isinstance(net, nn.Module) else ()
    with in_eval_mode(*modules), torch.no_grad(), without_autocast(images):
        try:
            return net(images)
        except RuntimeError as error:
            if "channels" not in str(error):
                raise
            raise ValueError(
                f"`feature_net` must take pictures of {images.shape[1]} channels, as they came, "
                f"but refused: {error}. For grey pictures and a net of colour ones: "
                "`metrics.GreyToRGB(feature_net)`."
            ) from error


def _check_finite(features: Float[Tensor, "n f"]) -> None:
    bad = int((~features.isfinite()).any(1).sum())
    if bad:
        raise ValueError(
            f"features must be finite, got NaN or infinity for {bad} of {len(features)} pictures; "
            "look at the pictures, then at the net's weights."
        )
