"""Grey images for a network of colour images."""

from typing import final

from torch import Tensor, nn

from metrics.features import FeatureNetwork

__all__ = ["GrayToRGB"]


@final
class GrayToRGB(nn.Module):
    """Maps grey images (n, 1, h, w) to the features of a network for colour images.

    Metrics do not repeat channels automatically, since their result would not show that they did.

    Args:
        network: images (n, 3, h, w) to features (n, f).

    Raises:
        ValueError: (by `forward`) if images have not one channel.
    """

    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Returns the features of images whose channel is repeated three times."""
        if images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(
                f"`images` must be grey images (n, 1, h, w), got {tuple(images.shape)}; give "
                "colour images to the network itself."
            )
        # a copy rather than an expanded view: a network may work in place
        return self.network(images.repeat(1, 3, 1, 1))
