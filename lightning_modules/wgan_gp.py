"""Wasserstein GAN with gradient penalty.

The critic f and the generator g minimise in turn, over batches of size m,

    critic:     mean_j f(g(z_j)) - mean_i f(x_i) + lambda mean_i (|grad f(y_i)| - 1)^2,
    generator:  -mean_j f(g(z_j)),

with y_i = (1 - u_i) x_i + u_i g(z_i), one u_i ~ U[0, 1] a image. Where `wgan.py` clips weights,
the penalty holds the slope of f near 1 between real and generated images; minus the critic loss
without the penalty then estimates the Wasserstein-1 distance itself, a lower bound of it where no
slope exceeds 1, which a small lambda does not see to. The slope is one image's own: a batch norm,
which mixes images, is refused in the critic.

Source: Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville 2017, "Improved training of Wasserstein
GANs", arXiv 1704.00028, Algorithm 1: lambda = 10, n_critic = 5, Adam with learning rate 1e-4,
beta_1 = 0, beta_2 = 0.9.
"""

from collections.abc import Callable
from typing import ClassVar, final

import torch
from jaxtyping import Float
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor

from hawc.kernels import full_precision
from lightning_modules.base.adversarial import AbstractAdversarial
from lightning_modules.base.alternating import Losses
from lightning_modules.base.critic_scores import mixes_examples
from lightning_modules.base.optimizers import AdamWithBetas
from lightning_modules.interface import ImageShape, NetworkFactory

__all__ = ["WGANGP", "gradient_penalty"]


@final
class WGANGP(AbstractAdversarial):
    """Wasserstein GAN with gradient penalty; logs the penalty, scores and Wasserstein estimate.

    Args:
        image_shape: of one image, without the batch.
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to images, unbounded output.
        critic: builds the network from images to one score, without batch norm.
        generator_optimizer: default Adam with learning rate 1e-4, betas 0 and 0.9.
        critic_optimizer: default Adam with learning rate 1e-4, betas 0 and 0.9.
        generator_scheduler: of the generator's learning rate, stepped after each generator step.
        critic_scheduler: of the critic's learning rate, stepped after each critic step.
        n_critic: critic steps before each generator step, at least 1.
        generator_batch_size: latents of a generator step in each process; as many as images in a
            batch if None.
        max_gradient_norm: bound of each network's gradient before its step, > 0; None: no bound.
        penalty_weight: lambda, > 0. The paper's 10 suits images; toy distributions learn faster
            with 0.1.

    Raises:
        ValueError: if a size, `n_critic` or `penalty_weight` is not positive, or the critic has a
            batch norm.
    """

    double_backward_networks: ClassVar[tuple[str, ...]] = ("critic",)
    """The gradient penalty differentiates the gradient of the critic."""

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=1e-4, beta1=0.0, beta2=0.9
        ),
        critic_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=1e-4, beta1=0.0, beta2=0.9
        ),
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        n_critic: int = 5,
        generator_batch_size: int | None = None,
        max_gradient_norm: float | None = None,
        penalty_weight: float = 10.0,
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
        if not penalty_weight > 0:
            raise ValueError(
                f"`penalty_weight` must be > 0, got {penalty_weight}; the paper's is 10."
            )
        if mixes_examples(self.critic):
            raise ValueError(
                "`critic` must have no batch norm, for the penalty is on the slope at one image "
                "alone, got one; set batch_norm to false or use a layer norm."
            )
        self._penalty_weight = penalty_weight

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        score_real, score_fake = (scores.mean() for scores in self.scores(real, fake))
        penalty = gradient_penalty(self.critic, _between(real, fake))
        estimate = score_real - score_fake
        return {
            "loss": self._penalty_weight * penalty - estimate,
            "wasserstein_estimate": estimate,
            "gradient_penalty": penalty,
            "score_real": score_real,
            "score_fake": score_fake,
        }

    def generator_losses(self, fake: Tensor) -> Losses:
        return {"loss": -full_precision(self.critic(fake)).mean()}


def _between(real: Tensor, fake: Tensor) -> Tensor:
    """Returns one point a pair, uniform on the segment between both.

    Of the two dtypes it has the wider, which is the weights': under autocast only the generated
    images are of half precision.
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), dtype=real.dtype, device=real.device)
    return real + share * (fake - real)


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], points: Float[Tensor, "n ..."]
) -> Float[Tensor, ""]:
    """Returns the mean over i of (|grad f(x_i)| - 1)^2 with a graph to the critic's weights.

    The norm is the Euclidean one over all coordinates of a point together: channels, rows and
    columns of a image. Norms above and below 1 are punished alike. Autocast is left: second
    derivatives of half precision are too coarse.

    Args:
        critic: f; its output on a point must not depend on the other points, as a batch norm's.
        points: x_i, in the dtype of the critic's weights; the graph behind them is left out.

    Returns:
        Scalar >= 0, in the dtype of `points`.

    Source: Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville 2017, arXiv 1704.00028, eq. 3.
    """
    points = points.detach().requires_grad_()
    with torch.autocast(points.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return (torch.linalg.vector_norm(gradient.flatten(1), dim=1) - 1).square().mean()
