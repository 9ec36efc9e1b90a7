"""Grey images for a network of colour ones."""

from typing import final

from torch import Tensor, nn

from metrics.features import FeatureNetwork

__all__ = ["GrayToRGB"]


@final
class GrayToRGB(nn.Module):
    """A feature network of grey images (n, 1, h, w): shows them to a network of colour ones as
    such.

    A network never says that it saw three times the same channel, so this is asked for, not
    guessed.

    Args:
        network: images (n, 3, h, w) to features (n, f).

    Raises:
        ValueError: (by `forward`) if images have not one channel.
    """

    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Returns the network's features of images whose one channel is shown thrice."""
        if images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(
                f"`images` must be grey images (n, 1, h, w), got {tuple(images.shape)}; give "
                "colour images to the network itself."
            )
        # not an expanded view, which no network could work on in place
        return self.network(images.repeat(1, 3, 1, 1))
