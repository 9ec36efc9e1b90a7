"""A product of normal distributions, fitted to a distribution of known density by either KL
divergence.

q(x) = prod_j N(x_j; m_j, s_j^2) is moved, over draws, down

    reverse:  KL(q || p) = E_q [log q(x) - log p(x)],  x = m + s * noise  (variational Bayes),
    forward:  KL(p || q) = E_p [log p(x) - log q(x)],  x from the data    (matching moments).

The entropy of q is exact, and noise comes in pairs +-e, whose errors in m cancel where log p is
quadratic. For p = N(mu, S), L = S^-1, the first ends at s_j^2 = 1 / L_jj and the second at S_jj; of
a distribution with two modes the first takes one, the second covers both.

Source: Bishop 2006, "Pattern recognition and machine learning", sections 10.1 and 10.7; Kingma and
Welling 2013, "Auto-encoding variational Bayes", arXiv 1312.6114, for the reparametrisation.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, final, get_args

import torch
from jaxtyping import Float
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn

from hawc import StandardNormal
from hawc.targets import AbstractTarget
from lightning_modules.base.checks import check_at_least_one, check_sizes
from lightning_modules.base.errors import TrainingError
from lightning_modules.base.one_loss import AbstractOneLoss
from lightning_modules.interface import HasDensity, ImageShape, provides

__all__ = ["MeanField"]

Direction = Literal["reverse", "forward"]

LogDensity = Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]]


@final
class MeanField(AbstractOneLoss):
    """A product of normal distributions; logs loss, reverse_kl, forward_kl, and mean and std by
    coordinate.

    The data module must say its `log_density`. Both divergences are estimates from draws, in nats;
    the loss is the one asked for. As a generator it maps N(0, I) to q.

    Args:
        image_shape: (d,), of one row.
        direction: "reverse" minimises KL(q || p), "forward" KL(p || q).
        start: mean of q at first, a number a coordinate; 0 if None. Between two modes a reverse
            fit may stay where they pull alike.
        start_std: standard deviation of q at first, > 0.
        num_samples: of q at a step, even, at least 2.
        optimizer: of means and log standard deviations.
        scheduler: of the optimizer's learning rate, stepped after each epoch; none if None.

    Raises:
        ValueError: if an argument is out of its range.
        TrainingError: (when a run starts) if the data do not know their density, (in a step) if the
            loss is not finite or points have another shape.
    """

    needs_density: ClassVar[Literal[True]] = True
    """Checked by the command line before anything is written."""

    def __init__(
        self,
        image_shape: ImageShape,
        direction: Direction = "reverse",
        start: Sequence[float] | None = None,
        start_std: float = 1.0,
        num_samples: int = 256,
        optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=0.05),
        scheduler: LRSchedulerCallable | None = None,
    ) -> None:
        check_sizes(image_shape, 1)
        dim = math.prod(image_shape)
        if len(image_shape) != 1 or (start is not None and len(start) != dim):
            raise ValueError(
                "`image_shape` must be (d,) and `start` have d numbers, got "
                f"{tuple(image_shape)} and {start}; images have no place here."
            )
        mean = torch.as_tensor([0.0] * dim if start is None else start, dtype=torch.float32)
        if not mean.isfinite().all():
            raise ValueError(f"`start` must be finite numbers, got {start}; try 0 in each place.")
        if direction not in get_args(Direction):
            raise ValueError(f'`direction` must be "reverse" or "forward", got {direction!r}.')
        if not 0 < start_std < math.inf:
            raise ValueError(f"`start_std` must be > 0 and finite, got {start_std}; try 1.")
        check_at_least_one("num_samples", num_samples)
        if num_samples % 2:
            raise ValueError(
                f"`num_samples` must be even, for draws come in pairs, got {num_samples}."
            )
        super().__init__(image_shape, optimizer, scheduler)
        self.latent_dim = dim
        self.mean = nn.Parameter(mean.clone())
        self.log_std = nn.Parameter(torch.full((dim,), math.log(start_std)))
        self._direction = direction
        self._num_samples = num_samples
        self._log_density: LogDensity | None = None

    @property
    def prior(self) -> AbstractTarget:
        return StandardNormal(self.latent_dim)

    def decode(self, z: Tensor) -> Tensor:
        """Returns rows (n, d) of the distribution q from latents (n, d) of N(0, I)."""
        return self.mean + self.log_std.exp() * z

    def log_q(self, points: Float[Tensor, "n d"]) -> Float[Tensor, " n"]:
        """Returns the log density of q at each point."""
        scaled = (points - self.mean) * torch.exp(-self.log_std)
        constant = self.log_std.sum() + 0.5 * self.latent_dim * math.log(2 * math.pi)
        return -0.5 * scaled.square().sum(1) - constant

    def losses(self, images: Float[Tensor, "n d"]) -> dict[str, Tensor]:
        """Returns the loss and both divergences, from samples of p, and what q is by now."""
        assert self._log_density is not None  # setup has seen to it
        spread = self.log_std.exp()
        distribution = {f"mean_{j}": self.mean[j] for j in range(self.latent_dim)}
        distribution |= {f"std_{j}": spread[j] for j in range(self.latent_dim)}
        return {**self.divergences(images, self._log_density), **distribution}

    def divergences(
        self, points: Float[Tensor, "n d"], log_density: LogDensity
    ) -> dict[str, Tensor]:
        """Returns "loss", "reverse_kl" and "forward_kl", estimates in nats that may be negative.

        Args:
            points: samples of p.
            log_density: of p.
        """
        half = torch.randn(self._num_samples // 2, self.latent_dim, device=self.device)
        own = self.decode(torch.cat((half, -half)))
        entropy = self.log_std.sum() + 0.5 * self.latent_dim * math.log(2 * math.pi * math.e)
        reverse = -entropy - log_density(own).mean()
        forward = (log_density(points) - self.log_q(points)).mean()
        loss = reverse if self._direction == "reverse" else forward
        return {"loss": loss, "reverse_kl": reverse, "forward_kl": forward}

    def setup(self, stage: str) -> None:
        datamodule: Any = self.trainer.datamodule  # type: ignore[attr-defined]
        if not provides(datamodule, HasDensity):
            raise TrainingError(
                "MeanField needs data that know their density, got "
                f"{type(datamodule).__name__}, which has no `log_density`; take GaussianEllipse or "
                "Gaussians2."
            )
        self._log_density = datamodule.log_density
