"""Spectral normalisation of whole networks."""

from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

__all__ = ["normalize_spectrally"]

_LAYERS = (
    *(nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d),
    *(nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d),
)


def normalize_spectrally(network: nn.Module, num_power_iterations: int = 1) -> None:
    """Divides the weight of every linear and convolutional layer by its spectral norm, in place.

    A convolution's weight counts as a matrix with a row for each output channel: its norm is not
    the Lipschitz constant of the convolution, though it bounds it up to a factor. The norm follows
    from power iterations in each forward pass in training and none in evaluation; the vectors that
    they go on from are buffers, hence part of a checkpoint. Biases are left alone.

    Args:
        network: with weights that are shared by no two layers.
        num_power_iterations: in a forward pass, at least 1.

    Source: Miyato, Kataoka, Koyama and Yoshida 2018, "Spectral Normalization for Generative
    Adversarial Networks", ICLR, arXiv 1802.05957, Algorithm 1.
    """
    for layer in list(network.modules()):
        if isinstance(layer, _LAYERS):
            spectral_norm(layer, n_power_iterations=num_power_iterations)
