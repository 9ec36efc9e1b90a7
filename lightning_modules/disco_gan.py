"""DiscoGAN: translators between two domains that are learnt without pairs.

Translators g_ab, g_ba and critics f_a, f_b (scores before a sigmoid) minimise in turn, with
softplus(s) = log(1 + e^s) and batches x of A and y of B,

    critics:      sum over both domains of  E softplus(-f_b(y)) + E softplus(f_b(g_ab(x))),
    translators:  sum over both domains of
                  w (1 - s) E softplus(-f_b(g_ab(x)))  +  w s M_b  +  v E d(g_ba(g_ab(x)), x),

d the reconstruction distance, M_b feature matching (``translation_losses``), (w, v) the two
`weights` and s = `feature_share`. Both signs are plus: a reconstruction must come back to x.

The paper has w = v = 1 and s = 0. The authors' code has s = 0.9, (w, v) = (0.99, 0.01) for the
first 10,000 batches and (0.5, 0.5) thereafter, critic losses halved and a weight decay of 1e-5.
Distances are of images in [0, 1], as in that code, while networks see and make [-1, 1].

Source: Kim, Cha, Kim, Lee and Kim 2017, "Learning to discover cross-domain relations with
generative adversarial networks", arXiv 1703.05192: Adam with learning rate 2e-4, betas (0.5, 0.999)
and weight decay 1e-4. The paper leaves the number of steps open; a batch for the critics and two
for the translators are the code's.
"""

from collections.abc import Callable
from typing import Any, ClassVar, final, get_args

import torch
from lightning.pytorch.cli import LRSchedulerCallable, OptimizerCallable
from torch import Tensor, nn
from torch.nn.functional import softplus

from hawc.kernels import full_precision
from lightning_modules.base.alternating import AbstractAlternating, Losses, Network, frozen
from lightning_modules.base.checks import (
    BatchContract,
    check_at_least_one,
    check_sizes,
    forget_callables,
)
from lightning_modules.base.critic_scores import critic_scores
from lightning_modules.base.image_range import from_signed, squashed, to_signed
from lightning_modules.base.optimizers import AdamWithBetas
from lightning_modules.interface import FeatureCritic, ImageShape, NetworkFactory, provides
from lightning_modules.losses.translation import (
    Distance,
    feature_matching,
    reconstruction_distance,
)

__all__ = ["DiscoGAN"]

TranslatorFactory = Callable[[ImageShape], nn.Module]
"""Builds a network from images to images; in YAML a class_path and the other arguments."""

Weights = tuple[float, float]
"""Of the adversarial and the reconstruction part."""


_WAYS = (("a", "b"), ("b", "a"))


@final
class DiscoGAN(AbstractAlternating):
    """Two translators and two critics; logs both losses and their parts for each domain.

    A batch (a, b) of two domains serves one step: one of both critics together, then
    `n_generator` of both translators together.

    Args:
        image_shape: of one image of either domain, without the batch.
        generator: builds a translator, unbounded output; called twice.
        critic: builds a network from images to one score; called twice. For feature matching it
            has a method `scores_and_features`, as networks.DiscoCritic.
        generator_optimizer: of both translators; default Adam as in the paper.
        critic_optimizer: of both critics; default Adam as in the paper.
        generator_scheduler: of their learning rate, stepped after each generator step.
        critic_scheduler: of their learning rate, stepped after each critic step.
        n_generator: generator steps after each critic step, at least 1.
        max_gradient_norm: bound of each pair's gradient before its step, > 0; None: no bound.
        distance: between a image and its reconstruction: l1, mse, huber or cosine.
        huber_delta: where the Huber distance turns linear, > 0; for images below 1, from which
            on it is half the mse.
        weights: of the adversarial and the reconstruction part, >= 0. (1, 0): plain GANs.
        starting_weights: instead, for the first `num_starting_batches` batches; None: the same.
        num_starting_batches: batches with `starting_weights`, at least 1.
        feature_share: share of feature matching in the adversarial part, in [0, 1].
        critic_weight: factor of the critics' loss, > 0; 0.5 in the authors' code.
        both_ways: whether B to A has its own critic and reconstruction; False leaves the "GAN with
            a reconstruction loss" that the paper compares with.

    Raises:
        ValueError: if an argument is out of its range, or features are missing.
        TrainingError: (in a step) if a loss is not finite or a batch breaks `BatchContract`.
    """

    num_domains: ClassVar[int] = 2
    """Of a batch (a, b)."""

    def __init__(
        self,
        image_shape: ImageShape,
        generator: TranslatorFactory,
        critic: NetworkFactory,
        generator_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999, weight_decay=1e-4
        ),
        critic_optimizer: OptimizerCallable = lambda p: AdamWithBetas(
            p, lr=2e-4, beta1=0.5, beta2=0.999, weight_decay=1e-4
        ),
        generator_scheduler: LRSchedulerCallable | None = None,
        critic_scheduler: LRSchedulerCallable | None = None,
        n_generator: int = 2,
        max_gradient_norm: float | None = None,
        distance: Distance = "mse",
        huber_delta: float = 0.1,
        weights: Weights = (1.0, 1.0),
        starting_weights: Weights | None = None,
        num_starting_batches: int = 10_000,
        feature_share: float = 0.0,
        critic_weight: float = 1.0,
        both_ways: bool = True,
    ) -> None:
        super().__init__(
            generator_optimizer,
            critic_optimizer,
            generator_scheduler,
            critic_scheduler,
            max_gradient_norm,
        )
        self.save_hyperparameters()
        forget_callables(self)
        check_sizes(image_shape, 1)
        check_at_least_one("n_generator", n_generator)
        check_at_least_one("num_starting_batches", num_starting_batches)
        _check_distance(distance, huber_delta)
        both = {"weights": weights, "starting_weights": starting_weights or weights}
        _check_weights(both, feature_share, critic_weight)
        self.image_shape = tuple(image_shape)
        name = type(self).__name__
        self.batch_contract = BatchContract(self.image_shape, name, self.num_domains)
        self.generator = nn.ModuleDict(
            {way: generator(self.image_shape) for way in ("a_to_b", "b_to_a")}
        )
        self.critic = nn.ModuleDict({name: critic(self.image_shape, 1) for name in ("a", "b")})
        if feature_share > 0:
            _check_features(self.critic["a"])
        self._n_generator = n_generator
        self._distance, self._huber_delta = distance, huber_delta
        self._weights = weights
        self._starting_weights = starting_weights or weights
        self._num_starting_batches = num_starting_batches
        self._feature_share = feature_share
        self._critic_weight = critic_weight
        self._ways = _WAYS if both_ways else _WAYS[:1]

    def translate_to_b(self, images: Tensor) -> Tensor:
        """Returns what images (n, *image_shape) of A in [0, 1], or rows, become in B."""
        return self._shown(self._translate(self._seen(images), "a", "b"))

    def translate_to_a(self, images: Tensor) -> Tensor:
        """Returns what images (n, *image_shape) of B in [0, 1], or rows, become in A."""
        return self._shown(self._translate(self._seen(images), "b", "a"))

    def alternate(self, batch: tuple[Tensor, Tensor]) -> None:
        a, b = self._checked(batch)
        if self._turn() == 0:
            self.step_critic(self.critic_losses(a, b))
            return
        with frozen(self.critic):
            self.step_generator(self.generator_losses(a, b))

    def batches_until_next(self, network: Network) -> int:
        if network == "critic":
            return 1 + self._n_generator
        return 2 if self._turn() == self._n_generator else 1

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_reconstructions("val", batch)

    def test_step(self, batch: tuple[Tensor, Tensor], batch_idx: int) -> None:
        self._log_reconstructions("test", batch)

    def critic_losses(self, a: Tensor, b: Tensor) -> Losses:
        """Returns the critics' "loss" and mean scores, for images of both domains in [-1, 1]."""
        batches = {"a": a, "b": b}
        terms: dict[str, Tensor] = {}
        loss = a.new_zeros(())
        for source, target in self._ways:
            with torch.no_grad(), frozen(self.generator):
                fake = self._translate(batches[source], source, target)
            score_real, score_fake = critic_scores(self.critic[target], batches[target], fake)
            loss = loss + softplus(-score_real).mean() + softplus(score_fake).mean()
            terms[f"score_real_{target}"] = score_real
            terms[f"score_fake_{target}"] = score_fake
        return {"loss": self._critic_weight * loss, **terms}

    def generator_losses(self, a: Tensor, b: Tensor) -> Losses:
        """Returns the translators' "loss" and its parts, for images in [-1, 1]."""
        batches = {"a": a, "b": b}
        weight, reconstruction_weight = self._current_weights()
        terms: dict[str, Tensor] = {}
        loss = a.new_zeros(())
        for source, target in self._ways:
            fake = self._translate(batches[source], source, target)
            adversarial, matching = self._adversarial(self.critic[target], batches[target], fake)
            terms[f"adversarial_{target}"] = adversarial
            loss = loss + weight * (1 - self._feature_share) * adversarial
            if matching is not None:
                terms[f"feature_matching_{target}"] = matching
                loss = loss + weight * self._feature_share * matching
            if reconstruction_weight > 0:
                again = self._translate(fake, target, source)
                reconstruction = self._distance_to(again, batches[source])
                terms[f"reconstruction_{source}"] = reconstruction
                loss = loss + reconstruction_weight * reconstruction
        return {"loss": loss, **terms}

    def _turn(self) -> int:
        """Returns 0 when the critics move, then 1 to `n_generator` when the translators do."""
        return self.batch_count % (1 + self._n_generator)

    def _translate(self, images: Tensor, source: str, target: str) -> Tensor:
        return squashed(self.generator[f"{source}_to_{target}"](images), self.image_shape)

    def _seen(self, images: Tensor) -> Tensor:
        return to_signed(images, self.image_shape)

    def _shown(self, made: Tensor) -> Tensor:
        return from_signed(made, self.image_shape)

    def _adversarial(self, critic: Any, real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor | None]:
        """Returns the GAN loss of fakes and, if it has a share, their feature matching."""
        if self._feature_share == 0:
            return softplus(-full_precision(critic(fake))).mean(), None
        score, features = critic.scores_and_features(fake)
        _, real_features = critic.scores_and_features(real)
        return softplus(-full_precision(score)).mean(), feature_matching(real_features, features)

    def _distance_to(self, made: Tensor, original: Tensor) -> Tensor:
        made, original = self._shown(made), self._shown(original)
        return reconstruction_distance(self._distance, made, original, self._huber_delta)

    def _current_weights(self) -> Weights:
        starting = self.batch_count < self._num_starting_batches
        return self._starting_weights if starting else self._weights

    def _log_reconstructions(self, stage: str, batch: tuple[Tensor, Tensor]) -> None:
        for (source, target), images in zip(_WAYS, self._checked(batch), strict=True):
            again = self._translate(self._translate(images, source, target), target, source)
            self.log(
                f"{stage}/reconstruction_{source}",
                self._distance_to(again, images),
                batch_size=len(images),
                sync_dist=True,
            )

    def _checked(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Returns both domains' images as the networks see them."""
        a, b = self.batch_contract.examples(batch)
        return self._seen(a), self._seen(b)


def _check_distance(distance: str, huber_delta: float) -> None:
    if distance not in get_args(Distance):
        raise ValueError(f"`distance` must be l1, mse, huber or cosine, got {distance}; try mse.")
    if not huber_delta > 0:
        raise ValueError(f"`huber_delta` must be > 0, got {huber_delta}; for images try 0.1.")


def _check_weights(weights: dict[str, Weights], feature_share: float, critic_weight: float) -> None:
    for name, pair in weights.items():
        if len(pair) != 2 or min(pair) < 0 or max(pair) == 0:
            raise ValueError(
                f"`{name}` must be two numbers >= 0 and not both 0, those of the adversarial and "
                f"the reconstruction part, got {pair}; the paper's are 1 and 1."
            )
    if not 0 <= feature_share <= 1:
        raise ValueError(
            f"`feature_share` must be in [0, 1], got {feature_share}; the paper's is 0, the "
            "authors' code has 0.9."
        )
    if not critic_weight > 0:
        raise ValueError(f"`critic_weight` must be > 0, got {critic_weight}; the paper's is 1.")


def _check_features(critic: nn.Module) -> None:
    if not provides(critic, FeatureCritic):
        raise ValueError(
            "`feature_share` above 0 needs a `critic` with the method `scores_and_features`, as "
            f"networks.DiscoCritic, got {type(critic).__name__}; set it to 0."
        )
