"""Energy-based GAN with an autoencoder as critic.

The critic gives an image its energy D(x) = |Dec(Enc(x)) - x|. The critic and the generator g
minimise alternately, with the margin m, over batches of n,

    critic:     mean_i D(x_i) + mean_j max(0, m - D(g(z_j))),
    generator:  mean_j D(g(z_j)) + w PT,
    PT = 1/(n (n - 1)) sum_{i != j} cos(S_i, S_j)^2,        S_j = Enc(g(z_j)).

The norm is the Euclidean one over the pixels in [-1, 1], not the mean of squares: that is at most 4
and would never reach the paper's margin of 10. The pulling-away term PT repels the codes of a
batch; a code is an output of the encoder, while a latent is an input of the generator. PT enters
the generator's loss only. Low scores are good here, unlike in the other models.

Source: Zhao, Mathieu and LeCun 2016, "Energy-based Generative Adversarial Network", arXiv
1609.03126: for MNIST fully connected networks, margin 10, Adam 1e-3; w = 0.1.
"""

from typing import Any, final

import torch
from lightning.pytorch.cli import OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import normalize

from hawc.precision import full_precision
from lightning_modules.base.adversarial import AbstractAdversarial, Losses
from lightning_modules.base.checks import check_at_least_one, check_positive
from lightning_modules.base.errors import TrainingError
from lightning_modules.base.image_range import squashed
from lightning_modules.interface import ImageShape, NetworkFactory

__all__ = ["EBGAN", "EnergyCritic", "pulling_away"]


@final
class EBGAN(AbstractAdversarial):
    """Energy-based GAN; logs mean energies as train/score_real and train/score_fake.

    Args:
        image_shape: of one image (channels, height, width), or of one table row (features,).
        latent_dim: number of latent coordinates, at least 1.
        generator: builds the network from latents to images, unbounded output.
        encoder: builds the critic's network from images to codes.
        decoder: builds the critic's network from codes to images, unbounded output.
        code_dim: length of a code, at least 1.
        generator_optimizer: default Adam with learning rate 1e-3.
        critic_optimizer: of encoder and decoder; default Adam with learning rate 1e-3.
        margin: energy above which a generated image adds nothing to the critic's loss, > 0, in the
            units of the norm: it grows with the square root of the number of pixels.
        pulling_away_weight: of PT, >= 0; needs two images in a generator step in each process.
        **options: the other options of `AbstractAdversarial`.

    Raises:
        ValueError: if a size, `n_critic` or `margin` is not positive, or the weight is negative.
        TrainingError: (in a step) if PT has one image only.
    """

    critic: "EnergyCritic"

    def __init__(
        self,
        image_shape: ImageShape,
        latent_dim: int,
        generator: NetworkFactory,
        encoder: NetworkFactory,
        decoder: NetworkFactory,
        code_dim: int,
        generator_optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=1e-3),
        critic_optimizer: OptimizerCallable = lambda p: torch.optim.Adam(p, lr=1e-3),
        margin: float = 10.0,
        pulling_away_weight: float = 0.1,
        **options: Any,
    ) -> None:
        check_at_least_one("code_dim", code_dim)
        check_positive("margin", margin, "the paper's for MNIST is 10")
        if not pulling_away_weight >= 0:
            raise ValueError(
                f"`pulling_away_weight` must be at least 0, got {pulling_away_weight}; the paper's "
                "is 0.1, and 0 leaves the term out."
            )

        def critic(shape: ImageShape, _: int) -> EnergyCritic:
            return EnergyCritic(encoder(shape, code_dim), decoder(shape, code_dim), shape)

        super().__init__(
            image_shape=image_shape,
            latent_dim=latent_dim,
            generator=generator,
            critic=critic,
            generator_optimizer=generator_optimizer,
            critic_optimizer=critic_optimizer,
            **options,
        )
        self._margin, self._pulling_away_weight = margin, pulling_away_weight

    def critic_losses(self, real: Tensor, fake: Tensor) -> Losses:
        score_real, score_fake = self.scores(real, fake)
        return {
            "loss": score_real.mean() + (self._margin - score_fake).relu().mean(),
            "score_real": score_real,
            "score_fake": score_fake,
        }

    def generator_losses(self, real: Tensor, fake: Tensor) -> Losses:
        codes = self.critic.encoder(fake)
        energy = self.critic.energies(fake, codes).mean()
        if self._pulling_away_weight == 0:
            return {"loss": energy}
        repulsion = pulling_away(codes)
        return {"loss": energy + self._pulling_away_weight * repulsion, "pulling_away": repulsion}


def pulling_away(codes: Tensor) -> Tensor:
    """Returns the mean squared cosine between different codes, in [0, 1].

    1/(N (N - 1)) sum_{i != j} (S_i . S_j / (|S_i| |S_j|))^2. Opposite codes count like equal ones.
    A code 0 has cosine 0 with all others.

    Args:
        codes: (N, d), at least two.

    Returns:
        Scalar, float32 also under autocast: a cosine near 1 needs its digits.

    Raises:
        TrainingError: if there are fewer than two codes.

    Source: Zhao, Mathieu and LeCun 2016, arXiv 1609.03126, section 2.4.
    """
    n = len(codes)
    if n < 2:
        raise TrainingError(
            f"the pulling-away term compares at least 2 images, got {n}; raise "
            "`generator_batch_size` or set `pulling_away_weight` to 0."
        )
    with torch.autocast(codes.device.type, enabled=False):
        directions = normalize(codes.float(), dim=1)
        squares = (directions @ directions.T).square()
    return (squares.sum() - squares.diagonal().sum()) / (n * (n - 1))


@final
class EnergyCritic(nn.Module):
    """Gives each image its reconstruction error |Dec(Enc(x)) - x|, the Euclidean norm.

    Args:
        encoder: from images to codes.
        decoder: from codes to images, unbounded output.
        image_shape: of one image, in [-1, 1], or of one table row.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, image_shape: ImageShape) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self._image_shape = image_shape

    def forward(self, images: Tensor) -> Tensor:
        """Returns energies (n, 1), >= 0, low for images like those of the data."""
        return self.energies(images, self.encoder(images))

    def energies(self, images: Tensor, codes: Tensor) -> Tensor:
        """Returns the energies (n, 1) of images with given codes, float32 at least."""
        decoded = squashed(full_precision(self.decoder(codes)), self._image_shape)
        errors = decoded - full_precision(images)
        return torch.linalg.vector_norm(errors.flatten(1), dim=1, keepdim=True)
