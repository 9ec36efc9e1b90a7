"""Wasserstein GAN with gradient penalty.

The critic f and the generator g minimise alternately, over batches of m,

    critic:     mean_j f(g(z_j)) - mean_i f(x_i) + lambda mean_i (|grad f(y_i)| - 1)^2,
    generator:  -mean_j f(g(z_j)),

with y_i = (1 - u_i) x_i + u_i g(z_i) and one u_i ~ U[0, 1] per image. `wgan.py` clips weights
instead. The penalty holds the slope of f near 1 between real and generated images. Where no slope
exceeds 1, minus the critic's loss without the penalty is a lower bound of the Wasserstein-1
distance; a small lambda permits larger slopes.

Source: Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville 2017, "Improved training of Wasserstein
GANs", arXiv 1704.00028, Algorithm 1: lambda = 10, n_critic = 5, Adam with learning rate 1e-4,
beta_1 = 0, beta_2 = 0.9.
"""

from collections.abc import Callable
from typing import Any, ClassVar, final

import torch
from jaxtyping import Float
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor

from lightning_modules.base.adversarial import AbstractAdversarial, Losses
from lightning_modules.base.checks import check_positive
from lightning_modules.base.critic_scores import check_no_batch_norm
from lightning_modules.base.optimizers import AdamWithBetas

__all__ = ["WGANGP", "gradient_penalty"]


@final
class WGANGP(AbstractAdversarial):
    """Wasserstein GAN with gradient penalty; logs it, scores and Wasserstein estimate.

    Args:
        *args: `image_shape`, `latent_dim`, `generator` and `critic` of `AbstractAdversarial`; a
            critic with batch norm is refused.
        generator_optimizer: default Adam with learning rate 1e-4, betas 0 and 0.9.
        critic_optimizer: default Adam with learning rate 1e-4, betas 0 and 0.9.
        n_critic: critic steps before each generator step, at least 1.
        penalty_weight: lambda, > 0. The paper's 10 suits images; toy distributions learn faster
            with 0.1.
        **options: the other options of `AbstractAdversarial`.

    Raises:
        ValueError: if a size, `n_critic` or `penalty_weight` is not positive, or the critic has a
            batch norm.
    """

    double_backward_networks: ClassVar[tuple[str, ...]] = ("critic",)
    """The gradient penalty differentiates the gradient of the critic."""

    def __init__(
        self,
        *args: Any,
        generator_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=1e-4, beta1=0.0, beta2=0.9
        ),
        critic_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=1e-4, beta1=0.0, beta2=0.9
        ),
        n_critic: int = 5,
        penalty_weight: float = 10.0,
        **options: Any,
    ) -> None:
        super().__init__(
            *args,
            generator_optimizer=generator_optimizer,
            critic_optimizer=critic_optimizer,
            n_critic=n_critic,
            **options,
        )
        check_positive("penalty_weight", penalty_weight, "the paper's is 10")
        check_no_batch_norm(self.critic, "the penalty is on the slope at each image alone")
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

    def generator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        return {"loss": -self.score(fake).mean()}


def gradient_penalty(
    critic: Callable[[Tensor], Tensor], points: Float[Tensor, "n ..."]
) -> Float[Tensor, ""]:
    """Returns mean_i (|grad f(x_i)| - 1)^2 with a graph to the critic's weights.

    The norm is the Euclidean one over all coordinates of a point together: channels, rows and
    columns of an image. Norms above and below 1 are penalised alike. The penalty is computed
    outside autocast: second derivatives in half precision are too coarse.

    Args:
        critic: f; its output at a point must not depend on the other points, as with a batch norm.
        points: x_i, in the dtype of the critic's weights; they are detached from their graph.

    Returns:
        Scalar >= 0, in the dtype of `points`.

    Source: Gulrajani, Ahmed, Arjovsky, Dumoulin and Courville 2017, arXiv 1704.00028, eq. 3.
    """
    points = points.detach().requires_grad_()
    with torch.autocast(points.device.type, enabled=False):
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return (torch.linalg.vector_norm(gradient.flatten(1), dim=1) - 1).square().mean()


def _between(real: Tensor, fake: Tensor) -> Tensor:
    """Returns one point per pair, uniform on the segment between both.

    The result has the wider of the two dtypes, that of the weights: under autocast only the
    generated images are of half precision.
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), dtype=real.dtype, device=real.device)
    return real + share * (fake - real)
