"""Spectrally normalised GAN with the hinge loss.

Every weight matrix W of the critic f is replaced by W / sigma(W), sigma the largest singular value,
and f and the generator g minimise in turn, over batches of size m and M,

    critic:     mean_i max(0, 1 - f(x_i)) + mean_j max(0, 1 + f(g(z_j))),   n_critic steps,
    generator:  -mean_j f(g(z_j)),                                          one step.

One power iteration a critic step finds sigma, or several, none is made in a generator step. Unlike
in the WGANs the loss itself stops rewarding large scores, and nothing bounds or penalises gradients
otherwise.

Source: Miyato, Kataoka, Koyama and Yoshida 2018, "Spectral Normalization for Generative Adversarial
Networks", ICLR, arXiv 1802.05957, and the settings of the authors' code for CIFAR-10 with residual
networks: Adam 2e-4, betas (0, 0.9), both rates linear to 0, n_critic = 5, m = 64, M = 128, latent
128, 50,000 generator steps. That code makes the generator step before the critic's, here it is
after them.
"""

from typing import final

from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from hawc.precision import full_precision
from lightning_modules.base.adversarial import AbstractAdversarial
from lightning_modules.base.alternating import Losses
from lightning_modules.base.checks import check_at_least_one
from lightning_modules.base.critic_scores import mixes_examples
from lightning_modules.base.optimizers import AdamWithBetas
from lightning_modules.interface import ImageShape, NetworkFactory

__all__ = ["SNGAN", "normalize_spectrally"]


@final
class SNGAN(AbstractAdversarial):
    """Hinge-loss GAN whose critic is spectrally normalised, whichever network is configured.

    Args:
        image_shape: of one image, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to images, unbounded output.
        critic: builds the network from images to one score, without batch norms.
        generator_optimizer: default Adam with learning rate 2e-4 and betas (0, 0.9).
        critic_optimizer: default Adam with learning rate 2e-4 and betas (0, 0.9).
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        n_critic: critic steps before each generator step, at least 1.
        generator_batch_size: latents of a generator step in each process; as many as images in a
            batch if None.
        max_gradient_norm: bound of each network's gradient before its step, > 0; None: no bound.
        num_power_iterations: in a critic step, at least 1. One, the paper's, found sigma within 1 %
            where the rate decays to 0, but was up to 18 % off at a constant one. Several follow it
            more closely in training; in evaluation all precede the last step.

    Raises:
        ValueError: if a size, `n_critic` or `num_power_iterations` is not positive, or the critic
            has a batch norm.
    """

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.0, beta2=0.9
        ),
        critic_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.0, beta2=0.9
        ),
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        n_critic: int = 5,
        generator_batch_size: int | None = None,
        max_gradient_norm: float | None = None,
        num_power_iterations: int = 1,
    ) -> None:
        super().__init__(
            image_shape,
            latent_dim,
            generator,
            critic,
            generator_optimizer,
            critic_optimizer,
            generator_scheduler,
            critic_scheduler,
            n_critic,
            generator_batch_size,
            max_gradient_norm,
        )
        if mixes_examples(self.critic):
            raise ValueError(
                "`critic` must have no batch norm in SNGAN, because its scales would undo the "
                f"spectral norms, got {type(self.critic).__name__} with one; set "
                "`batch_norm: false` or take another network."
            )
        check_at_least_one("num_power_iterations", num_power_iterations)
        normalize_spectrally(self.critic, num_power_iterations)

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        on_real, on_fake = self.scores(real, fake)
        return {
            "loss": (1 - on_real).relu().mean() + (1 + on_fake).relu().mean(),
            "score_real": on_real,
            "score_fake": on_fake,
        }

    def generator_losses(self, fake: Tensor) -> Losses:
        return {"loss": -full_precision(self.critic(fake)).mean()}


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
