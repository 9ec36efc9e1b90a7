"""Grey pictures for a net of colour ones."""

from typing import final

from torch import Tensor, nn

from metrics.features import FeatureNet

__all__ = ["GreyToRGB"]


@final
class GreyToRGB(nn.Module):
    """A feature net of grey pictures (n, 1, h, w): shows them to a net of colour ones as such.

    A net never says that it saw three times the same channel, so this is asked for, not guessed.

    Args:
        net: pictures (n, 3, h, w) to features (n, f).

    Raises:
        ValueError: (by `forward`) if pictures have not one channel.
    """

    def __init__(self, net: FeatureNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """Returns the net's features of pictures whose one channel is shown thrice."""
        if images.ndim != 4 or images.shape[1] != 1:
            raise ValueError(
                f"`images` must be grey pictures (n, 1, h, w), got {tuple(images.shape)}; give "
                "colour pictures to the net itself."
            )
        # not an expanded view, which no network could work on in place
        return self.net(images.repeat(1, 3, 1, 1))
