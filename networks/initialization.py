"""Initial weights of networks."""

from torch import nn

__all__ = ["initialize_like_keras"]


def initialize_like_keras(layer: nn.Module) -> None:
    """Initializes as Keras does: weights uniform after Glorot and Bengio 2010, biases 0.

    For `nn.Module.apply`. Layers other than linear and convolutional ones keep their weights.
    """
    if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
